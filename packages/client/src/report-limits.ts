import type { Backoff } from './backoff.ts'

/** How long a reporter waits, and what it may grow to. `report` takes others. */
export type ReportLimits = {
  /** An event waits this long for others to be sent with, in milliseconds. */
  lingerMs: number
  /** The events of one request, as JSON, in UTF-16 units: in UTF-8 three times as many bytes at most, which the server takes. */
  requestMaxLength: number
  /** All events that wait, as JSON, in UTF-16 units; with more, none is taken. */
  waitingMaxLength: number
  /** The wait before events are sent again. */
  backoff: Backoff
}

export const reportLimits: ReportLimits = {
  lingerMs: 50,
  requestMaxLength: 2 * 1024 * 1024,
  waitingMaxLength: 32 * 1024 * 1024,
  backoff: { baseMs: 200, capMs: 30_000 },
}
