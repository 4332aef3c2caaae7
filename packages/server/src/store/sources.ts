import { randomBytes } from 'node:crypto'
import type { SourceType } from '@rollcall/protocol'
import type { Mark, Session } from '../ledger/state.ts'
import { type MarkColumns, markColumns, sessionColumns, toMark } from './database/columns.ts'
import { compile, type Database } from './database/database.ts'
import type { SecretBox } from './database/secrets.ts'
import type { Source } from './rows.ts'
import type { Life, SourceHealth, Writes } from './store.ts'

export type SourceStore = Pick<Writes, 'addSource' | 'updateSource' | 'deleteSource' | 'noteSources'> & {
  find(id: string): Promise<Source | undefined>
  list(keyId: number): Promise<(Source & { health: SourceHealth })[]>
  listAll(): Promise<(Source & { health: SourceHealth })[]>
  listRunning(keyId: number, source: string): Promise<(Session & { customRoomId: string | null })[]>
  listMarksOfInside(keyId: number, sessionId: string): Promise<Mark[]>
  listLives(keyId: number, source: string, roomId: string, limit: number): Promise<Life[]>
  findConnected(
    keyId: number,
    source: string,
    roomId: string,
    sessionKey: string,
    connectionId: string,
  ): Promise<string | undefined>
}

const columns = [
  'sources.key_id as keyId',
  'sources.id',
  'sources.type',
  'sources.name',
  'sources.settings',
  'sources.created_at as createdAt',
  'sources.updated_at as updatedAt',
] as const

const healthColumns = [
  'sources.last_fact_at as lastFactAt',
  'sources.recorded',
  'sources.duplicate',
  'sources.ignored',
  'sources.refused',
  'sources.skew_ms as skewMs',
  'sources.last_error as lastError',
  'sources.last_error_at as lastErrorAt',
] as const

type Row = Omit<Source, 'type' | 'settings'> & { type: string; settings: string }

