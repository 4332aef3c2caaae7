import type { AutoCloseConfig, Cause, Json, ParticipantKind, RoomWebhook } from '@rollcall/protocol'

/** An API key, its secrets in clear (they are encrypted in the database) and its owner. */
export type Key = {
  keyId: number
  apiKey: string
  /** 24 hex digits. */
  userId: string
  name: string | null
  email: string | null
  secret: string
  /** After a rotation the old secret is accepted until `previousUntil`. */
  previousSecret: string | null
  previousUntil: number | null
  disabledAt: number | null
  createdAt: number
}

export type Room = {
  keyId: number
  roomId: string
  /** 24 hex digits. */
  id: string
  customRoomId: string | null
  webhook: RoomWebhook | null
  autoClose: AutoCloseConfig | null
  allowedParticipantIds: string[] | null
  disabled: boolean
  createdAt: number
  updatedAt: number
}

/** What the ledger keeps of a session: everything else is folded from its marks. Times are epoch milliseconds. */
export type Session = {
  /** 24 hex digits. */
  id: string
  roomId: string
  source: string
  sessionKey: string | null
  /** The earliest evidence that it ran; null while all that came waits for its other half. */
  startAt: number | null
  /** When it ended; null while it runs. */
  endAt: number | null
  endReason: string | null
  /** The latest end that somebody reported, or commanded. */
  endedAt: number | null
  /** Why we concluded that it is over though nobody reported an end: provisional. */
  concluded: Cause | null
  /** The latest evidence of people in it, or of its start. */
  lastAt: number
  /** After the source restarted the grace runs from here. */
  resumedAt: number | null
  /** When the sweeper has to look at it next; null for never. */
  lookAt: number | null
  /** People with an open stay. */
  inside: number
  /** People with any stay. */
  people: number
  /** Milliseconds of all closed timelog entries. */
  closedMs: number
  /** Sum of the starts of all open timelog entries. */
  openSinceSum: number
  /** Corrections after the end. */
  revision: number
  /** By our clock. */
  updatedAt: number
}

export type Participant = {
  sessionId: string
  participantId: string
  name: string
  /** The fact that named them last: a later one, by time and then id, names them anew. */
  namedAt: number
  namedBy: string
  kind: ParticipantKind
  metadata: Json | null
  /** Their first join; null while only a leave is known, which waits unseen. */
  joinedAt: number | null
  /** The start of the timelog entry that is open; null when they are not inside. */
  openSince: number | null
  /** Milliseconds of their closed timelog entries. */
  closedMs: number
}

/** What one fact says of one connection. The stays are folded from these, so the order of arrival cannot matter. */
export type Mark = {
  sessionId: string
  participantId: string
  /** Empty where the sender knows no connections: a person then has one. */
  connectionId: string
  kind: 'joined' | 'left' | 'seen' | 'missed'
  at: number
  /** The fact that said so. */
  factId: string
  reason: string | null
  /** On a leave that nobody saw: why it was concluded. */
  inferred: Cause | null
  /** On a `missed`: the last evidence before it. */
  lastSeenAt: number | null
}
