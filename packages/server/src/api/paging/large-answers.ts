import type { ServerResponse } from 'node:http'
import { Refusal } from '../../error.ts'
import { createFairPool } from '../../runtime/fair-pool.ts'
import { largeAnswersMax, largeAnswerWaitMs } from '../limits.ts'

/** Bounds how many answers are in memory that are made whole before they are sent, such as a session of 50,000 people. */
export type LargeAnswers = {
  /**
   * Resolves when one more may be made for the key; its place is free again when it is sent, or its connection is closed. Rejects
   * with BUSY where that takes too long.
   */
  take(keyId: number, answer: ServerResponse): Promise<void>
}

export function createLargeAnswers(placesMax = largeAnswersMax, waitMs = largeAnswerWaitMs): LargeAnswers {
  const pool = createFairPool(placesMax)
  /** In the order in which they came. */
  const waiting = new Set<{ keyId: number; go(): void }>()

  const release = (keyId: number) => {
    pool.release(keyId)
    for (const one of waiting) {
      if (!pool.take(one.keyId)) continue
      waiting.delete(one)
      one.go()
    }
  }
  const wait = async (keyId: number, answer: ServerResponse) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const one = { keyId, go: resolve }
    waiting.add(one)
    const giveUp = () => {
      if (waiting.delete(one))
        reject(new Refusal('BUSY', 'Too many large answers are being made: ask again in a moment'))
    }
    const timer = setTimeout(giveUp, waitMs)
    answer.once('close', giveUp)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      answer.off('close', giveUp)
    }
  }

  return {
    async take(keyId, answer) {
      if (!pool.take(keyId)) await wait(keyId, answer)
      if (answer.closed || answer.destroyed) release(keyId)
      else answer.once('close', () => release(keyId))
    },
  }
}

/** Those of this process. */
export const largeAnswers = createLargeAnswers()
