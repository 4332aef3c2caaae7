import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readTables } from '../../support/documents/markdown-table.ts'

const rows = readTables('compatibility.md').flat()

/** The titles of the tests that are run. @param file seen from the folder of the server's tests */
function titlesIn(file: string): string[] {
  const text = readFileSync(join(import.meta.dirname, '../..', file), 'utf8')
  const titles = text.matchAll(/^ *test\(\s*(?<quote>['"`])(?<title>.*?)\k<quote>,/gm)
  return [...titles].map(({ groups }) => groups?.title ?? '')
}

describe('docs/compatibility.md', () => {
  test('names in every row the one test that proves it', () => {
    assert.ok(rows.length > 0)
    for (const { proof = '' } of rows) {
      const [file = '', ...title] = proof.split(': ')
      const found = titlesIn(file).filter((one) => one === title.join(': '))
      assert.equal(found.length, 1, proof)
    }
  })

  test('says of every row with an endpoint what it rests on', () => {
    for (const { what, basis } of rows) {
      if (basis !== undefined) assert.match(basis, /^(documented|relied on|ours)$/, what)
    }
  })

  test('has a row for every endpoint that a token without roles may call', () => {
    const [, calls = []] = readTables('access.md')
    const documented = calls.filter((row) => row['no token'] === '401' && row['no roles'] === 'yes')
    assert.ok(documented.length > 0)
    const told = new Set(rows.map(({ endpoint }) => endpoint))
    for (const { endpoint } of documented) assert.ok(told.has(endpoint), endpoint)
  })
})