export function createSourceStore(db: Database, box: SecretBox, now: () => number): SourceStore {
  const k = db.kysely
  const find = compile<{ id: string }, Row>((p) =>
    k
      .selectFrom('sources')
      .innerJoin('keys', 'keys.key_id', 'sources.key_id')
      .select(columns)
      .where('sources.id', '=', p.id)
      .where('keys.disabled_at', 'is', null),
  )
  type OfRoom = { keyId: number; source: string; roomId: string }
  const listLives = compile<OfRoom & { limit: number }, Life>((p) =>
    k
      .selectFrom('sessions')
      .select([
        'id as sessionId',
        'session_key as sessionKey',
        'start_at as startAt',
        'end_at as endAt',
        'ended_at as endedAt',
        'last_at as lastAt',
        'revision',
      ])
      .where('key_id', '=', p.keyId)
      .where('room_id', '=', p.roomId)
      .where('start_at', 'is not', null)
      .where('source', '=', p.source)
      .where('session_key', 'is not', null)
      .orderBy('start_at', 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit)
      .$narrowType<{ sessionKey: string; startAt: number }>(),
  )
  type OfConnection = OfRoom & { sessionKey: string; connectionId: string }
  const findConnected = compile<OfConnection, { participantId: string }>((p) =>
    k
      .selectFrom('sessions')
      .innerJoin('marks', (join) =>
        join.onRef('marks.key_id', '=', 'sessions.key_id').onRef('marks.session_id', '=', 'sessions.id'),
      )
      .select('marks.participant_id as participantId')
      .where('sessions.key_id', '=', p.keyId)
      .where('sessions.source', '=', p.source)
      .where('sessions.room_id', '=', p.roomId)
      .where('sessions.session_key', '=', p.sessionKey)
      .where('sessions.session_key', 'is not', null)
      .where('marks.connection_id', '=', p.connectionId)
      .where('marks.kind', '=', 'joined')
      .limit(1),
  )

  const listRunning = compile<{ keyId: number; source: string }, Session & { customRoomId: string | null }>((p) =>
    k
      .selectFrom('sessions as s')
      .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
      .select(sessionColumns.map((column) => `s.${column}` as const))
      .select('r.custom_room_id as customRoomId')
      .where('s.key_id', '=', p.keyId)
      .where('s.source', '=', p.source)
      .where('s.end_at', 'is', null)
      .where('s.start_at', 'is not', null),
  )
  const marksOfInside = compile<{ keyId: number; sessionId: string }, MarkColumns>((p) =>
    k
      .selectFrom('participants as p')
      .innerJoin('marks as m', (join) =>
        join
          .onRef('m.key_id', '=', 'p.key_id')
          .onRef('m.session_id', '=', 'p.session_id')
          .onRef('m.participant_id', '=', 'p.participant_id'),
      )
      .select(markColumns.map((column) => `m.${column}` as const))
      .where('p.key_id', '=', p.keyId)
      .where('p.session_id', '=', p.sessionId)
      .where('p.open_since', 'is not', null),
  )

  const toSource = <R extends Row>({ type, settings, ...row }: R) => ({
    ...row,
    // The database holds only what we wrote: the union is closed again without a check.
    type: type as SourceType,
    settings: JSON.parse(box.open(settings)) as Source['settings'],
  })
  const withHealth = k
    .selectFrom('sources')
    .select([...columns, ...healthColumns])
    .orderBy('sources.created_at')
    .orderBy('sources.id')
  type HealthyRow = Row & SourceHealth
  const toHealthy = (row: HealthyRow): Source & { health: SourceHealth } => {
    const { lastFactAt, recorded, duplicate, ignored, refused, skewMs, lastError, lastErrorAt, ...source } = row
    return {
      ...toSource(source),
      health: { lastFactAt, recorded, duplicate, ignored, refused, skewMs, lastError, lastErrorAt },
    }
  }
  const get = async (keyId: number, id: string): Promise<Source | undefined> => {
    const row = await k
      .selectFrom('sources')
      .select(columns)
      .where('key_id', '=', keyId)
      .where('id', '=', id)
      .executeTakeFirst()
    return row && toSource(row)
  }

  return {
    async find(id) {
      const [row] = await db.all(find, { id })
      return row && toSource(row)
    },
    list: async (keyId) => (await withHealth.where('sources.key_id', '=', keyId).execute()).map(toHealthy),
    listAll: async () =>
      (
        await withHealth
          .innerJoin('keys', 'keys.key_id', 'sources.key_id')
          .where('keys.disabled_at', 'is', null)
          .execute()
      ).map(toHealthy),
    listRunning: async (keyId, source) => db.all(listRunning, { keyId, source }),
    listMarksOfInside: async (keyId, sessionId) => (await db.all(marksOfInside, { keyId, sessionId })).map(toMark),
    listLives: async (keyId, source, roomId, limit) => db.all(listLives, { keyId, source, roomId, limit }),
    async findConnected(keyId, source, roomId, sessionKey, connectionId) {
      const [found] = await db.all(findConnected, { keyId, source, roomId, sessionKey, connectionId })
      return found?.participantId
    },
    async addSource({ keyId, type, name, settings }) {
      const at = now()
      const id = `${type}-${randomBytes(16).toString('base64url')}`
      await k
        .insertInto('sources')
        .values({
          key_id: keyId,
          id,
          type,
          name,
          settings: box.seal(JSON.stringify(settings)),
          created_at: at,
          updated_at: at,
          recorded: 0,
          duplicate: 0,
          ignored: 0,
          refused: 0,
        })
        .execute()
      return { keyId, id, type, name, settings, createdAt: at, updatedAt: at }
    },
    async updateSource({ keyId, id, name, settings }) {
      const source = await get(keyId, id)
      if (source === undefined) return undefined
      const changed = {
        ...source,
        name: name ?? source.name,
        settings: { ...source.settings, ...settings },
        updatedAt: now(),
      }
      await k
        .updateTable('sources')
        .set({
          name: changed.name,
          settings: box.seal(JSON.stringify(changed.settings)),
          updated_at: changed.updatedAt,
        })
        .where('key_id', '=', keyId)
        .where('id', '=', id)
        .execute()
      return changed
    },
    async deleteSource({ keyId, id }) {
      const deleted = await k.deleteFrom('sources').where('key_id', '=', keyId).where('id', '=', id).executeTakeFirst()
      return deleted.numDeletedRows > 0n
    },
    async noteSources({ keyId, notes }) {
      for (const note of notes) {
        await k
          .updateTable('sources')
          .set((eb) => ({
            recorded: eb('recorded', '+', note.recorded),
            duplicate: eb('duplicate', '+', note.duplicate),
            ignored: eb('ignored', '+', note.ignored),
            refused: eb('refused', '+', note.refused),
            ...(note.lastFactAt !== null && { last_fact_at: note.lastFactAt }),
            ...(note.skewMs !== null && { skew_ms: note.skewMs }),
            ...(note.lastError !== null && { last_error: note.lastError, last_error_at: note.lastErrorAt }),
          }))
          .where('key_id', '=', keyId)
          .where('id', '=', note.id)
          .execute()
      }
    },
  }
}
