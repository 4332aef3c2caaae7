import type { Change, Fact, SessionFact } from '@rollcall/protocol'
import type { PersonInside } from '../../ledger/changes.ts'
import type { Mark, Participant, Rules, Session } from '../../ledger/state.ts'
import { toMark } from '../database/columns.ts'
import type { Database } from '../database/database.ts'
import { type MediaWriter, openMediaWriter } from '../media.ts'
import { openQualityWriter, type QualityWriter } from '../quality.ts'
import { type Counted, openBuckets } from '../sessions/buckets.ts'
import { dropNewest } from '../sessions/newest-texts.ts'
import { breakUsage } from '../usage.ts'
import { type ErasedPeople, openErasedPeople } from './erased-people.ts'
import { holdMarks, holdSessions, nameOf, openClaims } from './held.ts'
import { type LogEntry, openPending, toChangeRow, toFactRow, toParticipantRow, toSessionRow } from './pending-rows.ts'
import {
  allMarksOf,
  emptyOf,
  fencesOf,
  insideOf,
  latestOf,
  namedOf,
  nextOf,
  othersLastAtOf,
  pastEndMsOf,
  planClose,
  previousOf,
  runningInRoomOf,
  runningOf,
  sessionById,
  toLookAt,
  undatedOf,
} from './queries.ts'

/** What is held in memory comes at once: callers await. */
type Answer<T> = T | Promise<T>

/**
 * What recording facts needs of the database, for the length of one transaction. What it gave or got is held in memory until
 * `flush`: many facts of one transaction are mostly about few sessions, and what they change is written in few statements.
 */
export type FactStore = QualityWriter &
  MediaWriter &
  Omit<ErasedPeople, 'read'> & {
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
    listInside(keyId: number, sessionId: string): Promise<PersonInside[]>
    /** Whoever has a leave that nobody says the time of and that came after `at`, in order of id. */
    listUndated(keyId: number, sessionId: string, at: number): Promise<string[]>
    /** The latest evidence of everybody but one: a scan of all who were in it. */
    othersLastAt(keyId: number, sessionId: string, participantId: string): Promise<number>
    /** See `Session.pastEndMs`, for an end at `endedAt`: a scan of all who were in it. */
    pastEndMs(keyId: number, sessionId: string, endedAt: number): Promise<number>
    saveSession(keyId: number, session: Session): void
    saveParticipant(keyId: number, sessionId: string, participant: Participant): void
    insertMark(keyId: number, sessionId: string, mark: Mark): void
    removeMark(keyId: number, sessionId: string, mark: Mark): void
    /** Leaves nothing of a session but its row: no people, no marks, no seal. */
    emptySession(keyId: number, sessionId: string): Promise<void>
    /** @param recordedAt by our clock, epoch milliseconds */
    appendChange(keyId: number, change: Change, recordedAt: number): void
    /** Sessions that are to be reviewed by `now`, of all keys. */
    listToReview(now: number, limit: number): Promise<{ keyId: number; sessionId: string }[]>
    isAnyToReview(now: number): Promise<boolean>
    /** Writes what is held in memory; to be called once, before the commit. */
    flush(): Promise<void>
  }

/** What recording needs: the tables, inside a transaction, and the rules. */
export type RecordParts = { facts: FactStore; rules: Rules }

/** For one transaction, on the connection that writes. */
export function openFacts(db: Database): FactStore {
  const held = openHeld(db)
  return {
    ...held.quality,
    ...held.media,
    ...prepareAhead(db, held),
    ...findSessions(db, held),
    ...scanSessions(db, held),
    ...keep(held),
    async flush() {
      // All is asked in this order before the first answer comes: a service is waited for once.
      await Promise.all([
        held.write(),
        ...[...held.moved].map(([keyId, ids]) => db.run(planClose(db), { keyId, ids: JSON.stringify(ids) })),
        held.quality.flush(),
        held.media.flush(),
        held.buckets.flush(),
        // Last, for from here to the commit nobody else may number anything of these keys.
        held.pending.flushNumbered(),
      ])
      held.moved.clear()
    },
  }
}

type Held = ReturnType<typeof openHeld>

