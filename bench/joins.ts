import type { Fact } from '@rollcall/protocol'
import { toRules } from '../packages/server/src/config.ts'
import { openStore, type Store } from '../packages/server/src/record/open-store.ts'
import { type StoreName, withDatabases } from './bench-database.ts'
import { type Figure, median } from './report.ts'

const people = 50_000
const rounds = 9
const joinsPerRound = 200

/** A join into a session of 50,000 people beside a join into a session that nobody is in yet. */
export async function benchJoins(store: StoreName): Promise<Figure[]> {
  return withDatabases(store, (use) =>
    use(async ({ folder, databaseUrl, env }) => {
      const masterKey = Buffer.from(env.ROLLCALL_MASTER_KEY ?? '0'.repeat(64), 'hex')
      const rules = toRules({ graceMs: 20_000 })
      const clock = { now: () => Date.now() }
      const opened = await openStore({ databaseUrl, dataFolder: folder, masterKey, rules, clock })
      try {
        return await measure(opened, store)
      } finally {
        await opened.close()
      }
    }),
  )
}

async function measure(store: Store, name: StoreName): Promise<Figure[]> {
  const { keyId } = await store.writes.keys.add({ name: 'bench', email: null })
  let count = 0
  const joinOf = (sessionKey: string): Fact => {
    const n = count++
    const at = Date.now()
    const who = { participantId: `p${n}`, connectionId: `c${n}`, name: `Person ${n}` }
    return {
      type: 'participant-joined',
      source: 'events',
      id: `f${n}`,
      roomId: 'room',
      sessionKey,
      at,
      receivedAt: at,
      ...who,
    }
  }
  const joins = (sessionKey: () => string, length: number) => Array.from({ length }, () => joinOf(sessionKey()))
  for (let n = 0; n < people; n += 1000)
    await store.record(
      keyId,
      joins(() => 'large', 1000),
    )

  const figures: Figure[] = []
  for (const together of [1, 100]) {
    const runs: { large: number; empty: number }[] = []
    const time = async (sessionKey: () => string) => {
      const batches = Array.from({ length: joinsPerRound / together }, () => joins(sessionKey, together))
      const started = performance.now()
      for (const batch of batches) await store.record(keyId, batch)
      return (performance.now() - started) / joinsPerRound
    }
    for (let round = 0; round <= rounds; round++) {
      const run = { large: await time(() => 'large'), empty: await time(() => `empty ${count}`) }
      if (round > 0) runs.push(run)
    }
    figures.push({
      what: `${name}: a join into a session of ${people.toLocaleString('en')}, ${together} a commit`,
      value: median(runs.map(({ large }) => large)),
      unit: 'ms',
      beside: { what: 'a join into an empty one', value: median(runs.map(({ empty }) => empty)) },
      target: '≤ 1.5',
    })
  }
  return figures
}
