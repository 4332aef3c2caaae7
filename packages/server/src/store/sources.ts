import { randomBytes } from 'node:crypto'
import type { SourceType } from '@rollcall/protocol'
import type { Kysely } from 'kysely'
import type { Mark, Session } from '../ledger/state.ts'
import { type MarkColumns, markColumns, sessionColumns, toMark, toOrigins } from './database/columns.ts'
import type { Tables } from './database/tables.ts'
import { noun, type Over, query } from './noun.ts'
import {
  type HealthRow,
  healthColumns,
  type SourceHealth,
  type SourceNote,
  toArrivals,
  writeNote,
} from './source-health.ts'

/** One media server that reports to us. */
export type Source = {
  keyId: number
  /** Its type and 128 random bits: `livekit-…`. Facts of it have this as their `source`. */
  id: string
  type: SourceType
  name: string
  /** As its type takes them, secrets in clear (they are encrypted in the database). */
  settings: { [name: string]: string }
  /** After a rotation: the credentials before it hold too, until then. */
  previous?: { settings: { [name: string]: string }; until: number }
  createdAt: number
  updatedAt: number
  /** The records whose webhooks it brings. */
  origins: string[]
}

export type HealthySource = Source & { health: SourceHealth }

/** One life of a room, as its source names it. */
export type Life = {
  sessionId: string
  sessionKey: string
  startAt: number
  /** When it ended, if it did. */
  endAt: number | null
  /** The end that was reported; null where none was. */
  endedAt: number | null
  /** The latest evidence of it. */
  lastAt: number
  /** The latest evidence of it beside people: its start, and snapshots; 0: none. */
  saidAt: number
  revision: number
}

/** A session that runs, and what its room may be called at its source. */
export type RunningSession = Session & { customRoomId: string | null }

const columns = [
  'sources.key_id as keyId',
  'sources.id',
  'sources.type',
  'sources.name',
  'sources.settings',
  'sources.created_at as createdAt',
  'sources.updated_at as updatedAt',
  'sources.origins',
] as const

type Row = Omit<Source, 'type' | 'settings' | 'origins'> & { type: string; settings: string; origins: string | null }
type HealthyRow = Row & HealthRow

const byId = query<{ id: string }, Row>((k, p) =>
  k
    .selectFrom('sources')
    .innerJoin('keys', 'keys.key_id', 'sources.key_id')
    .select(columns)
    .where('sources.id', '=', p.id)
    .where('keys.disabled_at', 'is', null),
)
const ofKey = query<{ keyId: number; id: string }, Row>((k, p) =>
  k.selectFrom('sources').select(columns).where('key_id', '=', p.keyId).where('id', '=', p.id),
)
const withHealth = (k: Kysely<Tables>) =>
  k
    .selectFrom('sources')
    .select([...columns, ...healthColumns])
    .orderBy('sources.created_at')
    .orderBy('sources.id')
