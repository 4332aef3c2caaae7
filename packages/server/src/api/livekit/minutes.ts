import type { ParticipantKind } from '@rollcall/protocol'
import type { Config } from '../../config.ts'
import type { Span } from '../../ledger/media.ts'

const minuteMs = 60_000
/** The shortest that a connection counts for, by the second. */
const shortestSeconds = 10

/** LiveKit counts connections of people and of agents: telephones, ingress and egress have meters of their own. */
const counted = new Set<ParticipantKind>(['person', 'agent', 'bot'])

/**
 * Connection minutes, as LiveKit's billing pages have them. By the second (since 2026): each connection counts for whole
 * seconds, ten at least, and the sum is rounded up to minutes. By the minute (before): each counts for whole minutes.
 */
export function countMinutes(
  people: { kind: ParticipantKind; connections: Span[] }[],
  now: number,
  rule: Config['livekitMinutes'],
): number {
  let minutes = 0
  let seconds = 0
  for (const { kind, connections } of people) {
    if (!counted.has(kind)) continue
    for (const { start, end } of connections) {
      const ms = Math.max(0, (end ?? now) - start)
      minutes += Math.ceil(ms / minuteMs)
      seconds += Math.max(shortestSeconds, Math.ceil(ms / 1000))
    }
  }
  return rule === 'by-minute' ? minutes : Math.ceil(seconds / 60)
}
