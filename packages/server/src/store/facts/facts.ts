import type { Change, Fact, SessionFact } from '@rollcall/protocol'
import { type Insertable, sql } from 'kysely'
import type { Mark, Participant, Session } from '../../ledger/state.ts'
import { type MarkColumns, markColumns, sessionColumns, toMark } from '../database/columns.ts'
import { compile, type Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { openQualityWriter, type QualityWriter } from '../quality.ts'
import { type Counted, prepareBucketWriter } from '../sessions/buckets.ts'
import { sealAtOf } from '../sessions/seals.ts'
import { spanLevelOf } from '../sessions/span.ts'
import { prepareCounters } from './counters.ts'
import { type Heard, prepareHeard } from './heard.ts'
import { holdSessions, nameOf } from './held-sessions.ts'
import { openPending } from './pending-rows.ts'

type Beside = Heard & QualityWriter

/** What is held in memory comes at once: callers await. */
type Answer<T> = T | Promise<T>

/**
 * What recording facts needs of the database, for the length of one transaction. What it gave or got is held in memory until
 * `flush`: many facts of one transaction are mostly about few sessions, and what they change is written in few statements.
 */
export type FactStore = Beside & {
  /** Reads at once what recording these facts will ask for, and keeps others from the same rooms until the commit. */
  prepare(facts: { keyId: number; facts: Fact[]; fence?: number | undefined }[]): Promise<void>
  /** Whether the lease on the rooms of these facts, which were prepared for, is that of this fence. */
  isHeld(keyId: number, facts: Fact[], fence: number): boolean
  /** True when this fact is new; else the digest of what was claimed under its id. */
  claim(keyId: number, fact: { source: string; id: string }, digest: string): Answer<true | string>
  /** Appends to the raw log. */
  log(keyId: number, entry: LogEntry): void
  findNamed(keyId: number, fact: SessionFact & { sessionKey: string }): Answer<Session | undefined>
  /** The latest unnamed session of the fact's room and source. */
  findLatest(keyId: number, fact: Pick<Fact, 'source' | 'roomId' | 'sessionKey'>): Answer<Session | undefined>
  /** The latest that started at or before `at`. */
  findPrevious(keyId: number, fact: SessionFact, at: number): Promise<Session | undefined>
  /** The earliest that started after `at`. */
  findNext(keyId: number, fact: SessionFact, at: number): Promise<Session | undefined>
  getSession(keyId: number, sessionId: string): Answer<Session | undefined>
  /** Sessions of a source that have not ended; where a room is named, of that room. */
  listRunning(keyId: number, source: string, roomId: string): Promise<Session[]>
  listMarks(keyId: number, sessionId: string, participantId: string): Answer<Mark[]>
  /** All marks of a session: a scan of all who were in it. */
  listAllMarks(keyId: number, sessionId: string): Promise<Mark[]>
  /** Everybody inside, in order of id: a scan of all who were in it. */
  listInside(keyId: number, sessionId: string): Promise<{ participantId: string; name: string }[]>
  /** The latest evidence of everybody but one: a scan of all who were in it. */
  othersLastAt(keyId: number, sessionId: string, participantId: string): Promise<number>
  saveSession(keyId: number, session: Session): void
  saveParticipant(keyId: number, sessionId: string, participant: Participant): void
  insertMark(keyId: number, sessionId: string, mark: Mark): void
  /** @param recordedAt by our clock, epoch milliseconds */
  appendChange(keyId: number, change: Change, recordedAt: number): void
  /** Sessions that somebody has to look at by `now`, of all keys. */
  listToLookAt(now: number, limit: number): Promise<{ keyId: number; sessionId: string }[]>
  isAnyToLookAt(now: number): Promise<boolean>
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
  const { each } = db.differences
  const openBuckets = prepareBucketWriter(db)
  const openHeard = prepareHeard(db)
  const nextSeqs = prepareCounters(db)

  type Of = { keyId: number; list: string }
  const claimsOf = compile<Of, { source: string; factId: string; digest: string }>((p) =>
    k
      .selectFrom(each(p.list))
      .crossJoin('claims as c')
      .select(['c.source', 'c.fact_id as factId', 'c.digest'])
      .where('c.key_id', '=', p.keyId)
      .where('c.source', '=', sql<string>`x.value ->> 'source'`)
      .where('c.fact_id', '=', sql<string>`x.value ->> 'id'`),
  )
  const columns = sessionColumns.map((column) => `s.${column}` as const)
  const namedOf = compile<Of, Session>((p) =>
    k
      .selectFrom(each(p.list))
      .crossJoin('sessions as s')
      .select(columns)
      .where('s.key_id', '=', p.keyId)
      .where('s.source', '=', sql<string>`x.value ->> 'source'`)
      .where('s.room_id', '=', sql<string>`x.value ->> 'roomId'`)
      .where('s.session_key', '=', sql<string>`x.value ->> 'sessionKey'`)
      .where('s.session_key', 'is not', null),
  )
  const latestOf = compile<Of, Session>((p) =>
    k
      .selectFrom(each(p.list))
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
  const marksOf = compile<Of, MarkColumns>((p) =>
    k
      .selectFrom(each(p.list))
      .crossJoin('marks as m')
      .select(markColumns.map((column) => `m.${column}` as const))
      .where('m.key_id', '=', p.keyId)
      .where('m.session_id', '=', sql<string>`x.value ->> 'sessionId'`)
      .where('m.participant_id', '=', sql<string>`x.value ->> 'participantId'`),
  )
  const sessions = k.selectFrom('sessions').select(sessionColumns)
  type OfRoom = { keyId: number; source: string; roomId: string }
  type At = OfRoom & { at: number }
  const unnamed = (p: OfRoom) =>
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
  const listRunningInRoom = compile<OfRoom, Session>((p) =>
    sessions
      .where('key_id', '=', p.keyId)
      .where('source', '=', p.source)
      .where('room_id', '=', p.roomId)
      .where('end_at', 'is', null),
  )
  // Whoever takes a lease away waits for the commit.
  const fencesOf = compile<Of, { roomId: string; fence: number }>((p) =>
    k
      .selectFrom(each(p.list))
      .crossJoin('room_leases as l')
      .select(['l.room_id as roomId', 'l.fence'])
      .where('l.key_id', '=', p.keyId)
      .where('l.room_id', '=', sql<string>`x.value ->> 'roomId'`)
      .forShare('l'),
  )
  const listAllMarks = compile<OfSession, MarkColumns>((p) =>
    k.selectFrom('marks').select(markColumns).where('key_id', '=', p.keyId).where('session_id', '=', p.sessionId),
  )
  const listInside = compile<OfSession, { participantId: string; name: string }>((p) =>
    k
      .selectFrom('participants')
      .select(['participant_id as participantId', 'name'])
      .where('key_id', '=', p.keyId)
      .where('session_id', '=', p.sessionId)
      .where('open_since', 'is not', null)
      .orderBy('participant_id'),
  )
  const othersLastAt = compile<OfSession & { participantId: string }, { at: number | null }>((p) =>
    k
      .selectFrom('participants')
      .select((eb) => eb.fn.max('last_at').as('at'))
      .where('key_id', '=', p.keyId)
      .where('session_id', '=', p.sessionId)
      .where('participant_id', '!=', p.participantId),
  )
  /** When a room's `autoCloseConfig` ends a session is kept with the session, so that one index finds what is due. */
  const planClose = compile<{ keyId: number; ids: string }, unknown>((p) =>
    k
      .updateTable('sessions')
      .set({
        close_at: (eb) =>
          eb
            .selectFrom('rooms as r')
            .select(sql<number>`r.auto_close_ms + sessions.start_at`.as('at'))
            .whereRef('r.key_id', '=', 'sessions.key_id')
            .whereRef('r.room_id', '=', 'sessions.room_id'),
      })
      .where('key_id', '=', p.keyId)
      .where('id', 'in', db.differences.texts(p.ids)),
  )
  const listToLookAt = compile<{ now: number; limit: number }, { keyId: number; sessionId: string; roomId: string }>(
    (p) =>
      k
        .selectFrom('sessions')
        .select(['key_id as keyId', 'id as sessionId', 'room_id as roomId'])
        .where('look_at', '<=', p.now)
        .orderBy('look_at')
        .limit(p.limit),
  )

  const first = async <R>(rows: R[] | Promise<R[]>): Promise<R | undefined> => (await rows)[0]

  return () => {
    const buckets = openBuckets()
    const pending = openPending(db)
    const moved = new Map<number, string[]>()
    const held = holdSessions((keyId, before, after) => {
      pending.sessions.push(toSessionRow(keyId, after))
      buckets.count(keyId, before && toCounted(before), toCounted(after))
      if (before?.startAt !== after.startAt) group(moved, keyId, after.id)
    })
    const heard = openHeard()
    const quality = openQualityWriter(db)
    /** By key, source and fact id: its digest; null: not claimed. */
    const claims = new Map<string, string | null>()
    /** Sessions that began in this transaction: nobody has marks of them that are not held. */
    const born = new Set<string>()
    /** By key and room. */
    const fences = new Map<string, number>()
    /** By key, session and person. */
    const marks = new Map<string, Mark[]>()

    const readClaims = async (keyId: number, facts: { source: string; id: string }[]) => {
      const list = JSON.stringify(facts.map(({ source, id }) => ({ source, id })))
      for (const { source, id } of facts) claims.set(toName(keyId, source, id), null)
      for (const row of await db.all(claimsOf, { keyId, list })) {
        claims.set(toName(keyId, row.source, row.factId), row.digest)
      }
    }
    const readMarks = async (keyId: number, people: { sessionId: string; participantId: string }[]) => {
      for (const { sessionId, participantId } of people) marks.set(toName(keyId, sessionId, participantId), [])
      for (const row of await db.all(marksOf, { keyId, list: JSON.stringify(people) })) {
        marks.get(toName(keyId, row.sessionId, row.participantId))?.push(toMark(row))
      }
    }
    const readFences = async (keyId: number, roomIds: Set<string>) => {
      const list = JSON.stringify([...roomIds].sort().map((roomId) => ({ roomId })))
      for (const { roomId, fence } of await db.all(fencesOf, { keyId, list })) fences.set(toName(keyId, roomId), fence)
    }
    /** So that what a query reads holds what was recorded in this transaction. */
    const writePending = async () => {
      await held.flush()
      await pending.flush()
    }
    const store: FactStore = {
      ...heard,
      ...quality,
      async prepare(all) {
        const ofKeys = new Map<number, Fact[]>()
        for (const { keyId, facts } of all) for (const fact of facts) group(ofKeys, keyId, fact)
        const fenced = all.filter(({ fence }) => fence !== undefined)
        for (const [keyId, facts] of [...ofKeys].sort(([a], [b]) => a - b)) {
          await db.differences.lockRooms(keyId, roomsOf(facts))
          const heldRooms = fenced.filter((one) => one.keyId === keyId).flatMap((one) => roomsOf(one.facts))
          if (heldRooms.length > 0) await readFences(keyId, new Set(heldRooms))
          await readClaims(keyId, facts)
          const fresh = facts.filter(({ source, id }) => claims.get(toName(keyId, source, id)) === null)
          const ofRooms = fresh.filter(({ roomId }) => roomId !== '')
          const named = ofRooms.filter(({ sessionKey }) => sessionKey !== undefined)
          const unnamed = ofRooms.filter(({ sessionKey }) => sessionKey === undefined)
          held.learn(keyId, named, await db.all(namedOf, { keyId, list: toList(named) }))
          held.learn(keyId, unnamed, await db.all(latestOf, { keyId, list: toList(unnamed) }))
          const people = new Map<string, { sessionId: string; participantId: string }>()
          for (const fact of ofRooms) {
            const sessionId = 'participantId' in fact ? held.known(keyId, nameOf(fact))?.id : undefined
            if (sessionId === undefined || !('participantId' in fact)) continue
            const { participantId } = fact
            people.set(toName(keyId, sessionId, participantId), { sessionId, participantId })
          }
          if (people.size > 0) await readMarks(keyId, [...people.values()])
        }
      },
      isHeld: (keyId, facts, fence) => roomsOf(facts).every((roomId) => fences.get(toName(keyId, roomId)) === fence),
      claim(keyId, fact, digest) {
        const { source, id } = fact
        const name = toName(keyId, source, id)
        const known = claims.get(name)
        if (known === undefined) return readClaims(keyId, [fact]).then(() => store.claim(keyId, fact, digest))
        if (known !== null) return known
        claims.set(name, digest)
        pending.claims.push({ key_id: keyId, source, fact_id: id, digest })
        return true
      },
      log(keyId, entry) {
        pending.facts.push({
          key_id: keyId,
          seq: 0,
          source: entry.source,
          fact_id: entry.factId,
          session_id: entry.sessionId,
          outcome: entry.outcome,
          reason: entry.reason,
          received_at: entry.receivedAt,
          change_seq: 0,
          fact_json: entry.factJson,
        })
      },
      findNamed: (keyId, fact) =>
        held.find(keyId, nameOf(fact), () => first(db.all(namedOf, { keyId, list: toList([fact]) }))),
      findLatest: (keyId, fact) =>
        held.find(keyId, nameOf(fact), () => first(db.all(latestOf, { keyId, list: toList([fact]) }))),
      async findPrevious(keyId, { source, roomId }, at) {
        await writePending()
        return held.hold(keyId, await first(db.all(findPrevious, { keyId, source, roomId, at })))
      },
      async findNext(keyId, { source, roomId }, at) {
        await writePending()
        return held.hold(keyId, await first(db.all(findNext, { keyId, source, roomId, at })))
      },
      getSession: (keyId, sessionId) =>
        held.get(keyId, sessionId, () => first(db.all(getSession, { keyId, sessionId }))),
      async listRunning(keyId, source, roomId) {
        await writePending()
        const list = () =>
          roomId === '' ? db.all(listRunning, { keyId, source }) : db.all(listRunningInRoom, { keyId, source, roomId })
        await db.differences.lockRooms(
          keyId,
          (await list()).map((one) => one.roomId),
        )
        const running = await list()
        return running.map((session) => held.hold(keyId, session) ?? session)
      },
      listMarks(keyId, sessionId, participantId) {
        const name = toName(keyId, sessionId, participantId)
        const known = marks.get(name) ?? (born.has(toName(keyId, sessionId)) ? [] : undefined)
        return known ?? readMarks(keyId, [{ sessionId, participantId }]).then(() => marks.get(name) ?? [])
      },
      async listAllMarks(keyId, sessionId) {
        await writePending()
        return (await db.all(listAllMarks, { keyId, sessionId })).map(toMark)
      },
      async listInside(keyId, sessionId) {
        await writePending()
        return db.all(listInside, { keyId, sessionId })
      },
      async othersLastAt(keyId, sessionId, participantId) {
        await writePending()
        return (await first(db.all(othersLastAt, { keyId, sessionId, participantId })))?.at ?? 0
      },
      saveSession(keyId, session) {
        if (held.put(keyId, session) === 'new') born.add(toName(keyId, session.id))
      },
      saveParticipant(keyId, sessionId, participant) {
        pending.participants.set(toName(keyId, sessionId, participant.participantId), {
          key_id: keyId,
          session_id: sessionId,
          participant_id: participant.participantId,
          name: participant.name,
          kind: participant.kind,
          metadata_json: toJson(participant.metadata),
          joined_at: participant.joinedAt,
          open_since: participant.openSince,
          closed_ms: participant.closedMs,
          last_at: participant.lastAt,
        })
      },
      insertMark(keyId, sessionId, mark) {
        const name = toName(keyId, sessionId, mark.participantId)
        const known = marks.get(name)
        if (known === undefined) marks.set(name, [mark])
        else known.push(mark)
        pending.marks.push({
          key_id: keyId,
          session_id: sessionId,
          participant_id: mark.participantId,
          connection_id: mark.connectionId,
          at: mark.at,
          kind: mark.kind,
          fact_id: mark.factId,
          reason: mark.reason,
          inferred: mark.inferred,
          last_seen_at: mark.lastSeenAt,
          name: mark.name,
          participant_kind: mark.participantKind,
          metadata_json: toJson(mark.metadata),
        })
      },
      appendChange(keyId, change, recordedAt) {
        pending.changes.push({
          key_id: keyId,
          seq: 0,
          type: change.type,
          session_id: change.sessionId,
          room_id: change.roomId,
          at: change.at,
          recorded_at: recordedAt,
          participant_id: change.participantId ?? null,
          name: change.name ?? null,
          reason: change.reason ?? null,
        })
      },
      async listToLookAt(now, limit) {
        await writePending()
        const due = await db.all(listToLookAt, { now, limit })
        const rooms = new Map<number, string[]>()
        for (const { keyId, roomId } of due) group(rooms, keyId, roomId)
        for (const [keyId, roomIds] of rooms) await db.differences.lockRooms(keyId, roomIds)
        return due
      },
      isAnyToLookAt: async (now) => (await db.all(listToLookAt, { now, limit: 1 })).length > 0,
      async flush() {
        await writePending()
        for (const [keyId, ids] of moved) await db.run(planClose, { keyId, ids: JSON.stringify(ids) })
        moved.clear()
        await heard.flush()
        await quality.flush()
        await buckets.flush()
        // Last, for from here to the commit nobody else may number anything of these keys.
        await pending.flushNumbered(nextSeqs)
      },
    }
    return store
  }
}

/** What others must not write at the same time. */
function roomsOf(facts: Fact[]): string[] {
  return facts.map(({ roomId }) => roomId).filter((roomId) => roomId !== '')
}

function toList(facts: Pick<Fact, 'source' | 'roomId' | 'sessionKey'>[]): string {
  const byName = new Map(facts.map((fact) => [nameOf(fact), fact]))
  return JSON.stringify([...byName.values()].map(({ source, roomId, sessionKey }) => ({ source, roomId, sessionKey })))
}

function toName(keyId: number, one: string, other = ''): string {
  return `${keyId}\n${one}\n${other}`
}

function group<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [value])
  else group.push(value)
}

/** A session of which everything waits for its other half is not counted. */
function toCounted({ roomId, startAt, endAt }: Session): Counted | undefined {
  return startAt === null ? undefined : { roomId, startAt, ended: endAt !== null }
}

function toSessionRow(keyId: number, session: Session): Insertable<Tables['sessions']> {
  return {
    key_id: keyId,
    id: session.id,
    room_id: session.roomId,
    source: session.source,
    session_key: session.sessionKey,
    start_at: session.startAt,
    end_at: session.endAt,
    end_reason: session.endReason,
    ended_at: session.endedAt,
    concluded: session.concluded,
    last_at: session.lastAt,
    said_at: session.saidAt,
    snapshot_at: session.snapshotAt,
    resumed_at: session.resumedAt,
    look_at: session.lookAt,
    inside: session.inside,
    people: session.people,
    closed_ms: session.closedMs,
    open_since_sum: session.openSinceSum,
    revision: session.revision,
    updated_at: session.updatedAt,
    span_level: spanLevelOf(session),
    seal_at: sealAtOf(session),
    gaps: null,
  }
}

function toJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}
