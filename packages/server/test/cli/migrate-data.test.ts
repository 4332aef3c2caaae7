import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { migrateData } from '../../src/cli/migrate-data/migrate-data.ts'
import { openPostgres } from '../../src/store/database/postgres.ts'
import { listSessions } from '../support/api-calls.ts'
import { dump, type Kept, keep, recordWorld } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { recordSession } from '../support/record-session.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer } from '../support/start-server.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

describe('a record that moves from SQLite to PostgreSQL', () => {
  test('is the same, byte for byte, and whole; the server goes on there with the same keys and numbers', async (t) => {
    const kept = await keep()
    try {
      // Links are the same on either server.
      const env = { ...kept.env, ROLLCALL_RATE_LIMIT: '0', ROLLCALL_PUBLIC_URL: 'https://rollcall.example.org' }
      const server = await startServer(env)
      const at = Date.now() - 60_000
      await recordSession(server, {
        roomId: 'moving',
        startAt: at,
        endAt: at + 5000,
        stays: [{ participantId: 'añña 🎈', joinedAt: at }],
      })
      await server.call('POST', '/v2/webhooks', { endPoint: 'https://1.1.1.1/hook', events: ['*'] })
      await server.call('POST', '/v2/sources', { type: 'generic', name: 'ours' })
      const before = await listSessions(server, '')
      await server.stop()
      await recordWorld(kept)

      const to = await postgres.newDatabase()
      const { code, stdout, stderr } = await migrate(kept, to)
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^\d{3,} rows are copied, and are the same on both sides\. .*ROLLCALL_MASTER_KEY/)
      const moved = { ...env, DATABASE_URL: to }
      assert.deepEqual(await dump(onPostgres(kept, to)), await dump(kept))
      const verified = await runProgram('cli.js', moved, ['verify']).ended
      assert.equal(verified.code, 0, verified.stdout)
      const again = await startServer(moved)
      t.after(() => again.stop())
      assert.deepEqual(await listSessions(again, ''), before)
      const third = await again.context.writes.keys.add({ name: null, email: null })
      assert.equal(third.keyId, (await again.context.reads.keys.list()).length)
    } finally {
      await kept.remove()
    }
  })

  test('goes on where it was broken off, wherever that was', async () => {
    const kept = await keep()
    try {
      await recordWorld(kept)
      const to = await postgres.newDatabase()
      let pages = 0
      for (;;) {
        let broken = 0
        const report = {
          progress(work: 'copied' | 'compared') {
            if (work === 'compared') return
            pages += 1
            broken += 1
            if (broken === 3) throw new Error('broken off')
          },
        }
        const { differences } = await migrateData(kept.where.dataFolder, to, report).catch((error: Error) => {
          assert.equal(error.message, 'broken off')
          return { differences: ['not done'] }
        })
        if (differences.length === 0) break
      }
      assert.ok(pages > 10)
      assert.deepEqual(await dump(onPostgres(kept, to)), await dump(kept))
    } finally {
      await kept.remove()
    }
  })

  test('is refused where there is none, where a server runs, and where the database has one of its own', async () => {
    const kept = await keep()
    try {
      const to = await postgres.newDatabase()
      const nowhere = await runProgram('cli.js', kept.env, ['migrate-data', join(kept.where.dataFolder, 'none'), to])
        .ended
      assert.equal(nowhere.code, 1)
      assert.match(nowhere.stderr, /^rollcall: there is no record in .*none: name the folder of a server/)
      const server = await startServer(kept.env)
      const running = await migrate(kept, to)
      await server.stop()
      assert.match(running.stderr, /is in use by another Rollcall server/)
      const odd = await runProgram('cli.js', kept.env, ['migrate-data', kept.where.dataFolder, './file']).ended
      assert.match(odd.stderr, /the second argument is not understood: it takes an address/)
      assert.equal((await migrate(kept, to)).code, 0)
      const twice = await migrate(kept, to)
      assert.deepEqual([twice.code, /has a record of its own: name an empty one/.test(twice.stderr)], [1, true])
    } finally {
      await kept.remove()
    }
  })
})

function migrate(kept: Kept, to: string) {
  return runProgram('cli.js', kept.env, ['migrate-data', kept.where.dataFolder, to]).ended
}

/** The same record, where it moved to. */
function onPostgres(kept: Kept, url: string): Kept {
  return {
    ...kept,
    async within(work) {
      const db = openPostgres(url, { connections: 1 })
      try {
        return await work(db)
      } finally {
        await db.close()
      }
    },
  }
}
