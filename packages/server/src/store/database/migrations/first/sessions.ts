import { type Kysely, sql } from 'kysely'
import { textOf } from '../dialect.ts'

export async function createSessions(db: Kysely<unknown>): Promise<void> {
  await createTable(db)
  await createSeals(db)
  await indexForLists(db)
  await indexForFacts(db)
  await indexForClock(db)
}

async function createTable(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('sessions')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('session_key', text)
    .addColumn('start_at', 'bigint')
    .addColumn('end_at', 'bigint')
    .addColumn('end_reason', text)
    .addColumn('ended_at', 'bigint')
    .addColumn('concluded', text)
    .addColumn('last_at', 'bigint', (c) => c.notNull())
    .addColumn('said_at', 'bigint', (c) => c.notNull())
    .addColumn('snapshot_at', 'bigint')
    .addColumn('resumed_at', 'bigint')
    .addColumn('look_at', 'bigint')
    .addColumn('close_at', 'bigint')
    .addColumn('inside', 'integer', (c) => c.notNull())
    .addColumn('people', 'integer', (c) => c.notNull())
    .addColumn('closed_ms', 'bigint', (c) => c.notNull())
    .addColumn('open_since_sum', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('span_level', 'integer')
    .addColumn('seal_at', 'bigint')
    .addColumn('gaps', 'integer')
    .addPrimaryKeyConstraint('sessions_pk', ['key_id', 'id'])
    .execute()
}

/** What sealing keeps of a session, and which sessions it comes to next. */
async function createSeals(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('seals')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('head', text, (c) => c.notNull())
    .addColumn('middle', text, (c) => c.notNull())
    .addColumn('tail', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('seals_pk', ['key_id', 'session_id'])
    .execute()
  await schema
    .createIndex('sessions_to_seal')
    .on('sessions')
    .columns(['seal_at'])
    .where(sql.ref('seal_at'), 'is not', null)
    .execute()
}

/** By their span, newest first, and those of one room. */
async function indexForLists(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createIndex('sessions_by_span')
    .on('sessions')
    .columns(['key_id', 'span_level', 'start_at', 'id'])
    .where(sql.ref('span_level'), 'is not', null)
    .execute()
  await schema
    .createIndex('sessions_newest')
    .on('sessions')
    .columns(['key_id', 'start_at', 'id'])
    .where(sql.ref('start_at'), 'is not', null)
    .execute()
  await schema
    .createIndex('sessions_of_room')
    .on('sessions')
    .columns(['key_id', 'room_id', 'start_at', 'id'])
    .where(sql.ref('start_at'), 'is not', null)
    .execute()
}

/** Which session a fact belongs to, with a name and without. */
async function indexForFacts(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createIndex('sessions_named')
    .unique()
    .on('sessions')
    .columns(['key_id', 'source', 'room_id', 'session_key'])
    .where(sql.ref('session_key'), 'is not', null)
    .execute()
  await schema
    .createIndex('sessions_unnamed')
    .on('sessions')
    .columns(['key_id', 'source', 'room_id', 'start_at'])
    .where(sql.ref('session_key'), 'is', null)
    .execute()
  // The database itself holds the rule: at most one unnamed session runs in a room, as one source tells it.
  await schema
    .createIndex('sessions_unnamed_running')
    .unique()
    .on('sessions')
    .columns(['key_id', 'source', 'room_id'])
    .where((eb) => eb.and([eb(sql.ref('session_key'), 'is', null), eb(sql.ref('end_at'), 'is', null)]))
    .execute()
}

/** Those that run, and when the clock comes to them. */
async function indexForClock(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createIndex('sessions_running')
    .on('sessions')
    .columns(['key_id', 'source', 'start_at'])
    .where(sql.ref('end_at'), 'is', null)
    .execute()
  await schema
    .createIndex('sessions_running_newest')
    .on('sessions')
    .columns(['key_id', 'start_at', 'id'])
    .where(sql.ref('end_at'), 'is', null)
    .execute()
  await schema
    .createIndex('sessions_to_look_at')
    .on('sessions')
    .columns(['look_at'])
    .where(sql.ref('look_at'), 'is not', null)
    .execute()
  await schema
    .createIndex('sessions_to_close')
    .on('sessions')
    .columns(['close_at'])
    .where((eb) => eb.and([eb(sql.ref('close_at'), 'is not', null), eb(sql.ref('end_at'), 'is', null)]))
    .execute()
}

export async function createErasedSessions(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('erased_sessions')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('erased_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('erased_sessions_pk', ['key_id', 'session_id'])
    .execute()
}
