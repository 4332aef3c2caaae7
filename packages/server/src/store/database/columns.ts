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

export function toParticipant({
  sessionId: _,
  metadataJson,
  kind,
  nameSource,
  ...row
}: ParticipantColumns): Participant {
  return {
    ...row,
    nameSource: nameSource as NameSource | null,
    kind: kind as ParticipantKind,
    metadata: fromJson(metadataJson),
  }
}

export function toMark({
  sessionId: _,
  metadataJson,
  kind,
  inferred,
  nameSource,
  participantKind,
  ...row
}: MarkColumns): Mark {
  return {
    ...row,
    nameSource: nameSource as NameSource | null,
    kind: kind as Mark['kind'],
    inferred: inferred as Cause | null,
    participantKind: participantKind as ParticipantKind | null,
    metadata: fromJson(metadataJson),
  }
}

function fromJson(text: string | null): Json | null {
  return text === null ? null : (JSON.parse(text) as Json)
}

/** The origins of webhooks that a source brings. */
export function toOrigins(text: string | null): string[] {
  return text === null ? [] : (JSON.parse(text) as string[])
}
