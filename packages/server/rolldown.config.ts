import { builtinModules } from 'node:module'
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown'

/**
 * Whoever imports a module of Node has it read each of its names, and some of them load much that nobody asked for: one of
 * `node:http` all of `fetch`, one of `node:crypto` all of Web Crypto. What is built reads the names that it uses.
 */
const builtins: Plugin = {
  name: 'builtins',
  resolveId(id, importer, { kind }) {
    const isBuiltin = id.startsWith('node:') || builtinModules.includes(id)
    // rolldown's own helpers are there before any module is.
    const isOurs = importer?.startsWith('\0') === false
    return isBuiltin && isOurs && kind === 'import-statement' ? `\0builtin:${id}` : undefined
  },
  load(id) {
    const name = id.startsWith('\0builtin:') ? id.slice('\0builtin:'.length) : undefined
    if (name === undefined) return undefined
    const names = Object.keys(process.getBuiltinModule(name) ?? {}).filter((key) => key !== 'default')
    return [
      `const $builtin = process.getBuiltinModule('${name}')`,
      'const $read = (key) => $builtin[key]',
      'export default $builtin',
      ...names.map((key) => `export const ${key} = /* @__PURE__ */ $read('${key}')`),
    ].join('\n')
  },
}

/**
 * What makes a schema does nothing else, so that one which nobody uses is left out. In `protocol/` such functions, and no others, begin
 * with a capital.
 */
const schemas: Plugin = {
  name: 'schemas',
  transform: (code, id) =>
    /\bprotocol\/src\//.test(id)
      ? code.replace(/(?<=[=([,:{]\s*)(?:Type\.)?[A-Z]\w*\(/g, '/* @__PURE__ */ $&')
      : undefined,
}

/**
 * What Fastify loads and nobody here uses: HTTP/2, until somebody opens a server of it, and its own compilers of schemas, in whose
 * place each server sets ours.
 */
const unused: Plugin = {
  name: 'unused',
  resolveId: (id, _, { kind }) =>
    kind === 'require-call' && Object.hasOwn(placeholders, id) ? `\0unused:${id}` : undefined,
  load: (id) => (id.startsWith('\0unused:') ? placeholders[id.slice('\0unused:'.length)] : undefined),
}
const noCompiler = `module.exports = () => () => { throw new Error('no compiler of schemas is set') }`
const placeholders: { [id: string]: string } = {
  '@fastify/ajv-compiler': noCompiler,
  '@fastify/fast-json-stringify-compiler': noCompiler,
  'node:http2': `exports.createServer = (...options) => process.getBuiltinModule('node:http2').createServer(...options)`,
}

/** V8 keeps a text of ASCII in half the memory of one with a letter beyond. rolldown leaves comments of licenses as they are. */
const ascii: Plugin = {
  name: 'ascii',
  renderChunk: (code) => code.replace(/\/\*!.*?\*\//gs, (comment) => comment.replace(/[^\0-\x7f]/g, toEscape)),
}
const toEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

const shared: RolldownOptions = {
  platform: 'node',
  plugins: [builtins, unused, schemas, ascii],
  // 5 MB that is asked for by whoever opens /docs, and the driver of a library in C that nobody installs.
  external: ['@scalar/fastify-api-reference', 'pg-native'],
  transform: {
    // The sources are for the Node that they are written with; what is built runs on the oldest of `engines`.
    target: 'node22.16',
    inject: { AsyncDisposableStack: 'core-js-pure/actual/async-disposable-stack' },
  },
  output: { format: 'esm', charset: 'ascii', comments: { annotation: false, jsdoc: false } },
}

/**
 * A thread starts from one file with what it alone uses: what is shared with the rest is read, and kept in memory, by each of
 * both all the same. To read a property, such as one of a schema, does nothing else.
 */
const ofThread: RolldownOptions = { treeshake: { propertyReadSideEffects: false } }

/** The process, the server in it, its settings and errors, and the commands, with what they share in files beside them; and the threads that write, and read what is imported. */
export default defineConfig([
  { ...shared, input: ['src/main.ts', 'src/app.ts', 'src/config.ts', 'src/error.ts', 'src/cli/cli.ts'] },
  ...['src/record/writer/thread.ts', 'src/imports/reading-thread.ts'].map((input) => ({
    ...shared,
    ...ofThread,
    input,
  })),
])
