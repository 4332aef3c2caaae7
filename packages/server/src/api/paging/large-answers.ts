import type { ServerResponse } from 'node:http'
import { Refusal } from '../../error.ts'
import { createFairPool } from '../../runtime/fair-pool.ts'
import { largeAnswersMax, largeAnswerWaitMs, longReadsMax } from '../limits.ts'

/**
 * Bounds how many answers are made at once that take long, or are held whole before they are sent, such as a session of 50,000
 * people. Who asks for the same while it is made gets the same.
 */
export type LargeAnswers = {
  /**
   * What `make` makes, when there is a place for it: it is free again when it was made and all who asked were sent it, or are
   * gone. Rejects with BUSY where that takes too long.
   * @param name of all that the answer depends on, with the version of what is read: nobody is told what was so before they asked
   * @param make gives up by the signal when nobody waits any more
   */
  share<T>(
    asked: { keyId: number; name: unknown[]; answer: ServerResponse },
    make: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>
}

/** One answer, and how many are to get it; `left` when the last of them is gone. */
type Shared = { made: Promise<unknown>; readers: number; left: AbortController }

export function createLargeAnswers(placesMax = largeAnswersMax, waitMs = largeAnswerWaitMs): LargeAnswers {
  const pool = createFairPool(placesMax)
  const underWay = new Map<string, Shared>()
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
  const waitForPlace = async (keyId: number, signal: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const one = { keyId, go: resolve }
    waiting.add(one)
    const giveUp = () => {
      if (waiting.delete(one))
        reject(new Refusal('BUSY', 'Too many large answers are being made: ask again in a moment'))
    }
    const timer = setTimeout(giveUp, waitMs)
    signal.addEventListener('abort', giveUp)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
    }
  }
  const makeInPlace = async <T>(
    keyId: number,
    { signal }: AbortController,
    make: (signal: AbortSignal) => Promise<T>,
  ) => {
    if (!pool.take(keyId)) await waitForPlace(keyId, signal)
    try {
      signal.throwIfAborted()
      return await make(signal)
    } finally {
      // Whoever reads it holds it in memory for as long.
      if (signal.aborted) release(keyId)
      else signal.addEventListener('abort', () => release(keyId))
    }
  }
  const begin = <T>(keyId: number, name: string, make: (signal: AbortSignal) => Promise<T>): Shared => {
    const left = new AbortController()
    const forget = () => {
      if (underWay.get(name) === shared) underWay.delete(name)
    }
    const made = makeInPlace(keyId, left, make).finally(forget)
    const shared = { made, readers: 0, left }
    left.signal.addEventListener('abort', forget)
    underWay.set(name, shared)
    return shared
  }

  return {
    share<T>(
      { keyId, name, answer }: { keyId: number; name: unknown[]; answer: ServerResponse },
      make: (signal: AbortSignal) => Promise<T>,
    ) {
      const text = JSON.stringify([keyId, ...name])
      const shared = underWay.get(text) ?? begin(keyId, text, make)
      shared.readers += 1
      const leave = () => {
        shared.readers -= 1
        if (shared.readers === 0) shared.left.abort(new Refusal('BUSY', 'Nobody waits for this answer any more'))
      }
      if (answer.closed || answer.destroyed) leave()
      else answer.once('close', leave)
      return shared.made as Promise<T>
    },
  }
}

/** Those of this process that are large. */
export const largeAnswers = createLargeAnswers()
/** Those that are read for long, and are small. */
export const longReads = createLargeAnswers(longReadsMax)