/** What one transaction holds in memory until its commit. */
function openHeld(db: Database) {
  const buckets = openBuckets(db)
  const pending = openPending(db)
  /** Sessions that begin at another time than before, by key: what depends on their start is planned anew. */
  const moved = new Map<number, string[]>()
  /** Sessions that had ended before, by key: what is kept of their rooms and days may have them as they were. */
  const ended = new Map<number, string[]>()
  const sessions = holdSessions((keyId, before, after) => {
    if (before !== undefined && before.endAt !== null) group(ended, keyId, after.id)
    pending.sessions.push(toSessionRow(keyId, after))
    buckets.count(keyId, before && toCounted(before), toCounted(after))
    if (before?.startAt !== after.startAt) group(moved, keyId, after.id)
  })
  return {
    buckets,
    pending,
    moved,
    sessions,
    marks: holdMarks(db, pending),
    claims: openClaims(db, pending),
    erasedPeople: openErasedPeople(db),
    quality: openQualityWriter(db),
    media: openMediaWriter(db),
    /** So that what a query reads holds what was recorded in this transaction. */
    async write() {
      sessions.flush()
      const dropped = [...ended].flatMap(([keyId, ids]) => [dropNewest(db, keyId, ids), breakUsage(db, keyId, ids)])
      ended.clear()
      await Promise.all([...dropped, pending.flush()])
    },
  }
}

function prepareAhead(
  db: Database,
  { sessions, marks, claims, erasedPeople }: Held,
): Pick<FactStore, 'prepare' | 'isHeld' | 'isErased' | 'isAnyErased' | 'claim'> {
  /** By key and room. */
  const fences = new Map<string, number>()
  const readFences = async (keyId: number, roomIds: Set<string>) => {
    const list = JSON.stringify([...roomIds].sort().map((roomId) => ({ roomId })))
    for (const { roomId, fence } of await db.all(fencesOf(db), { keyId, list })) fences.set(`${keyId} ${roomId}`, fence)
  }
  const readSessions = async (keyId: number, facts: Fact[], query: typeof namedOf) => {
    if (facts.length > 0) sessions.learn(keyId, facts, await db.all(query(db), { keyId, list: toList(facts) }))
  }
  const readPeople = async (keyId: number, facts: Fact[]) => {
    const people = new Map<string, { sessionId: string; participantId: string }>()
    for (const fact of facts) {
      const sessionId = 'participantId' in fact ? sessions.known(keyId, nameOf(fact))?.id : undefined
      if (sessionId === undefined || !('participantId' in fact)) continue
      const { participantId } = fact
      people.set(`${sessionId}\n${participantId}`, { sessionId, participantId })
    }
    if (people.size > 0) await marks.read(keyId, [...people.values()])
  }

  return {
    async prepare(all) {
      const ofKeys = new Map<number, Fact[]>()
      for (const { keyId, facts } of all) for (const fact of facts) group(ofKeys, keyId, fact)
      const fenced = all.filter(({ fence }) => fence !== undefined)
      for (const [keyId, facts] of [...ofKeys].sort(([a], [b]) => a - b)) {
        const heldRooms = fenced.filter((one) => one.keyId === keyId).flatMap((one) => roomsOf(one.facts))
        const ofRooms = facts.filter(({ roomId }) => roomId !== '')
        const named = ofRooms.filter(({ sessionKey }) => sessionKey !== undefined)
        const unnamed = ofRooms.filter(({ sessionKey }) => sessionKey === undefined)
        // Asked in this order before the first answer comes: what is read is read behind the locks.
        await Promise.all([
          db.differences.lockRooms(keyId, roomsOf(facts)),
          heldRooms.length > 0 && readFences(keyId, new Set(heldRooms)),
          claims.read(keyId, facts),
          erasedPeople.read(keyId, facts),
          readSessions(keyId, named, namedOf),
          readSessions(keyId, unnamed, latestOf),
        ])
        await readPeople(
          keyId,
          ofRooms.filter((fact) => claims.isNew(keyId, fact)),
        )
      }
    },
    isHeld: (keyId, facts, fence) => roomsOf(facts).every((roomId) => fences.get(`${keyId} ${roomId}`) === fence),
    isErased: erasedPeople.isErased,
    isAnyErased: erasedPeople.isAnyErased,
    claim: claims.claim,
  }
}

function findSessions(
  db: Database,
  { sessions, write }: Held,
): Pick<FactStore, 'findNamed' | 'findLatest' | 'findPrevious' | 'findNext' | 'getSession'> {
  return {
    findNamed: (keyId, fact) =>
      sessions.find(keyId, nameOf(fact), () => first(db.all(namedOf(db), { keyId, list: toList([fact]) }))),
    findLatest: (keyId, fact) =>
      sessions.find(keyId, nameOf(fact), () => first(db.all(latestOf(db), { keyId, list: toList([fact]) }))),
    async findPrevious(keyId, { source, roomId }, at) {
      await write()
      return sessions.hold(keyId, await first(db.all(previousOf(db), { keyId, source, roomId, at })))
    },
    async findNext(keyId, { source, roomId }, at) {
      await write()
      return sessions.hold(keyId, await first(db.all(nextOf(db), { keyId, source, roomId, at })))
    },
    getSession: (keyId, sessionId) =>
      sessions.get(keyId, sessionId, () => first(db.all(sessionById(db), { keyId, sessionId }))),
  }
}

