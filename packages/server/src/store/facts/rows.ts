import type { Change } from '@rollcall/protocol'
import type { Insertable } from 'kysely'
import type { Mark, Participant, Session } from '../../ledger/state.ts'
import type { Tables } from '../database/tables.ts'
import { sealAtOf } from '../sessions/seals.ts'
import { spanLevelOf } from '../sessions/span.ts'

// What the ledger keeps, as rows.

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
    kind: participant.kind,
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
    name: mark.name,
    participant_kind: mark.participantKind,
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
    reason: change.reason ?? null,
  }
}

function toJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}
