import type { Json } from './json.ts'
import type { NameSource } from './name.ts'
import type { ParticipantKind } from './person.ts'
import type { QualityReport } from './quality.ts'

/** Why an end was concluded though nobody reported it. */
export type Cause =
  /** Nobody came back within the grace. */
  | 'empty'
  /** A named session was empty, and silent for ten minutes. */
  | 'silent'
  /** A newer session of the same room shows that this one is over. */
  | 'superseded'
  /** Nothing came of the session or its people for the longest silence. */
  | 'source-silent'
  /** The source started again, and had forgotten whoever was inside. */
  | 'source-restarted'
  /** The connection answered no ping. */
  | 'connection-silent'
  /** Absent from two snapshots in a row. */
  | 'absent'

/** What every fact says. Times are epoch milliseconds. */
export type FactBase = {
  /** The fact's identity within its source: the same id twice is the same fact. */
  id: string
  /** The reporter: `hosted`, `events`, `events/` and a name that its caller chose, or a source's id. */
  source: string
  roomId: string
  /** The sender's own name for this life of the room. A fact without one is *unnamed*. */
  sessionKey?: string
  /** When it happened, by the sender's clock. */
  at: number
  /** When we heard of it, by ours. */
  receivedAt: number
  /**
   * By how much the times of this fact are other than its sender said them, in milliseconds, since its clock is wrong: negative
   * where that is ahead. Absent where they are as they were said.
   */
  clockCorrectedMs?: number
}

type OfParticipant = {
  participantId: string
  /** The sender's id for this one connection; absent where the sender knows none. */
  connectionId?: string
}

/** The session that another is a part of. Without a key it is the one of its room that ran when the other started. */
export type Parent = { roomId: string; sessionKey?: string }
export type SessionStarted = FactBase & {
  type: 'session-started'
  parent?: Parent
  /** Keys of sessions that were guessed before this one was known, and are this one. */
  absorbs?: string[]
  /** Whoever joined other sessions of the room from `since` on, and before `until`, was in this one: it was not known yet. */
  takes?: { sessionKey: string; since: number; until?: number }[]
}
export type SessionEnded = FactBase & {
  type: 'session-ended'
  reason?: string
  /** Present where we concluded the end: it is provisional, and later evidence withdraws it. */
  inferred?: Cause
}
export type ParticipantJoined = FactBase &
  OfParticipant & {
    type: 'participant-joined'
    name?: string
    /** How far the name can be relied on; absent where nobody says. */
    nameSource?: NameSource
    kind?: ParticipantKind
    /** The region of the media server that they are connected to, as it names it. */
    region?: string
    metadata?: Json
  }
export type ParticipantLeft = FactBase &
  OfParticipant & {
    type: 'participant-left'
    name?: string
    kind?: ParticipantKind
    region?: string
    metadata?: Json
    /** Some senders repeat in the leave when the join was: the whole stay in one fact. */
    joinedAt?: number
    /** Nobody says when it was: `at` is when we heard of it, so it was at the latest then. */
    isUndated?: true
    reason?: string
    inferred?: Cause
  }
/** Evidence that a connection was there at `at`; it opens a stay where none was known. */
export type ParticipantSeen = FactBase &
  OfParticipant & {
    type: 'participant-seen'
    name?: string
    nameSource?: NameSource
    kind?: ParticipantKind
    metadata?: Json
  }
/** A snapshot did not hold this connection; `lastSeenAt` is the last time that one did. */
export type ParticipantMissed = FactBase & OfParticipant & { type: 'participant-missed'; lastSeenAt: number }
/** Everyone who was inside at `at`. */
export type Snapshot = FactBase & {
  type: 'snapshot'
  participants: (OfParticipant & { name?: string; kind?: ParticipantKind; joinedAt?: number })[]
}
/** The source started again: whoever it had inside is gone since `lastSeenAt`. Its `roomId` is empty where it concerns all rooms. */
export type SourceStarted = FactBase & { type: 'source-started'; lastSeenAt?: number }
/** What somebody's media were like until `at`: no evidence of presence. */
export type Quality = FactBase & OfParticipant & QualityReport & { type: 'quality' }
/** What somebody sends into a session. */
export type MediaKind = 'camera' | 'microphone' | 'screen' | 'screen-audio'
/**
 * Somebody began or ceased to publish something, which has a name of its own, `mediaId`: the two are told apart from each other
 * and from what they publish later by it. Whoever did was there then.
 */
export type MediaToggled = FactBase &
  OfParticipant & { type: 'media-started' | 'media-stopped'; media: MediaKind; mediaId: string }
/** A recording or a stream of the session began or ended, which the media server calls so: no evidence of presence. */
export type RecordingToggled = FactBase & { type: 'recording-started' | 'recording-stopped'; recordingId: string }
/**
 * What a source sent and nobody understood. Of the `event` its name, its ids and its times are kept, each under its path in
 * what came. `roomId` is empty, and `at` 0: neither is known.
 */
export type Unknown = FactBase & { type: 'unknown'; event: Json; reason: string }

/** Something that happened, in our words, whoever reported it. */
export type Fact =
  | SessionStarted
  | SessionEnded
  | ParticipantJoined
  | ParticipantLeft
  | ParticipantSeen
  | ParticipantMissed
  | Snapshot
  | SourceStarted
  | Quality
  | MediaToggled
  | RecordingToggled
  | Unknown

/** A fact about one session, or one participant in it: what the ledger applies. */
export type SessionFact = Exclude<Fact, Snapshot | SourceStarted | Quality | MediaToggled | RecordingToggled | Unknown>

/** Facts of our own, of what was concluded or commanded, have ids that begin so; nobody else's may. */
export const ownFactIdPrefix = 'rollcall:'

/** What became of a fact. */
export type Outcome = 'recorded' | 'duplicate' | 'waiting' | 'ignored' | 'refused'