const allOfKey = query<{ keyId: number }, HealthyRow>((k, p) => withHealth(k).where('sources.key_id', '=', p.keyId))
const allEnabled = query<object, HealthyRow>((k) =>
  withHealth(k).innerJoin('keys', 'keys.key_id', 'sources.key_id').where('keys.disabled_at', 'is', null),
)
type OfRoom = { keyId: number; source: string; roomId: string }
const livesOf = query<OfRoom & { limit: number }, Life>((k, p) =>
  k
    .selectFrom('sessions')
    .select([
      'id as sessionId',
      'session_key as sessionKey',
      'start_at as startAt',
      'end_at as endAt',
      'ended_at as endedAt',
      'last_at as lastAt',
      'said_at as saidAt',
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
const roomOfLife = query<Omit<OfRoom, 'roomId'> & { sessionKey: string }, { name: string }>((k, p) =>
  k
    .selectFrom('sessions')
    .innerJoin('rooms', (join) =>
      join.onRef('rooms.key_id', '=', 'sessions.key_id').onRef('rooms.room_id', '=', 'sessions.room_id'),
    )
    .select((eb) => eb.fn.coalesce('rooms.custom_room_id', 'rooms.room_id').as('name'))
    .where('sessions.key_id', '=', p.keyId)
    .where('sessions.source', '=', p.source)
    .where('sessions.session_key', '=', p.sessionKey)
    .where('sessions.session_key', 'is not', null)
    .limit(1),
)
type OfConnection = OfRoom & { sessionKey: string; connectionId: string }
const connected = query<OfConnection, { participantId: string }>((k, p) =>
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
const running = query<{ keyId: number; source: string }, Session & { customRoomId: string | null }>((k, p) =>
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
const marksOfInside = query<{ keyId: number; sessionId: string }, MarkColumns>((k, p) =>
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
type Changed = { keyId: number; id: string; name: string; settings: string; at: number }
const insert = query<Changed & { type: string }>((k, p) =>
  k.insertInto('sources').values({
    key_id: p.keyId,
    id: p.id,
    type: p.type,
    name: p.name,
    settings: p.settings,
    created_at: p.at,
    updated_at: p.at,
    recorded: 0,
    duplicate: 0,
    ignored: 0,
    refused: 0,
  }),
)
const change = query<Changed>((k, p) =>
  k
    .updateTable('sources')
    .set({ name: p.name, settings: p.settings, updated_at: p.at })
    .where('key_id', '=', p.keyId)
    .where('id', '=', p.id),
)
const setOrigins = query<{ keyId: number; id: string; origins: string }>((k, p) =>
  k.updateTable('sources').set({ origins: p.origins }).where('key_id', '=', p.keyId).where('id', '=', p.id),
)
const drop = query<{ keyId: number; id: string }>((k, p) =>
  k.deleteFrom('sources').where('key_id', '=', p.keyId).where('id', '=', p.id),
)

export const sources = noun({
  reads: {
    /** By its id alone, whichever key it is of; undefined also where that key is disabled. */
    async find({ db, box }: Over, id: string): Promise<Source | undefined> {
      const [row] = await db.all(byId(db), { id })
      return row && toSource(row, box)
    },
    /** Oldest first. */
    async list({ db, box }: Over, keyId: number): Promise<HealthySource[]> {
      return (await db.all(allOfKey(db), { keyId })).map((row) => toHealthy(row, box))
    },
    /** Of all keys that are not disabled. */
    async listAll({ db, box }: Over): Promise<HealthySource[]> {
      return (await db.all(allEnabled(db), {})).map((row) => toHealthy(row, box))
    },
    /** The sessions of a source, or of one of its reporters, that run. */
    async listRunning({ db }: Over, keyId: number, source: string): Promise<RunningSession[]> {
      return db.all(running(db), { keyId, source })
    },
    /** All that is known of everybody who is inside a session. */
    async listMarksOfInside({ db }: Over, keyId: number, sessionId: string): Promise<Mark[]> {
      return (await db.all(marksOfInside(db), { keyId, sessionId })).map(toMark)
    },
    /** Named sessions of a source in a room: newest start first. */
    async listLives({ db }: Over, keyId: number, source: string, roomId: string, limit: number): Promise<Life[]> {
      return db.all(livesOf(db), { keyId, source, roomId, limit })
    },
    /** The name of the room that a named session of a source is in: a scan of the source's sessions. */
    async findRoomOfLife(
      { db }: Over,
      keyId: number,
      of: { source: string; sessionKey: string },
    ): Promise<string | undefined> {
      return (await db.all(roomOfLife(db), { keyId, ...of }))[0]?.name
    },
    /** Who joined under this connection in a named session of a source: a scan of all who were in it. */
    async findConnected({ db }: Over, keyId: number, of: Omit<OfConnection, 'keyId'>): Promise<string | undefined> {
      return (await db.all(connected(db), { keyId, ...of }))[0]?.participantId
    },
  },
  writes: {
    async add({ db, box, now }: Over, input: Pick<Source, 'keyId' | 'type' | 'name' | 'settings'>): Promise<Source> {
      const at = now()
      const id = `${input.type}-${randomBytes(16).toString('base64url')}`
      await db.run(insert(db), { ...input, id, settings: seal(input.settings, box), at })
      return { ...input, id, createdAt: at, updatedAt: at, origins: [] }
    },
    /** What is not named stays; what `previous` holds, too, for its time. Undefined where the key has no such source. */
    async update(
      { db, box, now }: Over,
      input: { keyId: number; id: string; name?: string; settings?: Source['settings'] } & Pick<Source, 'previous'>,
    ): Promise<Source | undefined> {
      const { keyId, id } = input
      const [row] = await db.all(ofKey(db), { keyId, id })
      if (row === undefined) return undefined
      const source = toSource(row, box)
      const { name = source.name } = input
      const settings = { ...source.settings, ...input.settings }
      const previous = input.previous ?? source.previous
      const at = now()
      await db.run(change(db), { keyId, id, name, settings: seal(settings, box, previous), at })
      return { ...source, name, settings, ...(previous !== undefined && { previous }), updatedAt: at }
    },
    /** Adds to the records whose webhooks a source brings. False where they would be more than `most`. */
    async noteOrigins(
      { db }: Over,
      input: Pick<Source, 'keyId' | 'id' | 'origins'> & { most: number },
    ): Promise<boolean> {
      const { keyId, id, origins, most } = input
      const [row] = await db.all(ofKey(db), { keyId, id })
      const all = [...new Set([...toOrigins(row?.origins ?? null), ...origins])]
      if (all.length > most) return false
      await db.run(setOrigins(db), { keyId, id, origins: JSON.stringify(all) })
      return true
    },
    /** False where the key has no such source. What it reported stays. */
    async delete({ db }: Over, source: { keyId: number; id: string }): Promise<boolean> {
      return (await db.run(drop(db), source)) > 0
    },
    async note(over: Over, { keyId, notes }: { keyId: number; notes: SourceNote[] }): Promise<void> {
      for (const note of notes) await writeNote(over, keyId, note)
    },
  },
  unseen: ['note', 'noteOrigins'],
})

function toSource<R extends Row>({ type, settings, origins, ...row }: R, box: Over['box']) {
  return {
    ...row,
    origins: toOrigins(origins),
    // The database holds only what we wrote: the union is closed again without a check.
    type: type as SourceType,
    ...unseal(settings, box),
  }
}

function toHealthy(row: HealthyRow, box: Over['box']): HealthySource {
  const { lastFactAt, recorded, duplicate, ignored, refused, skewMs, lastError, lastErrorAt, arrivals, ...source } = row
  return {
    ...toSource(source, box),
    health: {
      lastFactAt,
      recorded,
      duplicate,
      ignored,
      refused,
      skewMs,
      lastError,
      lastErrorAt,
      arrivals: toArrivals(arrivals),
    },
  }
}

/** The name under which the credentials before a rotation are sealed, beside the settings: none of them is called so. */
const previousName = ' previous'

function seal(settings: Source['settings'], box: Over['box'], previous?: Source['previous']): string {
  return box.seal(JSON.stringify({ ...settings, ...(previous !== undefined && { [previousName]: previous }) }))
}

function unseal(sealed: string, box: Over['box']): Pick<Source, 'settings' | 'previous'> {
  const { [previousName]: previous, ...settings } = JSON.parse(box.open(sealed)) as Source['settings'] & {
    [previousName]?: NonNullable<Source['previous']>
  }
  return { settings, ...(previous !== undefined && { previous }) }
}
