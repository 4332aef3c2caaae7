import { Refusal } from '../../error.ts'

/** From one try to the next, in milliseconds. */
const retryMs = 500
/** Most look-ups that wait at once: whoever sends them has proved nothing yet. */
const waitingMax = 1000

/** Does a look-up that whoever brings facts cannot do without, and does it again while the store is away, for at most so long. */
export type Patience = <T>(maxWaitMs: number, lookUp: () => Promise<T>) => Promise<T>

export function createPatience(): Patience {
  let waiting = 0
  return async (maxWaitMs, lookUp) => {
    const deadline = performance.now() + maxWaitMs
    for (;;) {
      try {
        return await lookUp()
      } catch (error) {
        const isAway = error instanceof Refusal && error.code === 'BUSY'
        if (!isAway || waiting >= waitingMax || performance.now() + retryMs > deadline) throw error
        waiting += 1
        await new Promise((resolve) => setTimeout(resolve, retryMs))
        waiting -= 1
      }
    }
  }
}
