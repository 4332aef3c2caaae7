import { defineConfig, type Plugin } from 'rolldown'

/**
 * Whoever imports `node:http` has Node read each of its names, and one of them loads all of `fetch`: a tenth of a start. What is built
 * takes the few that it uses.
 */
const http: Plugin = {
  name: 'http',
  resolveId: (id, _, { kind }) => (id === 'node:http' && kind === 'import-statement' ? '\0http' : undefined),
  load: (id) =>
    id === '\0http'
      ? `export const { STATUS_CODES, createServer, request } = process.getBuiltinModule('node:http')`
      : undefined,
}

/** The process, the server in it, its settings and errors, the commands, and the threads that write, and read what is imported; with what they share in files beside them. */
export default defineConfig({
  input: [
    'src/main.ts',
    'src/app.ts',
    'src/config.ts',
    'src/error.ts',
    'src/cli/cli.ts',
    'src/record/writer/thread.ts',
    'src/imports/reading-thread.ts',
  ],
  platform: 'node',
  plugins: [http],
  // 5 MB that is asked for by whoever opens /docs, and the driver of a library in C that nobody installs.
  external: ['@scalar/fastify-api-reference', 'pg-native'],
  transform: {
    // The sources are for the Node that they are written with; what is built runs on the oldest of `engines`.
    target: 'node22.16',
    inject: { AsyncDisposableStack: 'core-js-pure/actual/async-disposable-stack' },
  },
  output: { format: 'esm' },
})
