import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, test } from 'node:test'

const src = join(import.meta.dirname, '../src')

type Row = { imports: string[]; never: string[] }

/**
 * Which way imports go, as the table of ARCHITECTURE.md says: of a place, a folder or a file of `src`, what it imports beside
 * itself and `error.ts`, and which libraries it never does. The longest name that fits a file is its row.
 */
const rows = new Map<string, Row>([['error.ts', { imports: [], never: [] }]])
for (const row of readTableBelow('### Which way imports go')) {
  const [place = '', imports = '', never = ''] = row
  rows.set(place, { imports: listOf(imports), never: listOf(never) })
}

const files = globSync('**/*.ts', { cwd: src })
const rowOf = (file: string) =>
  [...rows.keys()]
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

function readTableBelow(heading: string): string[][] {
  const text = readFileSync(join(import.meta.dirname, '../../../ARCHITECTURE.md'), 'utf8')
  const table = text.slice(text.indexOf(heading)).match(/(?:^\|.*\n)+/m)?.[0] ?? ''
  const [, , ...lines] = table.trim().split('\n')
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll('`', '').trim()),
  )
}

function listOf(cell: string): string[] {
  return cell
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

describe('the layout of the server', () => {
  test('is read from ARCHITECTURE.md, which names only places that there are', () => {
    assert.ok(rows.size > 10)
    for (const [place, { imports }] of rows) {
      for (const one of [place, ...imports]) assert.ok(existsSync(join(src, one)), `${place}: there is no ${one}`)
    }
  })

  test('lets imports go one way: each folder imports what its row of the table names, and no more', () => {
    const broken = files.flatMap((file) => {
      const row = rowOf(file)
      if (row === undefined) return [`${file} is in no row of the table`]
      const allowed = [row, 'error.ts', ...(rows.get(row)?.imports ?? [])]
      return importsOf(file)
        .filter((target) => !allowed.some((place) => target === place || target.startsWith(`${place}/`)))
        .map((target) => `${row} may not import ${target}: ${file} does`)
    })
    assert.deepEqual(broken, [])
  })

  test('keeps the ledger pure, the database out of the doors, and the doors out of the database', () => {
    const broken = files.flatMap((file) => {
      const { never = [] } = rows.get(rowOf(file) ?? '') ?? {}
      const libraries = specifiersIn(file).filter((name) => !name.startsWith('.') && name !== '@rollcall/protocol')
      const isNever = (name: string) => never.includes('any library') || never.includes(name)
      return libraries.filter(isNever).map((name) => `${rowOf(file)} never imports ${name}: ${file} does`)
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
      'config.ts',
      'context.ts',
      'error.ts',
      'main.ts',
    ])
  })

  test('has no folder of more than 18 files: a larger one has rooms of its own', () => {
    const sizes = new Map<string, number>()
    for (const file of files) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1)
    assert.deepEqual(
      [...sizes].filter(([, count]) => count > 18),
      [],
    )
  })

  test('has no file of more than 350 lines, in any package', () => {
    const packages = join(import.meta.dirname, '../..')
    const large = globSync('*/src/**/*.{ts,tsx}', { cwd: packages })
      .map((file) => ({ file, lines: readFileSync(join(packages, file), 'utf8').trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > 350)
    assert.deepEqual(large, [])
  })
})
