import { lastEvidence } from './participant.ts'
import { closeAtOf } from './session.ts'
import type { Medium, Session } from './state.ts'
import type { Stay } from './stays.ts'

/** A time; `end` is null while it lasts. */
export type Span = { start: number; end: number | null }

/** A clock of whole seconds may date a thing so long before the join of whoever published it, in milliseconds. */
const wholeSecondMs = 1000

/**
 * When somebody published things of one kind, within their own stays: what overlaps or touches is one. A thing of which no stop
 * was told ends with the stay of its connection; of one whose start nobody told, the stop alone is known.
 * @param media theirs, of one kind
 */
export function toMediaSpans(session: Session, stays: Stay[], media: Medium[]): Span[] {
  const closeAt = closeAtOf(session, lastEvidence(stays))
  const spans: Span[] = []
  for (const { connectionId, startedAt, stoppedAt } of media) {
    const ofConnection = stays.filter((stay) => stay.connectionId === connectionId)
    const from = startedAt ?? stoppedAt ?? 0
    const stay = ofConnection.findLast(({ joinedAt }) => joinedAt - wholeSecondMs < from) ?? ofConnection[0]
    if (stay === undefined) continue
    const leftAt = stay.leftAt ?? closeAt
    const start = within(from, stay.joinedAt, leftAt)
    spans.push({ start, end: stoppedAt === null ? leftAt : within(stoppedAt, start, leftAt) })
  }
  return merge(spans)
}

/** When recordings ran: one of which no stop was told ends with the session. */
export function toRecordingSpan({ startAt, endAt }: Session, { startedAt, stoppedAt }: Medium): Span {
  const start = startedAt ?? stoppedAt ?? startAt ?? 0
  return { start, end: stoppedAt ?? (endAt === null ? null : Math.max(start, endAt)) }
}

function within(at: number, from: number, to: number | null): number {
  return Math.max(from, to === null ? at : Math.min(at, to))
}

function merge(spans: Span[]): Span[] {
  const merged: Span[] = []
  for (const span of spans.sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last === undefined || (last.end !== null && last.end < span.start)) merged.push(span)
    else if (last.end !== null) last.end = span.end === null ? null : Math.max(last.end, span.end)
  }
  return merged
}
