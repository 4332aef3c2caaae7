import { backoffMs } from '../backoff.ts'
import type { RoomLimits } from './limits.ts'

/** Whether another connection is tried after one that failed, and when. */
export type Retries = {
  /** The server took us in, as somebody inside or waiting. */
  succeed(): void
  /** After a failure: which attempt comes next, and after how long; undefined where there were too many for too long. */
  next(): { attempt: number; delayMs: number } | undefined
}

export function createRetries(limits: RoomLimits): Retries {
  let trouble = { since: performance.now(), failures: 0 }
  let wasTaken = false
  let takenAt: number | undefined
  return {
    succeed() {
      wasTaken = true
      takenAt = performance.now()
    },
    next() {
      const now = performance.now()
      if (takenAt !== undefined && now - takenAt >= limits.steadyMs) trouble = { since: now, failures: 0 }
      takenAt = undefined
      trouble.failures += 1
      if (now - trouble.since > (wasTaken ? limits.reconnectForMs : limits.connectForMs)) return undefined
      return { attempt: trouble.failures, delayMs: backoffMs(trouble.failures, limits.backoff) }
    },
  }
}
