import type { Change } from '@rollcall/protocol'
import { type Insertable, sql } from 'kysely'
import type { Mark, Participant, Session } from '../../ledger/state.ts'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { query } from '../noun.ts'
import { sealAtOf } from '../sessions/seals.ts'
import { spanLevelOf } from '../sessions/span.ts'
import { type MarkName, removeMark } from './queries.ts'

/** An entry of the raw log. */
export type LogEntry = {
  source: string
  factId: string
  sessionId: string | null
  outcome: string
  reason: string | null
  receivedAt: number
  factJson: string
}

type Rows<Table extends keyof Tables> = Insertable<Tables[Table]>[]

/** Rows that wait to be written, a statement a table. */
export type PendingRows = {
  sessions: Rows<'sessions'>
  /** By what names them: the last one counts. */
  participants: Map<string, Insertable<Tables['participants']>>
  marks: Rows<'marks'>
  removedMarks: MarkName[]
  claims: Rows<'claims'>
  facts: Rows<'facts'>
  changes: Rows<'changes'>
  /** Writes all but what is numbered. */
  flush(): Promise<void>
  /** Numbers the facts and the changes, and writes them. */
  flushNumbered(): Promise<void>
}

export function openPending(db: Database): PendingRows {
  const pending: PendingRows = {
    sessions: [],
    participants: new Map(),
    marks: [],
    removedMarks: [],
    claims: [],
    facts: [],
    changes: [],
    async flush() {
      const { sessions, participants, marks, removedMarks, claims } = pending
      const people = [...participants.values()]
      participants.clear()
      // Asked in this order before the first answer comes: a duplicate is found before anything is built on it.
      await Promise.all([
        db.insertRows('claims', claims.splice(0).sort(byClaim)),
        db.insertRows('sessions', sessions.splice(0), ['key_id', 'id']),
        db.insertRows('participants', people, ['key_id', 'session_id', 'participant_id']),
        ...removedMarks.splice(0).map((name) => db.run(removeMark(db), name)),
        db.insertRows('marks', marks.splice(0)),
      ])
    },
    async flushNumbered() {
      const { facts, changes } = pending
      const keyIds = new Set([...facts, ...changes].map((row) => row.key_id))
      for (const keyId of [...keyIds].sort((a, b) => a - b)) {
        const ofFacts = facts.filter((row) => row.key_id === keyId)
        const ofChanges = changes.filter((row) => row.key_id === keyId)
        const { factSeq, changeSeq } = await takeSeqs(db, keyId, ofFacts.length, ofChanges.length)
        for (const [i, row] of ofFacts.entries()) {
          row.seq = factSeq + i
          row.change_seq = changeSeq + ofChanges.length - 1
        }
        for (const [i, row] of ofChanges.entries()) row.seq = changeSeq + i
      }
      await Promise.all([db.insertRows('facts', facts.splice(0)), db.insertRows('changes', changes.splice(0))])
    },
  }
  return pending
}

/** Numbers given out: the first of as many as were asked for. */
type FirstSeqs = { factSeq: number; changeSeq: number }

const take = query<{ keyId: number; facts: number; changes: number }, { factSeq: number; changeSeq: number }>((k, p) =>
  k
    .insertInto('counters')
    .values({ key_id: p.keyId, fact_seq: p.facts, change_seq: p.changes })
    .onConflict((on) =>
      on.column('key_id').doUpdateSet({
        fact_seq: sql`counters.fact_seq + excluded.fact_seq`,
        change_seq: sql`counters.change_seq + excluded.change_seq`,
      }),
    )
    .returning(['fact_seq as factSeq', 'change_seq as changeSeq']),
)

/**
 * Gives out the numbers of facts and changes, per key, from 1 and without gaps. The key's row stays locked from here to the
 * commit, so the numbers of one transaction become visible before any higher one is given out: whoever has read up to a
 * number has seen all below it.
 */
async function takeSeqs(db: Database, keyId: number, facts: number, changes: number): Promise<FirstSeqs> {
  const [last] = await db.all(take(db), { keyId, facts, changes })
  return { factSeq: (last?.factSeq ?? 0) - facts + 1, changeSeq: (last?.changeSeq ?? 0) - changes + 1 }
}

/** Claims of two processes at the same time are made in one order, so that neither waits for the other in a circle. */
function byClaim(a: Insertable<Tables['claims']>, b: Insertable<Tables['claims']>): number {
  return a.key_id - b.key_id || compareText(a.source, b.source) || compareText(a.fact_id, b.fact_id)
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function toSessionRow(keyId: number, session: Session): Insertable<Tables['sessions']> {
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
    concluded: session.inferred,
    last_at: session.lastAt,
    said_at: session.saidAt,
    snapshot_at: session.snapshotAt,
    resumed_at: session.resumedAt,
    look_at: session.lookAt,
    inside: session.inside,
    people: session.people,
    closed_ms: session.closedMs,
    open_since_sum: session.openSinceSum,
    past_end_ms: session.pastEndMs,
    clock_corrected_ms: session.clockCorrectedMs,
    parent_room_id: session.parentRoomId,
    parent_key: session.parentKey,
    revision: session.revision,
    updated_at: session.updatedAt,
    span_level: spanLevelOf(session),
    seal_at: sealAtOf(session),
    gaps: null,
  }
}

export function toParticipantRow(
  keyId: number,
  sessionId: string,
  participant: Participant,
): Insertable<Tables['participants']> {
  return {
    key_id: keyId,
    session_id: sessionId,
    participant_id: participant.participantId,
    name: participant.name,
    name_source: participant.nameSource,
    kind: participant.kind,
    region: participant.region,
    metadata_json: toJson(participant.metadata),
    joined_at: participant.joinedAt,
    open_since: participant.openSince,
    closed_ms: participant.closedMs,
    last_at: participant.lastAt,
  }
}

export function toMarkRow(keyId: number, sessionId: string, mark: Mark): Insertable<Tables['marks']> {
  return {
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
    arrived_at: mark.arrivedAt,
    name: mark.name,
    name_source: mark.nameSource,
    participant_kind: mark.participantKind,
    region: mark.region,
    metadata_json: toJson(mark.metadata),
  }
}

/** Its numbers are given when it is written. */
export function toFactRow(keyId: number, entry: LogEntry): Insertable<Tables['facts']> {
  return {
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
  }
}

/** Its number is given when it is written. @param recordedAt by our clock, epoch milliseconds */
export function toChangeRow(keyId: number, change: Change, recordedAt: number): Insertable<Tables['changes']> {
  return {
    key_id: keyId,
    seq: 0,
    type: change.type,
    session_id: change.sessionId,
    room_id: change.roomId,
    at: change.at,
    recorded_at: recordedAt,
    participant_id: change.participantId ?? null,
    name: change.name ?? null,
    kind: change.kind === 'person' ? null : (change.kind ?? null),
    reason: change.reason ?? null,
  }
}

function toJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}
