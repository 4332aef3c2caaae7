import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { defineConfig, type OutputOptions, type Plugin, type RolldownOptions } from 'rolldown'

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
 * with a capital: `test/built.test.ts` holds them to it.
 */
const schemas: Plugin = {
  name: 'schemas',
  transform: (code, id) => (/\bprotocol\/src\//.test(id) ? markSchemas(code) : undefined),
}
export function markSchemas(code: string): string {
  return code.replace(/(?<=[=([,:{]\s*)(?:Type\.)?[A-Z]\w*\(/g, '/* @__PURE__ */ $&')
}

/** What libraries load and nobody here uses. */
const unused: Plugin = {
  name: 'unused',
  resolveId(id, importer = '', { kind }) {
    const library = Object.keys(placeholders).find((name) => importer.includes(`/node_modules/${name}/`))
    const isUnused = library !== undefined && Object.hasOwn(placeholders[library] ?? {}, id)
    return isUnused && kind === 'require-call' ? `\0unused:${library}:${id}` : undefined
  },
  load(id) {
    const [, library = '', unusedId = ''] = /^\0unused:([^:]+):(.+)$/.exec(id) ?? []
    return placeholders[library]?.[unusedId]
  },
}
const noCompiler = `module.exports = () => () => { throw new Error('no compiler of schemas is set') }`
const placeholders: { [library: string]: { [id: string]: string } } = {
  fastify: {
    // Each server sets compilers of ours.
    '@fastify/ajv-compiler': noCompiler,
    '@fastify/fast-json-stringify-compiler': noCompiler,
    // Until somebody opens a server of it.
    'node:http2': `exports.createServer = (...options) => process.getBuiltinModule('node:http2').createServer(...options)`,
    // Which plugins go with which Fastify is settled by what is installed.
    semver: 'exports.satisfies = () => true',
  },
  'prom-client': {
    // Exemplars, which nobody asks for.
    '@opentelemetry/api': '',
  },
}

/** V8 keeps a text of ASCII in half the memory of one with a letter beyond. rolldown leaves comments of licenses as they are. */
const ascii: Plugin = {
  name: 'ascii',
  renderChunk: (code) => code.replace(/\/\*!.*?\*\//gs, (comment) => comment.replace(/[^\0-\x7f]/g, toEscape)),
}
const toEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

const output: OutputOptions = { format: 'esm', charset: 'ascii', comments: { annotation: false, jsdoc: false } }

const shared: RolldownOptions = {
  platform: 'node',
  plugins: [builtins, unused, schemas, ascii],
  // 5 MB that is asked for by whoever opens /docs, and the driver of a library in C that nobody installs.
  external: ['@scalar/fastify-api-reference', 'pg-native'],
  transform: {
    // The sources are for the Node that they are written with; what is built runs on the oldest of `engines`.
    target: 'node22.16',
    inject: { AsyncDisposableStack: join(import.meta.dirname, 'async-disposable-stack.ts') },
  },
  output,
}

/**
 * A thread starts from one file with what it alone uses: what is shared with the rest is read, and kept in memory, by each of
 * both all the same. To read a property, such as one of a schema, does nothing else.
 */
const ofThread: RolldownOptions = {
  treeshake: { propertyReadSideEffects: false },
  output: { ...output, codeSplitting: false },
}

/** The process, the server in it, its settings and errors, and the commands, with what they share in files beside them; and the threads that write, and read what is imported. */
export default defineConfig([
  { ...shared, input: ['src/main.ts', 'src/app/app.ts', 'src/config.ts', 'src/error.ts', 'src/cli/cli.ts'] },
  ...['src/record/writer/thread.ts', 'src/imports/reading-thread.ts'].map((input) => ({
    ...shared,
    ...ofThread,
    input,
  })),
])
