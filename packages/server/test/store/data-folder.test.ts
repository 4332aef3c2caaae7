import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { openStore } from '../../src/record/open-store.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { prepareFolder, takeLock } from '../../src/store/database/data-folder.ts'
import { rules } from '../support/kept.ts'

let parent: string
let folder: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'rollcall-folder-'))
  folder = join(parent, 'data')
})
afterEach(() => rmSync(parent, { recursive: true }))

const modeOf = (path: string) => statSync(path).mode & 0o777

async function withStore(work: () => void): Promise<void> {
  const store = await openStore({ dataFolder: folder, rules, clock: systemClock })
  try {
    await store.writes.keys.add({ name: null, email: null })
    work()
  } finally {
    await store.close()
  }
}

describe('a data folder', () => {
  test('that is made is for its owner alone, with every file in it, whatever the umask', async () => {
    const before = process.umask(0)
    try {
      await withStore(() => {
        assert.equal(modeOf(folder), 0o700)
        const files = readdirSync(folder)
        assert.ok(files.includes('rollcall.db-wal'), String(files))
        for (const file of files) assert.equal(modeOf(join(folder, file)), 0o600, file)
      })
    } finally {
      process.umask(before)
    }
  })

  test('of an older version has its files withdrawn from others at the next start', async () => {
    await withStore(() => {})
    const files = ['rollcall.db', 'rollcall.lock', 'master.key'].map((name) => join(folder, name))
    for (const file of files) chmodSync(file, 0o644)
    await withStore(() => {
      for (const file of readdirSync(folder)) assert.equal(modeOf(join(folder, file)), 0o600, file)
    })
  })

  test('is held by its server though another file handle to it is opened and closed in the same process', async () => {
    await withStore(() => {
      assert.throws(() => takeLock(folder), /is in use by another Rollcall server/)
      assert.throws(() => takeLock(folder), /is in use by another Rollcall server/)
    })
  })
})

describe('the master key', () => {
  test('has its name only once it is whole: one that a crash left half written is not taken for it', () => {
    const key = prepareFolder(folder, undefined)
    assert.deepEqual(prepareFolder(folder, undefined), key)
    assert.deepEqual(readdirSync(folder), ['master.key'])
    rmSync(join(folder, 'master.key'))
    // As a process leaves it that was killed while it wrote.
    writeFileSync(join(folder, 'master.key.1.new'), 'abc')
    assert.equal(prepareFolder(folder, undefined).length, 32)
    assert.match(readFileSync(join(folder, 'master.key'), 'utf8'), /^[0-9a-f]{64}\n$/)
  })

  test('that is given makes no file', () => {
    prepareFolder(folder, Buffer.alloc(32))
    assert.ok(!existsSync(join(folder, 'master.key')))
  })
})
