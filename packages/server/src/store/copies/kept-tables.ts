import { rmSync } from 'node:fs'
import { type Kysely, sql } from 'kysely'
import { requireRecord } from '../database/data-folder.ts'
import type { Database } from '../database/database.ts'
import { migrations } from '../database/migrations.ts'
import { createByKey, distribute, findCitus } from '../database/postgres/citus.ts'
import { openPostgres } from '../database/postgres.ts'
import { openSqlite } from '../database/sqlite.ts'

// For commands that look at all that is kept, at once.

/** All tables, as they were at one moment. */
export type Snapshot = {
  /** Whatever is read inside is of one moment, whoever writes meanwhile. */
  read<T>(work: (db: Database) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** All that is kept, to be read; also beside a running server. */
export function openSnapshot({
  databaseUrl,
  dataFolder,
}: {
  databaseUrl: string | undefined
  dataFolder: string
}): Snapshot {
  return databaseUrl === undefined ? snapshotSqlite(requireRecord(dataFolder)) : snapshotPostgres(databaseUrl)
}

export function snapshotSqlite(path: string): Snapshot {
  const db = openSqlite(path, { readOnly: true })
  return {
    async read(work) {
      await sql`begin`.execute(db.kysely)
      try {
        return await work(db)
      } finally {
        await sql`commit`.execute(db.kysely)
      }
    },
    close: async () => db.close(),
  }
}

function snapshotPostgres(url: string): Snapshot {
  const db = openPostgres(url, { connections: 1 })
  return {
    read: (work) =>
      db.transaction(async () => {
        await sql`set transaction isolation level repeatable read, read only`.execute(db.kysely)
        return work(db)
      }),
    close: async () => db.close(),
  }
}

/** The same tables again, empty, beside those that are kept. */
export type FreshTables = {
  /** In which a table's name alone is the fresh one. */
  db: Database
  /** What stands before a table's name where the kept one is meant. */
  kept: string
  /** In which a table's name is the kept one: to be read. */
  keptDb: Database
  /** The schema of the fresh ones, where the database has schemas. */
  schema: string | undefined
  /** Puts tables that were made beside them, each with a `key_id`, where the rows of these keys lie. */
  place(tables: string[]): Promise<void>
  /** Throws the fresh tables away. */
  drop(): Promise<void>
}

/** In a file beside that of the kept tables. What a crash left of it is thrown away. */
export async function openFreshSqlite(path: string): Promise<FreshTables> {
  const freshPath = `${path}.fresh`
  const remove = () => {
    for (const end of ['', '-wal', '-shm']) rmSync(`${freshPath}${end}`, { force: true })
  }
  remove()
  const db = openSqlite(freshPath)
  // Nothing is lost with the fresh tables, and nothing of them is undone: what is kept is as safe as ever.
  for (const pragma of ['journal_mode = off', 'synchronous = off', 'cache_size = -128000']) {
    await sql.raw(`pragma main.${pragma}`).execute(db.kysely)
  }
  // What is sorted of a history does not fit into memory.
  await sql`pragma temp_store = file`.execute(db.kysely)
  await sql`attach database ${path} as kept`.execute(db.kysely)
  await sql`pragma kept.synchronous = full`.execute(db.kysely)
  await makeTables(db, 'main')
  const keptDb = openSqlite(path, { readOnly: true })
  return {
    db,
    kept: 'kept',
    keptDb,
    schema: undefined,
    place: async () => {},
    async drop() {
      await keptDb.close()
      await db.close()
      remove()
    },
  }
}

const freshSchema = 'rollcall_fresh'

/** In a schema beside that of the kept tables. */
export async function openFreshPostgres(url: string): Promise<FreshTables> {
  const { kept, isDistributed } = await makeSchema(url)
  const db = openPostgres(url, { connections: 1, schema: freshSchema, isDistributed })
  await makeTables(db, freshSchema)
  if (isDistributed) await distribute(db.kysely, { beside: kept })
  const keptDb = openPostgres(url, { connections: 1, isDistributed })
  return {
    db,
    kept,
    keptDb,
    schema: freshSchema,
    async place(tables) {
      if (isDistributed) for (const table of tables) await createByKey(db.kysely, table)
    },
    async drop() {
      await sql.raw(`drop schema ${freshSchema} cascade`).execute(db.kysely)
      await keptDb.close()
      await db.close()
    },
  }
}

/** Makes the schema anew; gives the one that is used without a name, and whether its tables lie on Citus by key. */
async function makeSchema(url: string): Promise<{ kept: string; isDistributed: boolean }> {
  const db = openPostgres(url, { connections: 1 })
  try {
    await sql.raw(`drop schema if exists ${freshSchema} cascade`).execute(db.kysely)
    await sql.raw(`create schema ${freshSchema}`).execute(db.kysely)
    const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db.kysely)
    const isDistributed = (await findCitus(db.kysely))?.isDistributed === true
    return { kept: `"${rows[0]?.schema ?? 'public'}"`, isDistributed }
  } finally {
    await db.close()
  }
}

/** What lists are found by, and nobody asks while the log is folded: each row would be written into these too. */
const indexesOfLists = [
  ...['sessions_by_span', 'sessions_newest', 'sessions_of_room', 'sessions_of_room_by_span', 'sessions_of_source'],
  ...['sessions_of_room_running', 'sessions_running_newest', 'sessions_to_seal', 'sessions_unsealed'],
  'participants_by_id',
]

async function makeTables(db: Database, schema: string): Promise<void> {
  for (const { up } of Object.values(migrations)) await up(db.kysely as object as Kysely<unknown>)
  // By the schema's name: without it that of the kept tables might be meant.
  for (const index of indexesOfLists) await sql.raw(`drop index ${schema}.${index}`).execute(db.kysely)
}
