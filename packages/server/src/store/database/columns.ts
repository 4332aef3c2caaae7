import type { Cause, Json, NameSource, ParticipantKind } from '@rollcall/protocol'
import type { Mark, Participant } from '../../ledger/state.ts'

/** Columns under the names of the ledger's fields, so that a row of `sessions` is a `Session` as it comes. */
export const sessionColumns = [
  'id',
  'room_id as roomId',
  'source',
  'session_key as sessionKey',
  'start_at as startAt',
  'end_at as endAt',
  'end_reason as endReason',
  'ended_at as endedAt',
  'concluded as inferred',
  'last_at as lastAt',
  'said_at as saidAt',
  'snapshot_at as snapshotAt',
  'resumed_at as resumedAt',
  'look_at as lookAt',
  'inside',
  'people',
  'closed_ms as closedMs',
  'open_since_sum as openSinceSum',
  'past_end_ms as pastEndMs',
  'clock_corrected_ms as clockCorrectedMs',
  'parent_room_id as parentRoomId',
  'parent_key as parentKey',
  'revision',
  'updated_at as updatedAt',
] as const

export const participantColumns = [
  'session_id as sessionId',
  'participant_id as participantId',
  'name',
  'name_source as nameSource',
  'kind',
  'region',
  'metadata_json as metadataJson',
  'joined_at as joinedAt',
  'open_since as openSince',
  'closed_ms as closedMs',
  'last_at as lastAt',
] as const

export const markColumns = [
  'session_id as sessionId',
  'participant_id as participantId',
  'connection_id as connectionId',
  'at',
  'kind',
  'fact_id as factId',
  'reason',
  'inferred',
  'last_seen_at as lastSeenAt',
  'arrived_at as arrivedAt',
  'name',
  'name_source as nameSource',
  'participant_kind as participantKind',
  'region',
  'metadata_json as metadataJson',
] as const

export type ParticipantColumns = Omit<Participant, 'metadata' | 'kind' | 'nameSource'> & {
  sessionId: string
  nameSource: string | null
  kind: string
  metadataJson: string | null
}
export type MarkColumns = Omit<Mark, 'metadata' | 'kind' | 'inferred' | 'participantKind' | 'nameSource'> & {
  sessionId: string
  nameSource: string | null
  kind: string
  inferred: string | null
  participantKind: string | null
  metadataJson: string | null
}

// The database holds only what the ledger wrote, so the unions are closed again without a check.

// Field by field: what a rest would copy has no shape that V8 knows, and of a large session there are 50,000.

export function toParticipant(row: ParticipantColumns): Participant {
  return {
    participantId: row.participantId,
    name: row.name,
    nameSource: row.nameSource as NameSource | null,
    kind: row.kind as ParticipantKind,
    region: row.region,
    metadata: fromJson(row.metadataJson),
    joinedAt: row.joinedAt,
    openSince: row.openSince,
    closedMs: row.closedMs,
    lastAt: row.lastAt,
  }
}

export function toMark(row: MarkColumns): Mark {
  return {
    participantId: row.participantId,
    connectionId: row.connectionId,
    at: row.at,
    kind: row.kind as Mark['kind'],
    factId: row.factId,
    reason: row.reason,
    inferred: row.inferred as Cause | null,
    lastSeenAt: row.lastSeenAt,
    arrivedAt: row.arrivedAt,
    name: row.name,
    nameSource: row.nameSource as NameSource | null,
    participantKind: row.participantKind as ParticipantKind | null,
    region: row.region,
    metadata: fromJson(row.metadataJson),
  }
}

function fromJson(text: string | null): Json | null {
  return text === null ? null : (JSON.parse(text) as Json)
}

/** The origins of webhooks that a source brings. */
export function toOrigins(text: string | null): string[] {
  return text === null ? [] : (JSON.parse(text) as string[])
}
