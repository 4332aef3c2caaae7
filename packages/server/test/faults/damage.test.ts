import assert from 'node:assert/strict'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { verify } from '../../src/cli/verify/verify.ts'
import { openSnapshot } from '../../src/store/copies/kept-tables.ts'
import { dataParent } from '../support/data-parent.ts'
import { recordSession } from '../support/record-session.ts'
import { onSqlite, startServer } from '../support/start-server.ts'

/** Overwrites the first page of what lies in the file under this name. */
async function damage(path: string, name: string): Promise<void> {
  const db = new DatabaseSync(path)
  db.exec('pragma wal_checkpoint(truncate)')
  const { rootpage } = db.prepare('select rootpage from sqlite_master where name = ?').get(name) as { rootpage: number }
  const { page_size: size } = db.prepare('pragma page_size').get() as { page_size: number }
  db.close()
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(size, 0xa5), 0, size, (rootpage - 1) * size)
  await file.close()
}

test('a damaged file is found by verify, and turns /readyz red as soon as it is met', onSqlite, async () => {
  const dataFolder = await mkdtemp(join(dataParent, 'rollcall-damage-'))
  const env = { ROLLCALL_DATA: dataFolder }
  try {
    let server = await startServer(env)
    const sessionId = await recordSession(server, { roomId: 'r', startAt: Date.now() - 1000, stays: [] })
    await server.stop()
    const faults: string[] = []
    const look = async () => {
      const snapshot = openSnapshot({ databaseUrl: undefined, dataFolder })
      await snapshot.read((db) => verify(db, { fault: (text) => faults.push(text), progress: () => {} }))
      await snapshot.close()
    }
    await look()
    assert.deepEqual(faults, [])
    await damage(join(dataFolder, 'rollcall.db'), 'participants_in_order')
    await look()
    assert.match(faults[0] ?? '', /^the file is damaged: /)

    server = await startServer(env)
    assert.equal((await server.call('GET', '/readyz')).status, 200)
    assert.equal((await server.call('GET', `/v2/sessions/${sessionId}`)).status, 500)
    assert.equal((await server.call('GET', '/readyz')).status, 503)
    assert.equal((await server.call('GET', '/livez')).status, 200)
    await server.stop()
  } finally {
    await rm(dataFolder, { recursive: true })
  }
})
