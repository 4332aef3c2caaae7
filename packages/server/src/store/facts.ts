import type { Change, SessionFact } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Mark, Participant, Session } from '../ledger/state.ts'
import { type Counted, prepareBucketWriter } from './buckets.ts'
import { type MarkColumns, markColumns, sessionColumns, toMark } from './columns.ts'
import { compile, type Database } from './database.ts'
import { type Heard, prepareHeard } from './heard.ts'
import { holdSessions } from './held-sessions.ts'
import { sealAtOf } from './seals.ts'
import { spanLevelOf } from './span.ts'

/**
 * What recording facts needs of the database, for the length of one transaction. Sessions that it gave or got are held
 * in memory until `flush`: many facts of one transaction are mostly about few sessions.
 */
export type FactStore = Heard & {
  /** True when this fact is new; else the digest of what was claimed under its id. */
  claim(keyId: number, fact: { source: string; id: string }, digest: string): Promise<true | string>
  /** Appends to the raw log. */
  log(keyId: number, entry: LogEntry): Promise<void>
  findNamed(keyId: number, fact: SessionFact & { sessionKey: string }): Promise<Session | undefined>
  /** The latest unnamed session of the fact's room and source. */
  findLatest(keyId: number, fact: SessionFact): Promise<Session | undefined>
  /** The latest that started at or before `at`. */
  findPrevious(keyId: number, fact: SessionFact, at: number): Promise<Session | undefined>
  /** The earliest that started after `at`. */
  findNext(keyId: number, fact: SessionFact, at: number): Promise<Session | undefined>
  getSession(keyId: number, sessionId: string): Promise<Session | undefined>
  /** Sessions of a source that have not ended. */
  listRunning(keyId: number, source: string): Promise<Session[]>
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
  /** Sessions that somebody has to look at by `now`, of all keys. */
  listToLookAt(now: number, limit: number): Promise<{ keyId: number; sessionId: string }[]>
  /** Writes what is held in memory; to be called once, before the commit. */
  flush(): Promise<void>
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

/** Compiles the queries once; each call of what it gives is for one transaction, on the connection that writes. */
export function prepareFactStore(db: Database): () => FactStore {
  const k = db.kysely
  const openBuckets = prepareBucketWriter(db)

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
  const insertFact = compile<LogEntry & { keyId: number; seq: number }, unknown>((p) =>
    k.insertInto('facts').values({
      key_id: p.keyId,
      seq: p.seq,
      source: p.source,
      fact_id: p.factId,
      session_id: p.sessionId,
      outcome: p.outcome,
      reason: p.reason,
      received_at: p.receivedAt,
      fact_json: p.factJson,
    }),
  )
  const lastFactSeq = compile<{ keyId: number }, { seq: number | null }>((p) =>
    k
      .selectFrom('facts')
      .select((eb) => eb.fn.max('seq').as('seq'))
      .where('key_id', '=', p.keyId),
  )
  const lastChangeSeq = compile<{ keyId: number }, { seq: number | null }>((p) =>
    k
      .selectFrom('changes')
      .select((eb) => eb.fn.max('seq').as('seq'))
      .where('key_id', '=', p.keyId),
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
  type OfRoom = { keyId: number; source: string; roomId: string }
  type At = OfRoom & { at: number }
  const unnamed = (p: OfRoom) =>
    sessions
      .where('key_id', '=', p.keyId)
      .where('source', '=', p.source)
      .where('room_id', '=', p.roomId)
      .where('session_key', 'is', null)
  const findLatest = compile<OfRoom, Session>((p) => unnamed(p).orderBy('start_at', 'desc').limit(1))
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
  type SessionRow = Session & { keyId: number; spanLevel: number | null; sealAt: number | null }
  // Rooms hold no more than when: which sessions that means is kept with the sessions, so that one index finds what is due.
  const closeAt = (p: SessionRow) =>
    k
      .selectFrom('rooms')
      .select(sql<number>`auto_close_ms + ${p.startAt}`.as('at'))
      .where('key_id', '=', p.keyId)
      .where('room_id', '=', p.roomId)
  const sessionValues = (p: SessionRow) => ({
    start_at: p.startAt,
    close_at: closeAt(p),
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
    span_level: p.spanLevel,
    seal_at: p.sealAt,
  })
  const insertSession = compile<SessionRow, unknown>((p) =>
    k.insertInto('sessions').values({
      key_id: p.keyId,
      id: p.id,
      room_id: p.roomId,
      source: p.source,
      session_key: p.sessionKey,
      ...sessionValues(p),
    }),
  )
  const updateSession = compile<SessionRow, unknown>((p) =>
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
  type ChangeRow = { keyId: number; seq: number } & { [K in keyof Required<Change>]: Required<Change>[K] | null }
  const appendChange = compile<ChangeRow, unknown>((p) =>
    k.insertInto('changes').values({
      key_id: p.keyId,
      seq: p.seq,
      type: p.type as string,
      session_id: p.sessionId as string,
      room_id: p.roomId as string,
      at: p.at as number,
      participant_id: p.participantId,
      name: p.name,
      reason: p.reason,
    }),
  )
  const listToLookAt = compile<{ now: number; limit: number }, { keyId: number; sessionId: string }>((p) =>
    k
      .selectFrom('sessions')
      .select(['key_id as keyId', 'id as sessionId'])
      .where('look_at', '<=', p.now)
      .orderBy('look_at')
      .limit(p.limit),
  )

  const openHeard = prepareHeard(db)
  const first = async <R>(rows: R[] | Promise<R[]>): Promise<R | undefined> => (await rows)[0]

  return () => {
    const buckets = openBuckets()
    const held = holdSessions(async (keyId, before, after) => {
      const row = { ...after, keyId, spanLevel: spanLevelOf(after), sealAt: sealAtOf(after) }
      await db.run(before === undefined ? insertSession : updateSession, row)
      buckets.count(keyId, before && toCounted(before), toCounted(after))
    })
    const factSeqs = countUp(async (keyId) => (await first(db.all(lastFactSeq, { keyId })))?.seq ?? 0)
    const changeSeqs = countUp(async (keyId) => (await first(db.all(lastChangeSeq, { keyId })))?.seq ?? 0)
    const heard = openHeard()
    return {
      ...heard,
      async claim(keyId, { source, id: factId }, digest) {
        if ((await db.run(insertClaim, { keyId, source, factId, digest })) > 0) return true
        return (await first(db.all(findClaim, { keyId, source, factId })))?.digest ?? true
      },
      async log(keyId, entry) {
        await db.run(insertFact, { ...entry, keyId, seq: await factSeqs(keyId) })
      },
      findNamed: (keyId, { source, roomId, sessionKey }) =>
        held.find(keyId, ['named', source, roomId, sessionKey], () =>
          first(db.all(findNamed, { keyId, source, roomId, sessionKey })),
        ),
      findLatest: (keyId, { source, roomId }) =>
        held.find(keyId, ['unnamed', source, roomId], () => first(db.all(findLatest, { keyId, source, roomId }))),
      async findPrevious(keyId, { source, roomId }, at) {
        await held.flush()
        return held.hold(keyId, await first(db.all(findPrevious, { keyId, source, roomId, at })))
      },
      async findNext(keyId, { source, roomId }, at) {
        await held.flush()
        return held.hold(keyId, await first(db.all(findNext, { keyId, source, roomId, at })))
      },
      getSession: (keyId, sessionId) =>
        held.get(keyId, sessionId, () => first(db.all(getSession, { keyId, sessionId }))),
      async listRunning(keyId, source) {
        await held.flush()
        const running = await db.all(listRunning, { keyId, source })
        return running.map((session) => held.hold(keyId, session) ?? session)
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
        held.put(keyId, session)
      },
      async updateSession(keyId, session) {
        held.put(keyId, session)
      },
      async saveParticipant(keyId, sessionId, { metadata, ...participant }) {
        await db.run(saveParticipant, { ...participant, keyId, sessionId, metadataJson: toJson(metadata) })
      },
      async insertMark(keyId, sessionId, { metadata, ...mark }) {
        await db.run(insertMark, { ...mark, keyId, sessionId, metadataJson: toJson(metadata) })
      },
      async appendChange(keyId, change) {
        const row = { participantId: null, name: null, reason: null, ...change }
        await db.run(appendChange, { ...row, keyId, seq: await changeSeqs(keyId) })
      },
      async listToLookAt(now, limit) {
        await held.flush()
        return db.all(listToLookAt, { now, limit })
      },
      async flush() {
        await held.flush()
        await heard.flush()
        await buckets.flush()
      },
    }
  }
}

/** A session of which everything waits for its other half is not counted. */
function toCounted({ roomId, startAt, endAt }: Session): Counted | undefined {
  return startAt === null ? undefined : { roomId, startAt, ended: endAt !== null }
}

/** Numbers that go on from the last one of each key. */
function countUp(readLast: (keyId: number) => Promise<number>): (keyId: number) => Promise<number> {
  const lasts = new Map<number, number>()
  return async (keyId) => {
    const next = (lasts.get(keyId) ?? (await readLast(keyId))) + 1
    lasts.set(keyId, next)
    return next
  }
}

function toJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}
