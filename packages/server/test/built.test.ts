import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'

const dist = new URL('../dist/', import.meta.url)
const read = (name: string) => readFile(new URL(name, dist), 'latin1')

describe('the built server', () => {
  test('is ASCII in each of its files: V8 keeps such a text in half the memory', async () => {
    const names = await readdir(dist)
    const files = await Promise.all(names.map(async (name) => ({ name, text: await read(name) })))
    assert.ok(files.length > 0)
    for (const { name, text } of files) assert.equal(/[^\0-\x7f]/.exec(text), null, name)
  })

  for (const name of ['thread.js', 'reading-thread.js']) {
    test(`has each thread in one file: ${name} shares none with others`, async () => {
      const text = await read(name)
      assert.deepEqual(/^import .* from "\.[^"]*";$/m.exec(text), null)
    })
  }

  test('writes without what only PostgreSQL, or a check of requests, takes', async () => {
    const text = await read('thread.js')
    for (const part of ['pg-pool', 'pg-protocol', 'NewSource', 'ajv']) assert.ok(!text.includes(part), part)
  })
})
