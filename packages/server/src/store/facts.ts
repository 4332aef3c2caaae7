import type { Change, SessionFact } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Mark, Participant, Session } from '../ledger/state.ts'
import {
  type MarkColumns,
  markColumns,
  type ParticipantColumns,
  participantColumns,
  sessionColumns,
  toMark,
  toParticipant,
} from './columns.ts'
import { compile, type Database } from './database.ts'

/** What recording facts needs of the database. Everything here runs inside a transaction of the caller's. */
export type FactStore = {
  /** True when this fact is new; else the digest of what was claimed under its id. */
  claim(keyId: number, fact: { source: string; id: string }, digest: string): Promise<true | string>
  /** Appends to the raw log. */
  log(keyId: number, entry: LogEntry): Promise<void>
  findNamed(keyId: number, fact: SessionFact & { sessionKey: string }): Promise<Session | undefined>
  /** The latest unnamed session of the fact's room and source that started at or before `at`. */
  findPrevious(keyId: number, fact: SessionFact, at: number): Promise<Session | undefined>
  /** The earliest that started after `at`. */
  findNext(keyId: number, fact: SessionFact, at: number): Promise<Session | undefined>
  getSession(keyId: number, sessionId: string): Promise<Session | undefined>
  /** Sessions of a source that have not ended. */
  listRunning(keyId: number, source: string): Promise<Session[]>
  getParticipant(keyId: number, sessionId: string, participantId: string): Promise<Participant | undefined>
  listMarks(keyId: number, sessionId: string, participantId: string): Promise<Mark[]>
  /** All marks of a session: a scan of all who were in it. */
  listAllMarks(keyId: number, sessionId: string): Promise<Mark[]>
  /** Everybody inside, in order of id: a scan of all who were in it. */
  listInside(keyId: number, sessionId: string): Promise<{ participantId: string; name: string }[]>
  /** The latest evidence of everybody but one: a scan of all who were in it. */
  othersLastAt(keyId: number, sessionId: string, participantId: string): Promise<number>
  insertSession(keyId: number, session: Session): Promise<void>
  updateSession(keyId: number, session: Session): Promise<void>
  saveParticipant(keyId: number, sessionId: string, participant: Participant): Promise<void>
  insertMark(keyId: number, sessionId: string, mark: Mark): Promise<void>
  appendChange(keyId: number, change: Change): Promise<void>
  /** Adds to the number of running or ended sessions of the room and the key. */
  countSession(keyId: number, roomId: string, ended: boolean, by: number): Promise<void>
  /** Sessions that somebody has to look at by `now`, of all keys. */
  listToLookAt(now: number, limit: number): Promise<{ keyId: number; sessionId: string }[]>
}

export type LogEntry = {
  source: string
  factId: string
  sessionId: string | null
  outcome: string
  reason: string | null
  receivedAt: number
  factJson: string
}