function scanSessions(
  db: Database,
  { sessions, marks, write }: Held,
): Pick<
  FactStore,
  | 'listRunning'
  | 'emptySession'
  | 'listAllMarks'
  | 'listInside'
  | 'listUndated'
  | 'othersLastAt'
  | 'pastEndMs'
  | 'listToReview'
  | 'isAnyToReview'
> {
  return {
    async listRunning(keyId, source, roomId) {
      await write()
      const list = () =>
        roomId === ''
          ? db.all(runningOf(db), { keyId, source })
          : db.all(runningInRoomOf(db), { keyId, source, roomId })
      await db.differences.lockRooms(
        keyId,
        (await list()).map((one) => one.roomId),
      )
      const running = await list()
      return running.map((session) => sessions.hold(keyId, session) ?? session)
    },
    async emptySession(keyId, sessionId) {
      await write()
      for (const empty of emptyOf) await db.run(empty(db), { keyId, sessionId })
      marks.forget(keyId, sessionId)
    },
    async listAllMarks(keyId, sessionId) {
      await write()
      return (await db.all(allMarksOf(db), { keyId, sessionId })).map(toMark)
    },
    async listInside(keyId, sessionId) {
      await write()
      return db.all(insideOf(db), { keyId, sessionId })
    },
    async listUndated(keyId, sessionId, at) {
      // Every session ends, and hardly any has such a leave: what is held is not written for the sake of asking.
      const are = marks.undated(keyId, sessionId)
      if (are === 'none') return []
      if (are === 'held') await write()
      return (await db.all(undatedOf(db), { keyId, sessionId, at })).map(({ participantId }) => participantId)
    },
    async othersLastAt(keyId, sessionId, participantId) {
      await write()
      return (await first(db.all(othersLastAtOf(db), { keyId, sessionId, participantId })))?.at ?? 0
    },
    async pastEndMs(keyId, sessionId, endedAt) {
      await write()
      return (await first(db.all(pastEndMsOf(db), { keyId, sessionId, endedAt })))?.ms ?? 0
    },
    async listToReview(now, limit) {
      await write()
      const due = await db.all(toLookAt(db), { now, limit })
      const rooms = new Map<number, string[]>()
      for (const { keyId, roomId } of due) group(rooms, keyId, roomId)
      for (const [keyId, roomIds] of rooms) await db.differences.lockRooms(keyId, roomIds)
      return due
    },
    isAnyToReview: async (now) => (await db.all(toLookAt(db), { now, limit: 1 })).length > 0,
  }
}

function keep({
  sessions,
  marks,
  pending,
}: Held): Pick<
  FactStore,
  'log' | 'listMarks' | 'saveSession' | 'saveParticipant' | 'insertMark' | 'removeMark' | 'appendChange'
> {
  return {
    log(keyId, entry) {
      pending.facts.push(toFactRow(keyId, entry))
    },
    listMarks: (keyId, sessionId, participantId) => marks.list(keyId, { sessionId, participantId }),
    saveSession(keyId, session) {
      if (sessions.put(keyId, session) === 'new') marks.begin(keyId, session.id)
    },
    saveParticipant(keyId, sessionId, participant) {
      const row = toParticipantRow(keyId, sessionId, participant)
      pending.participants.set(`${keyId}\n${sessionId}\n${participant.participantId}`, row)
    },
    insertMark: marks.insert,
    removeMark: marks.remove,
    appendChange(keyId, change, recordedAt) {
      pending.changes.push(toChangeRow(keyId, change, recordedAt))
    },
  }
}

async function first<R>(rows: R[] | Promise<R[]>): Promise<R | undefined> {
  return (await rows)[0]
}

/** What others must not write at the same time. */
function roomsOf(facts: Fact[]): string[] {
  return facts.map(({ roomId }) => roomId).filter((roomId) => roomId !== '')
}

function toList(facts: Pick<Fact, 'source' | 'roomId' | 'sessionKey'>[]): string {
  const byName = new Map(facts.map((fact) => [nameOf(fact), fact]))
  return JSON.stringify([...byName.values()].map(({ source, roomId, sessionKey }) => ({ source, roomId, sessionKey })))
}

function group<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [value])
  else group.push(value)
}

/** A session of which everything waits for its other half is not counted. */
function toCounted({ roomId, source, startAt, endAt }: Session): Counted | undefined {
  return startAt === null ? undefined : { roomId, source, startAt, ended: endAt !== null }
}
