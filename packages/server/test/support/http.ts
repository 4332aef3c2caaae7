/**
 * What tests use of `node:http`. Whoever imports that by its name has Node read each of its names, and one of them loads all of
 * `fetch`, which takes a file of tests twice as long as to start Node.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http')
