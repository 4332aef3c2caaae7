import { type Insertable, type Kysely, sql } from 'kysely'
import type { Medium } from '../ledger/state.ts'
import type { Database, Merge } from './database/database.ts'
import type { Tables } from './database/tables.ts'
import { noun, type Over, query } from './noun.ts'

/**
 * Of each kind no more things of one person than this are kept, nor recordings of one session: those whose names come first, so
 * that which are kept depends on no order of arrival.
 */
export const mediaMax = 100

export type MediaWriter = {
  /** Notes what a fact tells of something published or recorded; what is told of the same thing adds up. */
  saveMedium(keyId: number, sessionId: string, medium: Medium): void
  /** Writes what was noted; to be called once, before the commit. */
  flush(): Promise<void>
}

type Row = Insertable<Tables['media']>
type Whose = { sessionId: string; participantId: string; kind: string }

const keyColumns = ['key_id', 'session_id', 'participant_id', 'kind', 'media_id']
const keep = (column: string, sign: '<' | '>') =>
  `case when media.${column} is null or excluded.${column} ${sign} media.${column}
    then coalesce(excluded.${column}, media.${column}) else media.${column} end`
const addUp: Merge = {
  connection_id: keep('connection_id', '<'),
  started_at: keep('started_at', '<'),
  stopped_at: keep('stopped_at', '>'),
}

/** For the length of one transaction: what is told of one thing is added up before it is written. */
export function openMediaWriter(db: Database): MediaWriter {
  const rows = new Map<string, Row>()
  return {
    saveMedium(keyId, sessionId, medium) {
      const row = toMediaRow(keyId, sessionId, medium)
      const name = JSON.stringify([keyId, sessionId, medium.participantId, medium.kind, medium.mediaId])
      const known = rows.get(name)
      rows.set(name, known === undefined ? row : addToMedium(known, row))
    },
    async flush() {
      if (rows.size === 0) return
      const all = [...rows.values()]
      rows.clear()
      await db.insertRows('media', all, keyColumns, addUp)
      for (const [keyId, ofKey] of Map.groupBy(all, (row) => row.key_id)) await dropBeyond(db, keyId, ofKey)
    },
  }
}

export function toMediaRow(keyId: number, sessionId: string, medium: Medium): Row {
  return {
    key_id: keyId,
    session_id: sessionId,
    participant_id: medium.participantId,
    kind: medium.kind,
    media_id: medium.mediaId,
    connection_id: medium.connectionId,
    started_at: medium.startedAt,
    stopped_at: medium.stoppedAt,
  }
}

/** What is told of the same thing twice. */
export function addToMedium(known: Row, row: Row): Row {
  const least = (a: number | null = null, b: number | null = null) => (a === null || (b !== null && b < a) ? b : a)
  const most = (a: number | null = null, b: number | null = null) => (a === null || (b !== null && b > a) ? b : a)
  return {
    ...known,
    connection_id: [known.connection_id, row.connection_id].sort()[0] ?? '',
    started_at: least(known.started_at, row.started_at),
    stopped_at: most(known.stopped_at, row.stopped_at),
  }
}

/** Those of one session's things that are kept. */
export function firstMedia(rows: Row[]): Row[] {
  if (rows.length <= mediaMax) return rows
  const ofOne = Map.groupBy(rows, (row) => JSON.stringify([row.participant_id, row.kind]))
  return [...ofOne.values()].flatMap((some) =>
    some.sort((a, b) => (a.media_id < b.media_id ? -1 : 1)).slice(0, mediaMax),
  )
}

