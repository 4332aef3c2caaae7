import type { Generated } from 'kysely'
import type { KeyTables } from './key-tables.ts'
import type { QualityColumn } from './quality-columns.ts'

/** The columns as they stand in the database. Times are epoch milliseconds; `*_json` is JSON text; flags are 0 or 1. */
export type Tables = KeyTables & {
  rooms: {
    key_id: number
    room_id: string
    id: string
    custom_room_id: string | null
    webhook_json: string | null
    auto_close_json: string | null
    /** The same duration, in milliseconds. */
    auto_close_ms: number | null
    allowed_participants_json: string | null
    disabled: number
    /** Null: it is not locked. */
    locked_at: number | null
    /** Null: as the key has it. */
    retention_days: number | null
    created_at: number
    updated_at: number
  }
  sessions: {
    key_id: number
    id: string
    room_id: string
    source: string
    session_key: string | null
    start_at: number | null
    end_at: number | null
    end_reason: string | null
    ended_at: number | null
    concluded: string | null
    last_at: number
    said_at: number
    snapshot_at: number | null
    resumed_at: number | null
    look_at: number | null
    /** When its room's `autoCloseConfig` ends it. */
    close_at: number | null
    inside: number
    people: number
    closed_ms: number
    open_since_sum: number
    past_end_ms: Generated<number>
    clock_corrected_ms: Generated<number>
    parent_room_id: string | null
    parent_key: string | null
    revision: number
    updated_at: number
    /** See `span.ts`; null while it runs. */
    span_level: number | null
    /** When its JSON may be made and kept; null while it runs, and once that is done. */
    seal_at: number | null
    /** Of a sealed session: whether there was a time between its start and its end when nobody was inside. */
    gaps: Generated<number | null>
  }
  /** The JSON of ended sessions, as `session-view.ts` makes it and `seal-text.ts` shortens it: valid while the session's `seal_at` is null. */
  seals: { key_id: number; session_id: string; head: string; middle: string; tail: string }
  /** The texts of a room's newest sealed sessions: see `newest-texts.ts`. */
  newest_texts: { key_id: number; room_id: string; texts: string }
  /** The sealed sessions that started in a day (UTC), packed, and the rooms of these: see `usage.ts`. */
  usage_days: {
    key_id: number
    start_at: number
    version: string
    sessions: number
    packed: string
    rooms: string | null
  }
  /** Days of which something was packed that is not so any more. */
  usage_breaks: { key_id: number; start_at: number; id: string }
  participants: {
    key_id: number
    session_id: string
    participant_id: string
    name: string
    name_source: string | null
    kind: string
    region: string | null
    metadata_json: string | null
    joined_at: number | null
    open_since: number | null
    closed_ms: number
    last_at: number | null
  }
  marks: {
    key_id: number
    session_id: string
    participant_id: string
    connection_id: string
    at: number
    kind: string
    fact_id: string
    reason: string | null
    inferred: string | null
    last_seen_at: number | null
    arrived_at: number | null
    name: string | null
    name_source: string | null
    participant_kind: string | null
    region: string | null
    metadata_json: string | null
  }
  /** What was told of each thing that somebody published, or (`participant_id` empty) of each recording of the session. */
  media: {
    key_id: number
    session_id: string
    participant_id: string
    kind: string
    media_id: string
    connection_id: string
    started_at: number | null
    stopped_at: number | null
  }
  /** What was measured of a participant at `at`, or (`participant_id` empty) of everybody in the slot that begins then. */
  quality: {
    key_id: number
    session_id: string
    participant_id: string
    at: number
    /** The latest time that it holds. */
    last_at: number
  } & { [column in QualityColumn]: number }
  /** Where a participant's samples come from: device, SDK, place and network. */
  quality_origins: { key_id: number; session_id: string; participant_id: string; at: number; origin_json: string }
  /** Which facts were taken, by source and id, with a digest of what they said. */
  claims: { key_id: number; source: string; fact_id: string; digest: string }
  /** When rooms should be used: see `schedules.ts`. */
  schedules: {
    key_id: number
    id: string
    uid: string
    name: string
    /** When the first occurrence begins, by the clocks of the zone: yyyy-mm-ddThh:mm:ss. */
    start_local: string
    time_zone: string
    /** Empty where it takes place once. */
    rrule: string
    exdates_json: string
    duration_minutes: number
    grace_minutes: number
    created_at: number
    updated_at: number
  }
  schedule_rooms: { key_id: number; schedule_id: string; room_id: string }
  /** Who is expected. */
  schedule_people: { key_id: number; schedule_id: string; participant_id: string; name: string }
  /** Who there is: participants by their id (`merged` 0), and persons that several of these were merged into (1). */
  people: {
    key_id: number
    merged: number
    id: string
    /** The latest that they were known by; of a person, what they were called when they were merged. */
    name: string
    /** The latest evidence of them that was gathered. */
    seen_at: number
    /** What they are found by, a line each, as it is searched. */
    texts: string
    /** The person that a participant was merged into. */
    person_id: string | null
    /** 1: it is to be gathered again. */
    stale: number
    /** What stands for them in `search_grams`; null: they are to be found yet. */
    number: number | null
  }
  /** By which parts of their ids rooms are found. */
  search_rooms: { key_id: number; room_id: string; number: number | null; texts: string }
  /** Whose ids and names have three characters in a row, of 4,096 numbers: see `people/members.ts`. */
  search_grams: { key_id: number; noun: string; gram: string; block: number; members: string }
  /** How far people and rooms are gathered: in the log of changes, and of what was there before; null: to the end. */
  search_cursors: {
    key_id: number
    seq: number
    session_id: string | null
    participant_id: string | null
    room_id: string | null
  }
  /** The raw log: every fact as it came. */
  facts: {
    key_id: number
    seq: number
    source: string
    fact_id: string
    session_id: string | null
    outcome: string
    reason: string | null
    received_at: number
    /** The last change of the key when it was recorded. */
    change_seq: number
    fact_json: string
  }
  changes: {
    key_id: number
    seq: number
    type: string
    session_id: string
    room_id: string
    at: number
    /** By our clock. */
    recorded_at: number
    participant_id: string | null
    name: string | null
    /** Null of a person. */
    kind: string | null
    reason: string | null
  }
  /** Sessions that were erased, while the log may have facts of them. */
  erased_sessions: { key_id: number; session_id: string; erased_at: number }
  /** Who was erased, by a digest of their id: what is told of the time before is not taken. */
  erased_people: { key_id: number; digest: string; erased_at: number }
  /** The server's RSA key; the private half encrypted under the master key. */
  signing_keys: { id: number; public_pem: string; private_pem: string; created_at: number }
  /** Media servers that report to us. */
  sources: {
    key_id: number
    id: string
    type: string
    name: string
    /** JSON, encrypted under the master key. */
    settings: string
    created_at: number
    updated_at: number
    last_fact_at: number | null
    recorded: number
    duplicate: number
    ignored: number
    refused: number
    skew_ms: number | null
    last_error: string | null
    last_error_at: number | null
    /** The origins of the webhooks that it brings, as a JSON list; null: none. */
    origins: string | null
    /** A JSON list of `Arrival`; null: none. */
    arrivals: string | null
  }
  /** When a look last found a running session as the record has it, by its source's clock: evidence that is no fact yet. */
  looks: { key_id: number; session_id: string; at: number }
  /** The last numbers given out to facts and changes. */
  counters: {
    key_id: number
    fact_seq: number
    change_seq: number
    /** The last that are not kept any more. */
    facts_dropped: Generated<number>
    changes_dropped: Generated<number>
  }
  /** How many sessions there are of each key (`room_id` empty) and room, and how many of them ended. */
  session_counts: {
    key_id: number
    room_id: string
    sessions: number
    ended: number
    /** The room is so large that it has buckets. */
    bucketed: Generated<number>
  }
  /** The same by the month (level 0), day (1) and hour (2) that they started in. */
  session_buckets: {
    key_id: number
    room_id: string
    level: number
    start_at: number
    sessions: number
    ended: number
  }
  /** Codes that sign a browser in once, by their digests. */
  /** What time it is, as far as that is confirmed: see `record/confirmed-time.ts`. */
  confirmed_time: { id: number; at: number; seen_at: number }
  /** Which processes hold sockets, and until when they surely did. */
  leases: {
    holder: string
    renewed_at: number
    /** Where others send those who want to join a room that it holds. */
    address: string | null
  }
  /** Which process holds a hosted room. */
  room_leases: {
    key_id: number
    room_id: string
    holder: string
    /** Greater for each new holder. */
    fence: number
  }
  /** What one process has to tell another. */
  duties: { duty: string; holder: string; fence: number }
  process_messages: { id: Generated<number>; recipient: string; body: string }
  /** Where webhooks are sent: of the key, or (`room_id`) of one room. */
  webhook_endpoints: {
    key_id: number
    id: string
    room_id: string | null
    end_point: string
    events_json: string
    /** Encrypted under the master key. */
    secret: string
    previous_secret: string | null
    previous_until: number | null
    disabled_at: number | null
    disabled_reason: string | null
    /** Since when nothing was taken. */
    failing_since: number | null
    /** It is kept for its deliveries, and shown to nobody. */
    deleted_at: number | null
    created_at: number
    updated_at: number
  }
  /** Up to which change each endpoint's webhooks are planned; those of all rooms together (`endpoint_id` empty). */
  webhook_cursors: { key_id: number; endpoint_id: string; seq: number }
  /** Webhooks, each to one endpoint. */
  webhook_deliveries: {
    key_id: number
    id: string
    endpoint_id: string
    /** Of the change; 0 where it tells of none. */
    seq: number
    /** What is sent one after the other: the session's id; its own where it tells of none. */
    session_id: string
    type: string
    body: string
    state: string
    attempts: number
    /** When it is sent; null while it waits for another, and once it is done with. */
    next_at: number | null
    created_at: number
    attempted_at: number | null
    duration_ms: number | null
    status: number | null
    answer: string | null
    error: string | null
  }
}
