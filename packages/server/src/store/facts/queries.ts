import { type Kysely, sql } from 'kysely'
import type { PersonInside } from '../../ledger/changes.ts'
import type { Session } from '../../ledger/state.ts'
import { type MarkColumns, markColumns, sessionColumns } from '../database/columns.ts'
import type { Tables } from '../database/tables.ts'
import { query } from '../noun.ts'

// What recording facts asks the database for. A list is a JSON array, so that one query serves all facts of a transaction.

type Of = { keyId: number; list: string }
type OfRoom = { keyId: number; source: string; roomId: string }
type At = OfRoom & { at: number }
type OfSession = { keyId: number; sessionId: string }

const columns = sessionColumns.map((column) => `s.${column}` as const)
const sessions = (k: Kysely<Tables>) => k.selectFrom('sessions').select(sessionColumns)
const unnamed = (k: Kysely<Tables>, p: OfRoom) =>
  sessions(k)
    .where('key_id', '=', p.keyId)
    .where('source', '=', p.source)
    .where('room_id', '=', p.roomId)
    .where('session_key', 'is', null)

export const claimsOf = query<Of, { source: string; factId: string; digest: string }>((k, p, { differences }) =>
  k
    .selectFrom(
      differences.named('claims', p.list, { keyId: p.keyId, fields: { source: 'source', fact_id: 'id' } }).as('c'),
    )
    .select(['source', 'fact_id as factId', 'digest']),
)
export const namedOf = query<Of, Session>((k, p, { differences }) =>
  k
    .selectFrom(
      differences
        .named('sessions', p.list, {
          keyId: p.keyId,
          fields: { source: 'source', room_id: 'roomId', session_key: 'sessionKey' },
        })
        .as('s'),
    )
    .select(columns)
    .where('s.session_key', 'is not', null),
)
export const latestOf = query<Of, Session>((k, p, { differences }) =>
  k
    .selectFrom(differences.each(p.list))
    .crossJoin('sessions as s')
    .select(columns)
    .where('s.key_id', '=', p.keyId)
    .where('s.id', '=', (eb) =>
      eb
        .selectFrom('sessions as l')
        .select('l.id')
        .where('l.key_id', '=', p.keyId)
        .where('l.source', '=', sql<string>`x.value ->> 'source'`)
        .where('l.room_id', '=', sql<string>`x.value ->> 'roomId'`)
        .where('l.session_key', 'is', null)
        .orderBy('l.start_at', 'desc')
        .limit(1),
    ),
)
export const marksOf = query<Of, MarkColumns>((k, p, { differences }) =>
  k
    .selectFrom(
      differences
        .named('marks', p.list, {
          keyId: p.keyId,
          fields: { session_id: 'sessionId', participant_id: 'participantId' },
        })
        .as('m'),
    )
    .select(markColumns),
)
export const previousOf = query<At, Session>((k, p) =>
  unnamed(k, p).where('start_at', '<=', p.at).orderBy('start_at', 'desc').limit(1),
)
export const nextOf = query<At, Session>((k, p) =>
  unnamed(k, p).where('start_at', '>', p.at).orderBy('start_at').limit(1),
)
export const sessionById = query<OfSession, Session>((k, p) =>
  sessions(k).where('key_id', '=', p.keyId).where('id', '=', p.sessionId),
)
export const runningOf = query<{ keyId: number; source: string }, Session>((k, p) =>
  sessions(k).where('key_id', '=', p.keyId).where('source', '=', p.source).where('end_at', 'is', null),
)
export const runningInRoomOf = query<OfRoom, Session>((k, p) =>
  sessions(k)
    .where('key_id', '=', p.keyId)
    .where('source', '=', p.source)
    .where('room_id', '=', p.roomId)
    .where('end_at', 'is', null),
)
// Whoever takes a lease away waits for the commit.
export const fencesOf = query<Of, { roomId: string; fence: number }>((k, p, { differences }) =>
  k
    .selectFrom(differences.each(p.list))
    .crossJoin('room_leases as l')
    .select(['l.room_id as roomId', 'l.fence'])
    .where('l.key_id', '=', p.keyId)
    .where('l.room_id', '=', sql<string>`x.value ->> 'roomId'`)
    .forShare('l'),
)
export const allMarksOf = query<OfSession, MarkColumns>((k, p) =>
  k.selectFrom('marks').select(markColumns).where('key_id', '=', p.keyId).where('session_id', '=', p.sessionId),
)
/** What names a mark. */
export type MarkName = OfSession & { participantId: string; factId: string; kind: string }
export const removeMark = query<MarkName>((k, p) =>
  k
    .deleteFrom('marks')
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('participant_id', '=', p.participantId)
    .where('fact_id', '=', p.factId)
    .where('kind', '=', p.kind),
)
export const emptyOf = (['marks', 'participants', 'seals'] as const).map((table) =>
  query<OfSession>((k, p) => k.deleteFrom(table).where('key_id', '=', p.keyId).where('session_id', '=', p.sessionId)),
)
export const insideOf = query<OfSession, PersonInside>((k, p) =>
  k
    .selectFrom('participants')
    .select(['participant_id as participantId', 'name', 'kind', 'open_since as openSince', 'last_at as lastAt'])
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('open_since', 'is not', null)
    .orderBy('participant_id')
    .$narrowType<PersonInside>(),
)
export const undatedOf = query<OfSession & { at: number }, { participantId: string }>((k, p) =>
  k
    .selectFrom('marks')
    .select('participant_id as participantId')
    .distinct()
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('arrived_at', '>', p.at)
    .orderBy('participant_id'),
)
export const pastEndMsOf = query<OfSession & { endedAt: number }, { ms: number }>((k, p) =>
  k
    .selectFrom('participants')
    .select(sql<number>`cast(coalesce(sum(last_at - ${p.endedAt}), 0) as bigint)`.as('ms'))
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('open_since', 'is not', null)
    .where('last_at', '>', p.endedAt),
)
export const othersLastAtOf = query<OfSession & { participantId: string }, { at: number | null }>((k, p) =>
  k
    .selectFrom('participants')
    .select((eb) => eb.fn.max('last_at').as('at'))
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('participant_id', '!=', p.participantId),
)
/** When a room's `autoCloseConfig` ends a session is kept with the session, so that one index finds what is due. */
export const planClose = query<{ keyId: number; ids: string }>((k, p, { differences }) =>
  k
    .updateTable('sessions')
    .set({
      close_at: (eb) =>
        eb
          .selectFrom('rooms as r')
          .select(sql<number>`r.auto_close_ms + sessions.start_at`.as('at'))
          // Not that of the session: named, it leads Citus to one place.
          .where('r.key_id', '=', p.keyId)
          .whereRef('r.room_id', '=', 'sessions.room_id'),
    })
    .where('key_id', '=', p.keyId)
    .where(differences.isIn('id', p.ids)),
)
export const toLookAt = query<{ now: number; limit: number }, { keyId: number; sessionId: string; roomId: string }>(
  (k, p) =>
    k
      .selectFrom('sessions')
      .select(['key_id as keyId', 'id as sessionId', 'room_id as roomId'])
      .where('look_at', '<=', p.now)
      .orderBy('look_at')
      .limit(p.limit),
)
