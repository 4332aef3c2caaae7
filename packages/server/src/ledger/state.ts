import type {
  Cause,
  Json,
  MediaKind,
  NameSource,
  ParticipantJoined,
  ParticipantKind,
  ParticipantLeft,
  ParticipantMissed,
  ParticipantSeen,
} from '@rollcall/protocol'

/** A fact about one person. */
export type PersonFact = ParticipantJoined | ParticipantLeft | ParticipantSeen | ParticipantMissed

/** What the ledger keeps of a session. Times are epoch milliseconds, by the facts' clock unless said. */
export type Session = {
  /** 24 hex digits. */
  id: string
  roomId: string
  source: string
  /** Null: the facts are unnamed, and which session they belong to is told by their time. */
  sessionKey: string | null
  /** The earliest evidence that it ran; null while all that came waits, unseen, for its other half. */
  startAt: number | null
  /** When it ended; null while it runs. */
  endAt: number | null
  endReason: string | null
  /** The latest end that somebody reported or commanded. */
  endedAt: number | null
  /** Why we inferred that it is over though nobody reported an end: provisional. */
  inferred: Cause | null
  /** The latest evidence of its start, or of people in it. */
  lastAt: number
  /** The same without people: its start, and snapshots. */
  saidAt: number
  /** The latest snapshot. */
  snapshotAt: number | null
  /** The source restarted then: the grace runs from here. */
  resumedAt: number | null
  /** When somebody has to look whether it is over, by our clock; null for never. */
  lookAt: number | null
  /** People with an open timelog entry. */
  inside: number
  /** People with any timelog entry. */
  people: number
  /** Milliseconds of all closed timelog entries. */
  closedMs: number
  /**
   * Sum of the starts of all open timelog entries, each less the second in the session's id: so near that even the sum
   * over a million people stays exact. With `closedMs` it gives the time inside at any moment: see `insideMs`.
   */
  openSinceSum: number
  /** Of people who never left a session that was reported to end: milliseconds of evidence after that end, all together. */
  pastEndMs: number
  /** The furthest that times of it were moved, since its source's clock is wrong, in milliseconds; 0: they are as they were said. */
  clockCorrectedMs: number
  /** The room, and the `sessionKey` where it is told, of the session that this one is a part of; null where it is of none. */
  parentRoomId: string | null
  parentKey: string | null
  /** Corrections after the end. */
  revision: number
  /** By our clock. */
  updatedAt: number
}

/** One person in one session. All but the id is folded from their marks, and kept so that reading needs no fold. */
export type Participant = {
  participantId: string
  name: string
  /** How far that name can be relied on; null where nobody said. */
  nameSource: NameSource | null
  kind: ParticipantKind
  /** The region of the media server that they were connected to last; null where nobody told one. */
  region: string | null
  metadata: Json | null
  /** Their first join; null while only a leave is known, which waits unseen. */
  joinedAt: number | null
  /** The start of their open timelog entry; null when they are not inside. */
  openSince: number | null
  /** Milliseconds of their closed timelog entries. */
  closedMs: number
  /** The latest evidence of them; null while unseen. */
  lastAt: number | null
}

/**
 * A mark: the evidence of presence that one fact gives of one connection: it joined, left, was seen or was missed, at this
 * time. Stays are folded from a person's marks, so the order of arrival cannot matter.
 */
export type Mark = {
  participantId: string
  /** Empty where the sender knows no connections: a person then has one. */
  connectionId: string
  kind: 'joined' | 'seen' | 'missed' | 'left'
  at: number
  factId: string
  /** Of a leave, as the sender words it. */
  reason: string | null
  /** Of a leave that nobody saw: why it was inferred. It is provisional. */
  inferred: Cause | null
  /** Of a `missed`: the last evidence before it. */
  lastSeenAt: number | null
  /** Of a leave that nobody says the time of: when it came. `at` is that, or the end that was reported where that is earlier. */
  arrivedAt: number | null
  /** What the fact says of the person; null where it says nothing. */
  name: string | null
  nameSource: NameSource | null
  participantKind: ParticipantKind | null
  region: string | null
  metadata: Json | null
}

/**
 * What was told of one thing that somebody published, or of one recording of the session (of nobody: its ids are empty). The
 * earliest start and the latest stop count, so the order of arrival cannot matter.
 */
export type Medium = {
  participantId: string
  /** Empty where the sender knows no connections. */
  connectionId: string
  kind: MediaKind | 'recording'
  /** The sender's name for it. */
  mediaId: string
  /** Null while nobody told it. */
  startedAt: number | null
  stoppedAt: number | null
}

/** What the rules depend on; durations in milliseconds. */
export type Rules = {
  /** An unnamed session is over when nobody came back within this. */
  graceMs: number
  /** A named session is over when it was empty and silent for this. */
  silenceMs: number
  /** Whoever is inside is gone when nothing came of their session or its people for this. */
  maxSilenceMs: number
  /** The source whose people a lease vouches for: that it says nothing tells nothing of them. */
  leasedSource: string
}
