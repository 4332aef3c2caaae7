import { join } from 'node:path'
import { createRandom, type Random } from '../chaos/random.ts'
import type { Database } from '../packages/server/src/store/database/database.ts'
import { migrateToLatest } from '../packages/server/src/store/database/migrations.ts'
import { openPostgres } from '../packages/server/src/store/database/postgres.ts'
import { createSecretBox } from '../packages/server/src/store/database/secrets.ts'
import { openSqlite } from '../packages/server/src/store/database/sqlite.ts'
import { keys } from '../packages/server/src/store/keys/keys.ts'
import { people } from '../packages/server/src/store/people/people.ts'
import { type StoreName, withDatabases } from './bench-database.ts'
import { type Figure, median, quantile } from './report.ts'

const seed = 7
const rounds = 300
const perPage = 20
const rows = 5000

/** Finding somebody among many by a part of a name or id, beside an exact look-up of one. */
export async function benchPeople(size: number, store: StoreName): Promise<Figure[]> {
  return withDatabases(store, (use) =>
    use(async ({ folder, databaseUrl }) => {
      const db =
        databaseUrl === undefined
          ? openSqlite(join(folder, 'rollcall.db'))
          : openPostgres(databaseUrl, { connections: 1 })
      try {
        await migrateToLatest(db.kysely)
        return await measure(db, size, store)
      } finally {
        await db.close()
      }
    }),
  )
}

async function measure(db: Database, size: number, store: StoreName): Promise<Figure[]> {
  const over = { db, box: createSecretBox(Buffer.alloc(32)), now: () => Date.now() }
  const { keyId } = await keys.writes.add(over, { name: 'bench', email: null })
  const random = createRandom(seed)
  const names = await fill(db, keyId, size, random)
  const begunAt = performance.now()
  while ((await db.transaction(() => people.writes.gather(over, { keyId }))) > 0);
  const gatherMs = performance.now() - begunAt
  if (db.differences.hasLogDays)
    await db.kysely.executeQuery({ sql: 'analyze', parameters: [], query: { kind: 'RawNode' } } as never)

  const pick = () => random.below(size)
  const search = (part: string) => people.reads.search(over, keyId, { part, after: undefined, perPage })
  const kinds: { [what: string]: () => string } = {
    'a whole name': () => names(pick()),
    'a surname, which thousands have': () => names(pick()).split(' ')[1]?.slice(0, -4) ?? '',
    'three letters': () => names(pick()).slice(1, 4),
    'one letter': () => names(pick()).slice(0, 1),
    'the end of an id': () => idOf(pick()).slice(-6),
    'what nobody has': () => `qx${pick()}`,
  }
  const exact: number[] = []
  const took = new Map(Object.keys(kinds).map((what) => [what, [] as number[]]))
  for (let round = 0; round < rounds; round++) {
    for (const [what, part] of Object.entries(kinds)) {
      const wanted = part()
      const begun = performance.now()
      await search(wanted)
      took.get(what)?.push(performance.now() - begun)
      const id = idOf(pick())
      const begunExact = performance.now()
      const found = await people.reads.find(over, keyId, id)
      exact.push(performance.now() - begunExact)
      if (found?.id !== id) throw new Error(`${id} was not found`)
    }
  }
  const beside = { what: 'one by the exact id', value: median(exact) }
  const all = [...took.values()].flat()
  return [
    { what: `${store}: people gathered of ${size.toLocaleString('en')}`, value: size / (gatherMs / 1000) },
    {
      what: `${store}: a search among them, all of the kinds below`,
      value: median(all),
      unit: 'ms',
      beside,
      target: '≤ 20 ms, ≤ 5',
    },
    { what: 'the same: 99 of 100 within', value: quantile(all, 0.99), unit: 'ms' },
    ...[...took].map(([what, ms]): Figure => ({ what, value: median(ms), unit: 'ms', beside })),
  ]
}

const first = [
  'Anna',
  'Jürgen',
  'Zoë',
  'Mário',
  'Łukasz',
  'Ingrid',
  'Søren',
  'Chloé',
  'Peter',
  'Mehmet',
  'Yuki',
  'Olga',
]
const surname = [
  'Müller',
  'Nowak',
  'Garcia',
  'Öztürk',
  'Dubois',
  'Jansen',
  'Rossi',
  'Novák',
  'Silva',
  'Kowalski',
  'Berg',
]

function idOf(n: number): string {
  return `user-${(n * 2_654_435_761) % 4_294_967_296}`
}

/** One participant for each person: a name that few share, of parts that many do. */
async function fill(db: Database, keyId: number, size: number, random: Random): Promise<(n: number) => string> {
  const nameOf = (n: number) => `${first[n % first.length]} ${surname[(n * 7) % surname.length]}${1000 + (n % 9000)}`
  const now = Date.now()
  for (let n = 0; n < size; n += rows) {
    const some = Array.from({ length: Math.min(rows, size - n) }, (_, i) => {
      const at = now - random.below(365 * 86_400_000)
      return {
        key_id: keyId,
        session_id: String(Math.floor((n + i) / 50)).padStart(24, '0'),
        participant_id: idOf(n + i),
        name: nameOf(n + i),
        kind: 'person',
        metadata_json: null,
        joined_at: at,
        open_since: null,
        closed_ms: 60_000,
        last_at: at + 60_000,
      }
    })
    await db.transaction(async () => db.insertRows('participants', some))
  }
  return nameOf
}
