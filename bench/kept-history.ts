import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toRules } from '../packages/server/src/config.ts'
import { openStore } from '../packages/server/src/record/open-store.ts'
import { startPostgres } from '../packages/server/test/support/postgres.ts'
import type { BenchDatabase, StoreName } from './bench-database.ts'
import { type Length, roomsOf } from './history.ts'
import { countSessions, loadSessions, type Owner } from './load.ts'
import { type Index, openFileSink, openPostgresSink } from './sink.ts'

/** A history that was loaded, and the rooms of it. */
export type History = Owner & Length & { roomIds: string[] }

/** What is known of a history, loaded or being so: kept beside it. */
type State = Owner &
  Length & {
    /** Taken away while rows are put in. */
    indexes: Index[]
    isLoaded: boolean
  }

export const masterKey = '0'.repeat(64)
const tables = ['sessions', 'participants']

/**
 * Gives a long history to work with: the one that an earlier run of this size kept, or that it began, and else a new one. It stays in
 * `bench/.data`, which may be removed whenever no bench runs.
 */
export async function withHistory<T>(
  store: StoreName,
  sessions: number,
  use: (database: BenchDatabase, history: History) => Promise<T>,
  years = 5,
): Promise<T> {
  const name = `${store.toLowerCase()}-${sessions}${years === 5 ? '' : `-${years}y`}`
  const folder = join(import.meta.dirname, '.data', name)
  await mkdir(folder, { recursive: true })
  const service = store === 'PostgreSQL' ? await startPostgres(join(folder, 'service')) : undefined
  try {
    const databaseUrl = await service?.newDatabase(`bench_${sessions}`)
    const settings = databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl, ROLLCALL_MASTER_KEY: masterKey }
    const database = { folder, databaseUrl, env: { ...process.env, ...settings } }
    return await use(database, await load(database, sessions, years))
  } finally {
    await service?.stop()
  }
}

async function load({ folder, databaseUrl }: BenchDatabase, sessions: number, years: number): Promise<History> {
  const path = join(folder, 'history.json')
  const keep = (state: State) => writeFile(path, JSON.stringify(state))
  let state = await readState(path)
  if (state === undefined) {
    state = {
      ...(await makeKey(folder, databaseUrl)),
      sessions,
      years,
      until: Date.now(),
      indexes: [],
      isLoaded: false,
    }
    await keep(state)
  }
  if (!state.isLoaded) {
    const sink =
      databaseUrl === undefined ? openFileSink(join(folder, 'rollcall.db')) : await openPostgresSink(databaseUrl)
    const present = (await Promise.all(tables.map(sink.listIndexes))).flat()
    state = { ...state, indexes: [...new Map([...state.indexes, ...present].map((one) => [one.name, one])).values()] }
    await keep(state)
    for (const { name } of present) await sink.exec(`drop index "${name}"`)
    await loadSessions(sink, state, state)
    for (const { name, sql } of state.indexes) {
      console.error(`  index ${name}`)
      await sink.exec(sql)
    }
    console.error('  counts')
    await countSessions(sink, state, state)
    if (databaseUrl !== undefined) await sink.exec('vacuum analyze')
    await sink.close()
    state = { ...state, isLoaded: true }
    await keep(state)
  }
  return { ...state, roomIds: roomsOf(state).map(({ roomId }) => roomId) }
}

async function readState(path: string): Promise<State | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function makeKey(dataFolder: string, databaseUrl: string | undefined): Promise<Owner> {
  const store = await openStore({
    databaseUrl,
    dataFolder,
    masterKey: databaseUrl === undefined ? undefined : Buffer.from(masterKey, 'hex'),
    rules: toRules({ graceMs: 20_000 }),
    clock: { now: () => Date.now() },
  })
  const { keyId, apiKey, userId } = await store.writes.keys.add({ name: 'bench', email: null })
  await store.close()
  return { keyId, apiKey, userId }
}
