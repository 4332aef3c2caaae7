import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { readTables } from './support/documents/markdown-table.ts'

const root = join(import.meta.dirname, '../../..')
const exclude = (path: string) => /(^|\/)(node_modules|dist)(\/|$)/.test(path)
const pages = globSync(['*.md', '{docs,bench,examples}/**/*.md', 'packages/*/*.md'], { cwd: root, exclude })

/** A page without its blocks of code, in which nothing is a link. */
const proseOf = (page: string) => readFileSync(join(root, page), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '')

/** Where the links of a page lead that stay in this repository: files seen from its root, the page itself where only a heading is named. */
function linksOf(page: string): { path: string; anchor: string | undefined }[] {
  const links = proseOf(page).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)/g)
  return [...links].map(([, path = '', anchor]) => ({
    path: path === '' ? page : relative(root, join(root, dirname(page), path)),
    anchor,
  }))
}

/** What a link may name of a page after a `#`, as GitHub makes it of the headings. */
function anchorsOf(page: string): Set<string> {
  const headings = [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** Folders that a path in a page may be seen from, beside that of the page. */
const bases = ['', 'packages/server', 'packages/server/src', 'packages/server/test']
const ownPath = /^(?:[\w.*-]+\/)*[\w.*-]+\.(?:ts|tsx|md|json|mjs|css|html|svg)$/

/** The paths of files in code marks. */
function pathsOf(page: string): string[] {
  return [...proseOf(page).matchAll(/`([^`\s]+)`/g)].map(([, text = '']) => text).filter((text) => ownPath.test(text))
}

describe('the documentation', () => {
  test('has no orphan: README leads to the index, and the index to every page of docs/', () => {
    const targetsOf = (page: string) => new Set(linksOf(page).map(({ path }) => path))
    assert.ok(targetsOf('README.md').has('docs/README.md'), 'README.md does not link docs/README.md')
    const linked = targetsOf('docs/README.md')
    const orphans = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md' && !linked.has(page))
    assert.deepEqual(orphans, [])
  })

  test('has no broken link: every file and every heading that a page links is there', () => {
    const broken = pages.flatMap((page) =>
      linksOf(page)
        .filter(({ path, anchor }) => {
          if (!existsSync(join(root, path))) return true
          return anchor !== undefined && !(path.endsWith('.md') && anchorsOf(path).has(anchor))
        })
        .map(({ path, anchor = '' }) => `${page} links ${path}#${anchor}`),
    )
    assert.deepEqual(broken, [])
  })

  test('names no file that is not there', () => {
    const code = globSync('{build,bench,chaos,docs,examples,fuzz,packages}/**/*.*', { cwd: root, exclude })
    const names = new Set([...globSync('*.*', { cwd: root }), ...code].map((path) => basename(path)))
    const isThere = (path: string, page: string) =>
      path.includes('/')
        ? [...bases, dirname(page)].some((base) => globSync(join(root, base, path)).length > 0)
        : names.has(path)
    const gone = pages.flatMap((page) =>
      pathsOf(page)
        .filter((path) => !isThere(path, page))
        .map((path) => `${page} names ${path}`),
    )
    assert.deepEqual(gone, [])
  })
})

/** Variables that the examples, the development of the pages and the tests read, and the server does not. */
const ofOtherPrograms = /^ROLLCALL_(URL|TOKEN|ROOM_ID|CUSTOM_ROOM_ID|TEST_DATABASE_URL|TEST_CITUS_URL)$/

describe('docs/settings.md', () => {
  const rows = readTables('settings.md').flat()
  const documented = rows.map(({ setting = '' }) => setting)
  const config = readFileSync(join(root, 'packages/server/src/config.ts'), 'utf8')
  const read = new Set([...config.matchAll(/'([A-Z][A-Z_]{3,})'/g)].map(([, name = '']) => name))

  /** Each of these may be given as a file: NAME_FILE. */
  const [, secrets = ''] = /\nconst secretSettings = \[([^\]]*)\]/.exec(config) ?? []
  const secret = new Set([...secrets.matchAll(/'(\w+)'/g)].map(([, name = '']) => name))

  test('has one row for every setting that the server reads, and no row for another', () => {
    assert.ok(read.size > 15, [...read].join(' '))
    assert.deepEqual([...documented].sort(), [...read].sort())
  })

  test('says of every number what the server takes where it is not set, and from where to where', () => {
    const numbers = [...config.matchAll(/\binteger(OrOff)?\(env, '(\w+)', ([\d_, ]+)\)/g)]
    assert.ok(numbers.length > 5)
    for (const [, orOff, name = '', text = ''] of numbers) {
      const values = text.replaceAll('_', '').split(', ')
      const [preset, min, max] = orOff === undefined ? values : ['off', ...values]
      const row = rows.find(({ setting }) => setting === name)
      assert.equal(row?.default, preset, name)
      assert.match(row?.takes ?? '', new RegExp(`\\b${min} to ${max}\\b`), name)
    }
  })

  test('holds every setting that another page names, README’s table included', () => {
    const known = new Set(documented)
    const isKnown = (name: string) =>
      known.has(name) || (secret.has(name.replace(/_FILE$/, '')) && name.endsWith('_FILE'))
    const unknown = pages.flatMap((page) =>
      [...proseOf(page).matchAll(/`((?:ROLLCALL_|LOG_)[A-Z_]+|PORT|HOST|DATABASE_URL)(?:=[^`]*)?`/g)]
        .map(([, name = '']) => name)
        .filter((name) => !isKnown(name) && !ofOtherPrograms.test(name))
        .map((name) => `${page} names ${name}`),
    )
    assert.deepEqual(unknown, [])
  })
})