/** Whose things are more than are kept, and the last name that is. */
const overfull = query<{ keyId: number; list: string }, Whose & { last: string | null }>((k, p, { differences }) =>
  k
    .selectFrom(differences.each(p.list))
    .select([
      sql<string>`x.value ->> 'sessionId'`.as('sessionId'),
      sql<string>`x.value ->> 'participantId'`.as('participantId'),
      sql<string>`x.value ->> 'kind'`.as('kind'),
    ])
    .select((eb) =>
      eb
        .selectFrom('media as m')
        .select('m.media_id')
        .where('m.key_id', '=', p.keyId)
        .where('m.session_id', '=', sql<string>`x.value ->> 'sessionId'`)
        .where('m.participant_id', '=', sql<string>`x.value ->> 'participantId'`)
        .where('m.kind', '=', sql<string>`x.value ->> 'kind'`)
        .orderBy('m.media_id')
        .limit(1)
        .offset(sql.lit(mediaMax - 1))
        .as('last'),
    ),
)
const dropAfter = query<{ keyId: number; last: string } & Whose>((k, p) =>
  k
    .deleteFrom('media')
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('participant_id', '=', p.participantId)
    .where('kind', '=', p.kind)
    .where('media_id', '>', p.last),
)

async function dropBeyond(db: Database, keyId: number, rows: Row[]): Promise<void> {
  const touched = new Map(
    rows.map(({ session_id, participant_id, kind }) => {
      const whose: Whose = { sessionId: session_id, participantId: participant_id, kind }
      return [JSON.stringify(whose), whose]
    }),
  )
  for (const { last, ...whose } of await db.all(overfull(db), { keyId, list: JSON.stringify([...touched.values()]) })) {
    if (last !== null) await db.run(dropAfter(db), { keyId, last, ...whose })
  }
}

type Told = Omit<Medium, 'kind'> & { kind: string }
const ofSession = query<{ keyId: number; sessionId: string }, Told>((k, p) => told(k, p))
const ofPeople = query<{ keyId: number; sessionId: string; ids: string }, Told>((k, p, { differences }) =>
  told(k, p).where(differences.isIn('participant_id', p.ids)),
)

function told(k: Kysely<Tables>, p: { keyId: number; sessionId: string }) {
  return k
    .selectFrom('media')
    .select(['participant_id as participantId', 'connection_id as connectionId', 'kind', 'media_id as mediaId'])
    .select(['started_at as startedAt', 'stopped_at as stoppedAt'])
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .orderBy('participant_id')
    .orderBy('kind')
    .orderBy('media_id')
}

// From the ids to their recordings: the order of this join is not left to the database.
const recordedOf = query<{ keyId: number; ids: string }, { sessionId: string; stoppedAt: number | null }>(
  (k, p, { differences }) =>
    k
      .selectFrom(differences.eachText(p.ids))
      .crossJoin('media as m')
      .select(['m.session_id as sessionId', 'm.stopped_at as stoppedAt'])
      .where('m.key_id', '=', p.keyId)
      .whereRef('m.session_id', '=', 'x.value')
      .where('m.participant_id', '=', sql.lit('')),
)

/** What people published, and what was recorded of a session. It is written with the facts that tell of it. */
export const media = noun({
  reads: {
    /** Everybody's, and the recordings; or of some people alone: in order of person, kind and name. */
    async list({ db }: Over, keyId: number, sessionId: string, participantIds?: string[]): Promise<Medium[]> {
      const rows =
        participantIds === undefined
          ? await db.all(ofSession(db), { keyId, sessionId })
          : await db.all(ofPeople(db), { keyId, sessionId, ids: JSON.stringify(participantIds) })
      // The database holds only what facts told: the union is closed again without a check.
      return rows.map((row) => ({ ...row, kind: row.kind as Medium['kind'] }))
    },
    /** Of these sessions, those that were recorded or streamed, and whether that goes on. */
    async listRecorded(
      { db }: Over,
      keyId: number,
      sessionIds: string[],
    ): Promise<Map<string, { isRunning: boolean }>> {
      const recorded = new Map<string, { isRunning: boolean }>()
      if (sessionIds.length === 0) return recorded
      for (const { sessionId, stoppedAt } of await db.all(recordedOf(db), { keyId, ids: JSON.stringify(sessionIds) })) {
        const isRunning = stoppedAt === null || recorded.get(sessionId)?.isRunning === true
        recorded.set(sessionId, { isRunning })
      }
      return recorded
    },
  },
  writes: {},
  replicated: ['listRecorded'],
})
