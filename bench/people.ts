import { join } from 'node:path'
import { createRandom, type Random } from '../chaos/random.ts'
import type { Database } from '../packages/server/src/store/database/database.ts'
import { openPostgres } from '../packages/server/src/store/database/postgres.ts'
import { createSecretBox } from '../packages/server/src/store/database/secrets.ts'
import { openSqlite } from '../packages/server/src/store/database/sqlite.ts'
import { people } from '../packages/server/src/store/people/people.ts'
import { type StoreName, withDatabases } from './bench-database.ts'
import { type ForkedServer, forkServer } from './fork-server.ts'
import { type Figure, median, quantile } from './report.ts'

const seed = 7
const rounds = 100
const perPage = 20
const rows = 5000
/** The first. */
const keyId = 1

/** Finding somebody among many by a part of a name or id, beside an exact look-up of one: of the store, and of a whole request. */
export async function benchPeople(size: number, store: StoreName): Promise<Figure[]> {
  return withDatabases(store, (use) =>
    use(async ({ folder, databaseUrl, env }) => {
      // It makes the tables and the key.
      await (await forkServer(folder, env)).stop()
      const db =
        databaseUrl === undefined
          ? openSqlite(join(folder, 'rollcall.db'))
          : openPostgres(databaseUrl, { connections: 1 })
      let figures: Figure[]
      try {
        figures = await measureStore(db, size, store)
      } finally {
        await db.close()
      }
      const server = await forkServer(folder, env)
      try {
        return [...figures, ...(await measureRequests(server, size))]
      } finally {
        await server.stop()
      }
    }),
  )
}

async function measureStore(db: Database, size: number, store: StoreName): Promise<Figure[]> {
  const over = { db, box: createSecretBox(Buffer.alloc(32)), now: () => Date.now() }
  const random = createRandom(seed)
  await fill(db, size, random)
  // The server that made the key has looked already, and found nobody.
  await db.kysely.deleteFrom('search_cursors').execute()
  const begunAt = performance.now()
  let longestMs = 0
  for (let taken = 1; taken > 0; ) {
    const begun = performance.now()
    taken = await db.transaction(() => people.writes.gather(over, { keyId }))
    longestMs = Math.max(longestMs, performance.now() - begun)
  }
  const gatherMs = performance.now() - begunAt
  if (db.differences.hasLogDays)
    await db.kysely.executeQuery({ sql: 'analyze', parameters: [], query: { kind: 'RawNode' } } as never)
  const measured = await measure(size, random, {
    search: (part) => people.reads.search(over, keyId, { part, after: undefined, perPage }),
    findOne: async (id) => (await people.reads.find(over, keyId, id))?.id,
  })
  return [
    { what: `${store}: people gathered of ${size.toLocaleString('en')}`, value: size / (gatherMs / 1000) },
    { what: 'the longest that the writer was held by it', value: longestMs, unit: 'ms' },
    ...measured('the store'),
  ]
}

async function measureRequests(server: ForkedServer, size: number): Promise<Figure[]> {
  const get = async (path: string) => {
    const answer = await fetch(`${server.url}${path}`, { headers: { authorization: server.token } })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const measured = await measure(size, createRandom(seed), {
    search: (part) => get(`/v2/people?search=${encodeURIComponent(part)}`),
    findOne: async (id) => ((await get(`/v2/people/${id}`)) as { id: string }).id,
  })
  return measured('a whole request')
}

type Asked = { search(part: string): Promise<unknown>; findOne(id: string): Promise<string | undefined> }

async function measure(size: number, random: Random, { search, findOne }: Asked) {
  const pick = () => random.below(size)
  const kinds: { [what: string]: () => string } = {
    'a whole name': () => nameOf(pick()),
    'a surname, which many thousands have': () => nameOf(pick()).split(' ')[1]?.slice(0, -4) ?? '',
    'a surname and two digits': () => nameOf(pick()).slice(0, -2).split(' ')[1] ?? '',
    'the number of a name': () => nameOf(pick()).slice(-4),
    'three letters': () => nameOf(pick()).slice(1, 4),
    'two letters': () => nameOf(pick()).slice(2, 4),
    'one letter': () => nameOf(pick()).slice(0, 1),
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
      const found = await findOne(id)
      exact.push(performance.now() - begunExact)
      if (found !== id) throw new Error(`${id} was not found`)
    }
  }
  const beside = { what: 'one by the exact id', value: median(exact) }
  const all = [...took.values()].flat()
  return (of: string): Figure[] => [
    { what: `a search, ${of}: all of the kinds below`, value: median(all), unit: 'ms', beside, target: '≤ 20 ms, ≤ 5' },
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

function nameOf(n: number): string {
  return `${first[n % first.length]} ${surname[(n * 7) % surname.length]}${1000 + (n % 9000)}`
}

/** One participant for each person: a name that few share, of parts that many do. */
async function fill(db: Database, size: number, random: Random): Promise<void> {
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
}