/** @param db the connection that writes: the numbers of log and changes are given by counting up from the last. */
export function createFactStore(db: Database): FactStore {
  const k = db.kysely

  const insertClaim = compile<{ keyId: number; source: string; factId: string; digest: string }, unknown>((p) =>
    k
      .insertInto('claims')
      .values({ key_id: p.keyId, source: p.source, fact_id: p.factId, digest: p.digest })
      .onConflict((on) => on.doNothing()),
  )
  const findClaim = compile<{ keyId: number; source: string; factId: string }, { digest: string }>((p) =>
    k
      .selectFrom('claims')
      .select('digest')
      .where('key_id', '=', p.keyId)
      .where('source', '=', p.source)
      .where('fact_id', '=', p.factId),
  )
  const insertFact = compile<LogEntry & { keyId: number }, unknown>((p) =>
    k.insertInto('facts').values((eb) => ({
      key_id: p.keyId,
      seq: eb
        .selectFrom('facts')
        .select(sql<number>`coalesce(max(seq), 0) + 1`.as('next'))
        .where('key_id', '=', p.keyId),
      source: p.source,
      fact_id: p.factId,
      session_id: p.sessionId,
      outcome: p.outcome,
      reason: p.reason,
      received_at: p.receivedAt,
      fact_json: p.factJson,
    })),
  )
  const sessions = k.selectFrom('sessions').select(sessionColumns)
  const findNamed = compile<{ keyId: number; source: string; roomId: string; sessionKey: string }, Session>((p) =>
    sessions
      .where('key_id', '=', p.keyId)
      .where('source', '=', p.source)
      .where('room_id', '=', p.roomId)
      .where('session_key', '=', p.sessionKey)
      .where('session_key', 'is not', null),
  )
  type At = { keyId: number; source: string; roomId: string; at: number }
  const unnamed = (p: At) =>
    sessions
      .where('key_id', '=', p.keyId)
      .where('source', '=', p.source)
      .where('room_id', '=', p.roomId)
      .where('session_key', 'is', null)
  const findPrevious = compile<At, Session>((p) =>
    unnamed(p).where('start_at', '<=', p.at).orderBy('start_at', 'desc').limit(1),
  )
  const findNext = compile<At, Session>((p) => unnamed(p).where('start_at', '>', p.at).orderBy('start_at').limit(1))
  type OfSession = { keyId: number; sessionId: string }
  const getSession = compile<OfSession, Session>((p) =>
    sessions.where('key_id', '=', p.keyId).where('id', '=', p.sessionId),
  )
  const listRunning = compile<{ keyId: number; source: string }, Session>((p) =>
    sessions.where('key_id', '=', p.keyId).where('source', '=', p.source).where('end_at', 'is', null),
  )
  type OfPerson = OfSession & { participantId: string }
  const getParticipant = compile<OfPerson, ParticipantColumns>((p) =>
    k
      .selectFrom('participants')
      .select(participantColumns)
      .where('key_id', '=', p.keyId)
      .where('session_id', '=', p.sessionId)
      .where('participant_id', '=', p.participantId),
  )
  const marks = (p: OfSession) =>
    k.selectFrom('marks').select(markColumns).where('key_id', '=', p.keyId).where('session_id', '=', p.sessionId)
  const listMarks = compile<OfPerson, MarkColumns>((p) => marks(p).where('participant_id', '=', p.participantId))
  const listAllMarks = compile<OfSession, MarkColumns>(marks)
  const listInside = compile<OfSession, { participantId: string; name: string }>((p) =>
    k
      .selectFrom('participants')
      .select(['participant_id as participantId', 'name'])
      .where('key_id', '=', p.keyId)
      .where('session_id', '=', p.sessionId)
      .where('open_since', 'is not', null)
      .orderBy('participant_id'),
  )
  const othersLastAt = compile<OfPerson, { at: number | null }>((p) =>
    k
      .selectFrom('participants')
      .select((eb) => eb.fn.max('last_at').as('at'))
      .where('key_id', '=', p.keyId)
      .where('session_id', '=', p.sessionId)
      .where('participant_id', '!=', p.participantId),
  )
  const sessionValues = (p: Session) => ({
    start_at: p.startAt,
    end_at: p.endAt,
    end_reason: p.endReason,
    ended_at: p.endedAt,
    concluded: p.concluded,
    last_at: p.lastAt,
    said_at: p.saidAt,
    snapshot_at: p.snapshotAt,
    resumed_at: p.resumedAt,
    look_at: p.lookAt,
    inside: p.inside,
    people: p.people,
    closed_ms: p.closedMs,
    open_since_sum: p.openSinceSum,
    revision: p.revision,
    updated_at: p.updatedAt,
  })
  const insertSession = compile<Session & { keyId: number }, unknown>((p) =>
    k.insertInto('sessions').values({
      key_id: p.keyId,
      id: p.id,
      room_id: p.roomId,
      source: p.source,
      session_key: p.sessionKey,
      ...sessionValues(p),
    }),
  )
  const updateSession = compile<Session & { keyId: number }, unknown>((p) =>
    k.updateTable('sessions').set(sessionValues(p)).where('key_id', '=', p.keyId).where('id', '=', p.id),
  )
  type PersonRow = OfSession & Omit<Participant, 'metadata'> & { metadataJson: string | null }
  const saveParticipant = compile<PersonRow, unknown>((p) => {
    const row = {
      name: p.name,
      kind: p.kind,
      metadata_json: p.metadataJson,
      joined_at: p.joinedAt,
      open_since: p.openSince,
      closed_ms: p.closedMs,
      last_at: p.lastAt,
    }
    return k
      .insertInto('participants')
      .values({ key_id: p.keyId, session_id: p.sessionId, participant_id: p.participantId, ...row })
      .onConflict((on) =>
        on.columns(['key_id', 'session_id', 'participant_id']).doUpdateSet((eb) => ({
          name: eb.ref('excluded.name'),
          kind: eb.ref('excluded.kind'),
          metadata_json: eb.ref('excluded.metadata_json'),
          joined_at: eb.ref('excluded.joined_at'),
          open_since: eb.ref('excluded.open_since'),
          closed_ms: eb.ref('excluded.closed_ms'),
          last_at: eb.ref('excluded.last_at'),
        })),
      )
  })
  const insertMark = compile<OfSession & Omit<Mark, 'metadata'> & { metadataJson: string | null }, unknown>((p) =>
    k.insertInto('marks').values({
      key_id: p.keyId,
      session_id: p.sessionId,
      participant_id: p.participantId,
      connection_id: p.connectionId,
      at: p.at,
      kind: p.kind,
      fact_id: p.factId,
      reason: p.reason,
      inferred: p.inferred,
      last_seen_at: p.lastSeenAt,
      name: p.name,
      participant_kind: p.participantKind,
      metadata_json: p.metadataJson,
    }),
  )
  type ChangeRow = { keyId: number } & { [K in keyof Required<Change>]: Required<Change>[K] | null }
  const appendChange = compile<ChangeRow, unknown>((p) =>
    k.insertInto('changes').values((eb) => ({
      key_id: p.keyId,
      seq: eb
        .selectFrom('changes')
        .select(sql<number>`coalesce(max(seq), 0) + 1`.as('next'))
        .where('key_id', '=', p.keyId),
      type: p.type as string,
      session_id: p.sessionId as string,
      room_id: p.roomId as string,
      at: p.at as number,
      participant_id: p.participantId,
      name: p.name,
      reason: p.reason,
    })),
  )
  const countSession = compile<{ keyId: number; roomId: string; ended: number; by: number }, unknown>((p) =>
    k
      .insertInto('session_counts')
      .values({ key_id: p.keyId, room_id: p.roomId, ended: p.ended, sessions: p.by })
      .onConflict((on) =>
        on
          .columns(['key_id', 'room_id', 'ended'])
          .doUpdateSet({ sessions: sql`session_counts.sessions + excluded.sessions` }),
      ),
  )
  const listToLookAt = compile<{ now: number; limit: number }, { keyId: number; sessionId: string }>((p) =>
    k
      .selectFrom('sessions')
      .select(['key_id as keyId', 'id as sessionId'])
      .where('look_at', '<=', p.now)
      .orderBy('look_at')
      .limit(p.limit),
  )

  const first = async <R>(rows: R[] | Promise<R[]>): Promise<R | undefined> => (await rows)[0]

  return {
    async claim(keyId, { source, id: factId }, digest) {
      if ((await db.run(insertClaim, { keyId, source, factId, digest })) > 0) return true
      return (await first(db.all(findClaim, { keyId, source, factId })))?.digest ?? true
    },
    async log(keyId, entry) {
      await db.run(insertFact, { ...entry, keyId })
    },
    findNamed: (keyId, { source, roomId, sessionKey }) =>
      first(db.all(findNamed, { keyId, source, roomId, sessionKey })),
    findPrevious: (keyId, { source, roomId }, at) => first(db.all(findPrevious, { keyId, source, roomId, at })),
    findNext: (keyId, { source, roomId }, at) => first(db.all(findNext, { keyId, source, roomId, at })),
    getSession: (keyId, sessionId) => first(db.all(getSession, { keyId, sessionId })),
    listRunning: async (keyId, source) => db.all(listRunning, { keyId, source }),
    async getParticipant(keyId, sessionId, participantId) {
      const row = await first(db.all(getParticipant, { keyId, sessionId, participantId }))
      return row && toParticipant(row)
    },
    async listMarks(keyId, sessionId, participantId) {
      return (await db.all(listMarks, { keyId, sessionId, participantId })).map(toMark)
    },
    async listAllMarks(keyId, sessionId) {
      return (await db.all(listAllMarks, { keyId, sessionId })).map(toMark)
    },
    listInside: async (keyId, sessionId) => db.all(listInside, { keyId, sessionId }),
    async othersLastAt(keyId, sessionId, participantId) {
      return (await first(db.all(othersLastAt, { keyId, sessionId, participantId })))?.at ?? 0
    },
    async insertSession(keyId, session) {
      await db.run(insertSession, { ...session, keyId })
    },
    async updateSession(keyId, session) {
      await db.run(updateSession, { ...session, keyId })
    },
    async saveParticipant(keyId, sessionId, { metadata, ...participant }) {
      await db.run(saveParticipant, { ...participant, keyId, sessionId, metadataJson: toJson(metadata) })
    },
    async insertMark(keyId, sessionId, { metadata, ...mark }) {
      await db.run(insertMark, { ...mark, keyId, sessionId, metadataJson: toJson(metadata) })
    },
    async appendChange(keyId, change) {
      await db.run(appendChange, { participantId: null, name: null, reason: null, ...change, keyId })
    },
    async countSession(keyId, roomId, ended, by) {
      await db.run(countSession, { keyId, roomId, ended: Number(ended), by })
      await db.run(countSession, { keyId, roomId: '', ended: Number(ended), by })
    },
    listToLookAt: async (now, limit) => db.all(listToLookAt, { now, limit }),
  }
}

function toJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}
