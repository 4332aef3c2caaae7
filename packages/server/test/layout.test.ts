import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, test } from 'node:test'

const src = join(import.meta.dirname, '../src')

/**
 * Which way imports go, types included. A row names a place, a folder or a file of `src`, and what it may import beside
 * itself and `error.ts`; the longest name that fits a file is its row. ARCHITECTURE.md says why.
 */
const mayImport: { [place: string]: string[] } = {
  'error.ts': [],
  ledger: [],
  runtime: [],
  'config.ts': ['ledger'],
  store: ['ledger'],
  record: ['store', 'ledger', 'runtime', 'config.ts'],
  'context.ts': ['config.ts', 'runtime', 'record'],
  cluster: ['context.ts', 'config.ts', 'record', 'store', 'runtime'],
  webhooks: ['context.ts', 'config.ts', 'record', 'store', 'runtime', 'cluster'],
  sources: ['context.ts', 'config.ts', 'ledger', 'record', 'cluster', 'store', 'runtime'],
  api: ['context.ts', 'config.ts', 'ledger', 'sources', 'webhooks', 'record', 'store', 'runtime'],
  rooms: ['context.ts', 'config.ts', 'api/auth', 'cluster', 'sources', 'record', 'store', 'runtime'],
  'app.ts': ['config.ts', 'context.ts', 'api', 'cluster', 'record', 'rooms', 'runtime', 'sources', 'store', 'webhooks'],
  cli: ['config.ts', 'context.ts', 'api', 'cluster', 'ledger', 'record', 'runtime', 'sources', 'store', 'webhooks'],
  'main.ts': ['app.ts', 'config.ts', 'cli/demo', 'api/auth', 'runtime'],
}

/** Libraries that a place never imports, by the pattern of their names. */
const neverImports: { [place: string]: RegExp } = {
  ledger: /^(?!@rollcall\/protocol$)/,
  store: /^(fastify|ws)\b/,
  api: /^(kysely|node:sqlite)$/,
  rooms: /^(kysely|node:sqlite)$/,
}

const files = globSync('**/*.ts', { cwd: src })
const rowOf = (file: string) =>
  Object.keys(mayImport)
    .filter((place) => file === place || file.startsWith(`${place}/`))
    .sort((a, b) => b.length - a.length)[0]

/** What a file imports, as it stands in the text: types too. */
function specifiersIn(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8')
  return [...text.matchAll(/(?:\bfrom |\bimport\(|\bimport )'([^']+)'/g)].map(([, specifier]) => specifier ?? '')
}

/** What it imports of the server. */
function importsOf(file: string): string[] {
  const own = specifiersIn(file).filter((specifier) => specifier.startsWith('.') && specifier.endsWith('.ts'))
  return own.map((path) => relative(src, resolve(src, dirname(file), path)))
}

describe('the layout of the server', () => {
  test('lets imports go one way: each folder imports what its row of the table names, and no more', () => {
    const broken = files.flatMap((file) => {
      const row = rowOf(file)
      if (row === undefined) return [`${file} is in no row of the table`]
      const allowed = [row, 'error.ts', ...(mayImport[row] ?? [])]
      return importsOf(file)
        .filter((target) => !allowed.some((place) => target === place || target.startsWith(`${place}/`)))
        .map((target) => `${row} may not import ${target}: ${file} does`)
    })
    assert.deepEqual(broken, [])
  })

  test('keeps the ledger pure, the database out of the doors, and the doors out of the database', () => {
    const broken = files.flatMap((file) => {
      const never = neverImports[rowOf(file) ?? '']
      const libraries = specifiersIn(file).filter((specifier) => !specifier.startsWith('.'))
      return libraries
        .filter((name) => never?.test(name))
        .map((name) => `${rowOf(file)} never imports ${name}: ${file} does`)
    })
    assert.deepEqual(broken, [])
  })

  test('has no circle: no file imports, by whatever way, a file that imports it', () => {
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (file: string, way: string[]) => {
      if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' -> '))
      if (way.includes(file) || done.has(file)) return
      for (const target of importsOf(file)) visit(target, [...way, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    assert.deepEqual(circles, [])
  })

  test('has at most five files beside its folders', () => {
    assert.deepEqual(files.filter((file) => !file.includes('/')).sort(), [
      'app.ts',
      'config.ts',
      'context.ts',
      'error.ts',
      'main.ts',
    ])
  })
})
