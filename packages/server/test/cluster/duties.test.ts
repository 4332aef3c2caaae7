import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { pino } from 'pino'
import { createRandom } from '../../../../chaos/random.ts'
import { createDuties } from '../../src/cluster/duties.ts'
import { clusterLimits } from '../../src/cluster/limits.ts'
import { migrateToLatest } from '../../src/store/database/migrations.ts'
import { openPostgres } from '../../src/store/database/postgres.ts'
import { createSharedDuties } from '../../src/store/duties.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

const limits = { ...clusterLimits, dutyMs: 200, dutyMarginMs: 50 }

/** Processes before one database, each as its duties alone. */
async function processesOn(count: number) {
  const db = openPostgres(await postgres.newDatabase(), { connections: 4 })
  await migrateToLatest(db.kysely)
  const shared = createSharedDuties(db)
  const each = Array.from({ length: count }, () => createDuties(pino({ level: 'silent' }), { shared, limits }))
  return { each, close: () => db.close() }
}

const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('a duty, which no lock of a connection stands for', { timeout: 60_000 }, () => {
  test('is of one process, and at once of another that is asked when that lets it go', async () => {
    const { each, close } = await processesOn(2)
    const [one, other] = each
    assert.ok(one && other)
    await one.take()
    await other.take()
    assert.deepEqual([one.isMine('webhooks'), other.isMine('webhooks')], [true, false])
    await one.release()
    await other.take()
    assert.deepEqual([one.isMine('webhooks'), other.isMine('webhooks')], [false, true])
    await close()
  })

  test('is not of a process that could not renew it, before another takes it, nor when it wakes', async () => {
    const { each, close } = await processesOn(2)
    const [one, other] = each
    assert.ok(one && other)
    await one.take()
    while (!other.isMine('sweep')) {
      await other.take()
      assert.ok(!(one.isMine('sweep') && other.isMine('sweep')))
      await rest(10)
    }
    await one.take()
    assert.deepEqual([one.isMine('sweep'), other.isMine('sweep')], [false, true])
    await close()
  })

  test('is never of two, whoever of them sleeps and for how long', async (t) => {
    const seed = Date.now() % 100_000
    t.diagnostic(`seed ${seed}`)
    const { each, close } = await processesOn(4)
    const holders = new Set<number>()
    let isOver = false
    const watch = setInterval(() => {
      const having = each.flatMap((one, i) => (one.isMine('webhooks') ? i : []))
      for (const i of having) holders.add(i)
      if (having.length > 1) isOver = true
      assert.ok(having.length <= 1, `${having} have it at one time`)
    }, 1)
    await Promise.all(
      each.map(async (one, i) => {
        const random = createRandom(seed + i)
        for (let n = 0; n < 40 && !isOver; n++) {
          await one.take()
          await rest(random.chance(0.15) ? 200 + random.below(300) : random.below(60))
        }
      }),
    )
    clearInterval(watch)
    assert.ok(holders.size > 1, 'it went from one to another')
    await close()
  })
})
