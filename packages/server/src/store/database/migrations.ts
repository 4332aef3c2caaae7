import { type Kysely, type Migration, Migrator, PostgresAdapter, sql } from 'kysely'
import type { Tables } from './tables.ts'

/** In order; one that was released is never edited. */
export const migrations: { [name: string]: Migration } = {
  '0001-first': { up: first },
  '0002-webhooks': { up: webhooks },
  '0003-processes': { up: processes },
  '0005-looks': { up: looks },
}

/** Brings the tables up to date: of processes that start together, one does it and the others wait. */
export async function migrateToLatest(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

async function first(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  // In every database a text sorts by its bytes.
  const text = isPostgres ? sql`text collate "C"` : 'text'
  await schema
    .createTable('keys')
    .addColumn('key_id', isPostgres ? 'serial' : 'integer', (c) => c.primaryKey())
    .addColumn('api_key', text, (c) => c.notNull().unique())
    .addColumn('user_id', text, (c) => c.notNull())
    .addColumn('name', text)
    .addColumn('email', text)
    .addColumn('secret', text, (c) => c.notNull())
    .addColumn('previous_secret', text)
    .addColumn('previous_until', 'bigint')
    .addColumn('disabled_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute()

  await schema
    .createTable('rooms')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('custom_room_id', text)
    .addColumn('webhook_json', text)
    .addColumn('auto_close_json', text)
    .addColumn('auto_close_ms', 'bigint')
    .addColumn('allowed_participants_json', text)
    .addColumn('disabled', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('rooms_pk', ['key_id', 'room_id'])
    .execute()
  await schema.createIndex('rooms_by_id').unique().on('rooms').columns(['key_id', 'id']).execute()
  await schema
    .createIndex('rooms_by_custom_id')
    .unique()
    .on('rooms')
    .columns(['key_id', 'custom_room_id'])
    .where(sql.ref('custom_room_id'), 'is not', null)
    .execute()
  await schema.createIndex('rooms_newest').on('rooms').columns(['key_id', 'created_at', 'id']).execute()

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

  await schema
    .createTable('participants')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('participant_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('metadata_json', text)
    .addColumn('joined_at', 'bigint')
    .addColumn('open_since', 'bigint')
    .addColumn('closed_ms', 'bigint', (c) => c.notNull())
    .addColumn('last_at', 'bigint')
    .addPrimaryKeyConstraint('participants_pk', ['key_id', 'session_id', 'participant_id'])
    .execute()
  await schema
    .createIndex('participants_by_id')
    .on('participants')
    .columns(['key_id', 'participant_id', 'session_id'])
    .execute()

  await schema
    .createTable('marks')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('participant_id', text, (c) => c.notNull())
    .addColumn('connection_id', text, (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('fact_id', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('inferred', text)
    .addColumn('last_seen_at', 'bigint')
    .addColumn('name', text)
    .addColumn('participant_kind', text)
    .addColumn('metadata_json', text)
    .addPrimaryKeyConstraint('marks_pk', ['key_id', 'session_id', 'participant_id', 'fact_id', 'kind'])
    .execute()

  let quality = schema
    .createTable('quality')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', 'text', (c) => c.notNull())
    .addColumn('participant_id', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('last_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('quality_pk', ['key_id', 'session_id', 'participant_id', 'at'])
  for (const lost of ['recv_audio_lost', 'recv_video_lost', 'send_audio_lost', 'send_video_lost']) {
    quality = quality.addColumn(lost, 'bigint', (c) => c.notNull())
  }
  for (const averaged of [
    ...['audio_rtt', 'video_rtt', 'audio_jitter', 'video_jitter'],
    ...['send_audio_bitrate', 'send_video_bitrate', 'recv_audio_bitrate', 'recv_video_bitrate'],
    ...['audio_score', 'video_score'],
    ...['streams_180', 'streams_360', 'streams_720', 'streams_1080', 'streams_1440', 'streams_2160'],
  ]) {
    quality = quality
      .addColumn(averaged, 'double precision', (c) => c.notNull())
      .addColumn(`${averaged}_count`, 'bigint', (c) => c.notNull())
  }
  await quality.execute()
  await schema
    .createTable('quality_origins')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', 'text', (c) => c.notNull())
    .addColumn('participant_id', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('origin_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('quality_origins_pk', ['key_id', 'session_id', 'participant_id'])
    .execute()

  await schema
    .createTable('claims')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('fact_id', text, (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('claims_pk', ['key_id', 'source', 'fact_id'])
    .execute()
  await schema
    .createTable('facts')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('fact_id', text, (c) => c.notNull())
    .addColumn('session_id', text)
    .addColumn('outcome', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('received_at', 'bigint', (c) => c.notNull())
    .addColumn('change_seq', 'bigint', (c) => c.notNull())
    .addColumn('fact_json', text, (c) => c.notNull())
    // What a table is divided by has to be in its key.
    .addPrimaryKeyConstraint('facts_pk', isPostgres ? ['key_id', 'seq', 'received_at'] : ['key_id', 'seq'])
    .modifyEnd(isPostgres ? sql`partition by range (received_at)` : sql``)
    .execute()
  // For what no day was made of.
  if (isPostgres) await sql`create table facts_default partition of facts default`.execute(db)
  await schema
    .createTable('changes')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('type', text, (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('recorded_at', 'bigint', (c) => c.notNull())
    .addColumn('participant_id', text)
    .addColumn('name', text)
    .addColumn('reason', text)
    .addPrimaryKeyConstraint('changes_pk', ['key_id', 'seq'])
    .execute()
  await schema
    .createTable('counters')
    .addColumn('key_id', 'integer', (c) => c.primaryKey())
    .addColumn('fact_seq', 'bigint', (c) => c.notNull())
    .addColumn('change_seq', 'bigint', (c) => c.notNull())
    .addColumn('facts_dropped', 'bigint', (c) => c.notNull().defaultTo(0))
    .addColumn('changes_dropped', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
  await schema
    .createTable('erased_sessions')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('erased_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('erased_sessions_pk', ['key_id', 'session_id'])
    .execute()
  await schema
    .createTable('session_counts')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('sessions', 'bigint', (c) => c.notNull())
    .addColumn('ended', 'bigint', (c) => c.notNull())
    .addColumn('bucketed', 'integer', (c) => c.notNull().defaultTo(0))
    .addPrimaryKeyConstraint('session_counts_pk', ['key_id', 'room_id'])
    .execute()
  await schema
    .createTable('session_buckets')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('level', 'integer', (c) => c.notNull())
    .addColumn('start_at', 'bigint', (c) => c.notNull())
    .addColumn('sessions', 'bigint', (c) => c.notNull())
    .addColumn('ended', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('session_buckets_pk', ['key_id', 'room_id', 'level', 'start_at'])
    .execute()
  await schema
    .createTable('heard')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('heard_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('heard_pk', ['key_id', 'source'])
    .execute()
  await schema
    .createTable('links')
    .addColumn('digest', text, (c) => c.primaryKey())
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute()
  await schema
    .createTable('leases')
    .addColumn('holder', text, (c) => c.primaryKey())
    .addColumn('renewed_at', 'bigint', (c) => c.notNull())
    .execute()
  await schema
    .createTable('sources')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('settings', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('last_fact_at', 'bigint')
    .addColumn('recorded', 'bigint', (c) => c.notNull())
    .addColumn('duplicate', 'bigint', (c) => c.notNull())
    .addColumn('ignored', 'bigint', (c) => c.notNull())
    .addColumn('refused', 'bigint', (c) => c.notNull())
    .addColumn('skew_ms', 'bigint')
    .addColumn('last_error', 'text')
    .addColumn('last_error_at', 'bigint')
    .addPrimaryKeyConstraint('sources_pk', ['key_id', 'id'])
    .execute()
  // A delivery names its source by the id alone.
  await schema.createIndex('sources_by_id').unique().on('sources').columns(['id']).execute()
  await schema
    .createTable('signing_keys')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('public_pem', text, (c) => c.notNull())
    .addColumn('private_pem', text, (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute()
}

async function webhooks(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  const text = isPostgres ? sql`text collate "C"` : 'text'
  await schema
    .createTable('webhook_endpoints')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('room_id', text)
    .addColumn('end_point', text, (c) => c.notNull())
    .addColumn('events_json', text, (c) => c.notNull())
    .addColumn('secret', text, (c) => c.notNull())
    .addColumn('previous_secret', text)
    .addColumn('previous_until', 'bigint')
    .addColumn('disabled_at', 'bigint')
    .addColumn('disabled_reason', text)
    .addColumn('failing_since', 'bigint')
    .addColumn('deleted_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('webhook_endpoints_pk', ['key_id', 'id'])
    .execute()
  await schema.createIndex('webhook_endpoints_of_room').on('webhook_endpoints').columns(['key_id', 'room_id']).execute()
  await schema
    .createTable('webhook_cursors')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('endpoint_id', text, (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('webhook_cursors_pk', ['key_id', 'endpoint_id'])
    .execute()
  await schema
    .createTable('webhook_deliveries')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('endpoint_id', text, (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('type', text, (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('next_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('attempted_at', 'bigint')
    .addColumn('duration_ms', 'integer')
    .addColumn('status', 'integer')
    .addColumn('answer', text)
    .addColumn('error', text)
    .addPrimaryKeyConstraint('webhook_deliveries_pk', ['key_id', 'id'])
    .execute()
  await schema
    .createIndex('webhook_deliveries_due')
    .on('webhook_deliveries')
    .columns(['key_id', 'endpoint_id', 'next_at'])
    .where(sql.ref('next_at'), 'is not', null)
    .execute()
  await schema
    .createIndex('webhook_deliveries_pending')
    .on('webhook_deliveries')
    .columns(['key_id', 'endpoint_id', 'session_id', 'seq'])
    .where(sql.ref('state'), '=', sql.lit('pending'))
    .execute()
  await schema
    .createIndex('webhook_deliveries_of_session')
    .on('webhook_deliveries')
    .columns(['key_id', 'session_id', 'seq'])
    .execute()
  await schema
    .createIndex('webhook_deliveries_newest')
    .on('webhook_deliveries')
    .columns(['key_id', 'endpoint_id', 'created_at', 'seq'])
    .execute()
}

/** Who of several processes holds which hosted room, and what they have to tell one another. */
async function processes(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  const text = isPostgres ? sql`text collate "C"` : 'text'
  await schema.alterTable('leases').addColumn('address', text).execute()
  await schema
    .createTable('room_leases')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('holder', text, (c) => c.notNull())
    .addColumn('fence', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('room_leases_pk', ['key_id', 'room_id'])
    .execute()
  await schema.createIndex('room_leases_of_holder').on('room_leases').column('holder').execute()
  await schema
    .createTable('process_messages')
    .addColumn('id', isPostgres ? 'bigserial' : 'integer', (c) => c.primaryKey())
    .addColumn('recipient', text, (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .execute()
  await schema.createIndex('process_messages_of_recipient').on('process_messages').column('recipient').execute()
  if (isPostgres) await sql`create sequence room_fences`.execute(db)
}

/** When a look last found a session as the record has it. */
async function looks(db: Kysely<unknown>): Promise<void> {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  await db.schema
    .createTable('looks')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', isPostgres ? sql`text collate "C"` : 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('looks_pk', ['key_id', 'session_id'])
    .execute()
}
