import type { ReportedEvent } from '@rollcall/protocol'
import { reportedFactsMax } from '@rollcall/protocol/ids'
import type { ReportLimits } from './report-limits.ts'

/** An event, and what is sent of it. */
export type WaitingEvent = { event: ReportedEvent; text: string }

/** The events that are not answered yet, in the order in which they came. */
export type ReportQueue = {
  readonly count: number
  isFull(): boolean
  /** Takes an event as it is at this moment. */
  add(event: ReportedEvent): void
  /** The first: as many as one request takes, and one in any case. */
  firstBatch(): WaitingEvent[]
  /** @param batch the first, which were answered */
  remove(batch: WaitingEvent[]): void
}

export function createReportQueue(limits: ReportLimits): ReportQueue {
  const waiting: WaitingEvent[] = []
  let waitingLength = 0
  return {
    get count() {
      return waiting.length
    },
    isFull: () => waitingLength >= limits.waitingMaxLength,
    add(event) {
      const text = JSON.stringify(event)
      waiting.push({ event, text })
      waitingLength += text.length
    },
    firstBatch: () => firstOf(waiting, limits.requestMaxLength),
    remove(batch) {
      waiting.splice(0, batch.length)
      waitingLength -= batch.reduce((length, { text }) => length + text.length, 0)
    },
  }
}

function firstOf(waiting: WaitingEvent[], maxLength: number): WaitingEvent[] {
  let count = 0
  let length = 0
  for (const { text } of waiting.slice(0, reportedFactsMax)) {
    length += text.length
    if (count > 0 && length > maxLength) break
    count += 1
  }
  return waiting.slice(0, count)
}
