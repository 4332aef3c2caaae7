/** What a fact altered. Numbered in order, per key, when it is recorded. */
export type Change = {
  type:
    | 'session.started'
    | 'session.ended'
    /** Something about an ended session was learnt later, or its provisional end was withdrawn. */
    | 'session.amended'
    | 'participant.joined'
    | 'participant.left'
    /** What was told of a participant in a running session was corrected or completed. */
    | 'participant.amended'
  sessionId: string
  roomId: string
  /** When it happened, epoch milliseconds, by the fact's clock. */
  at: number
  participantId?: string
  name?: string
  reason?: string
}

export type NumberedChange = Change & { seq: number }
