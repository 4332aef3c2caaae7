/**
 * Long work is done in slices, and waits for its turn between them: of all that is done so, one slice runs in each turn of the
 * event loop, so that whoever else waits for the loop does for no longer than a slice takes, however much long work there is.
 * Whoever has work takes turns with the others.
 */
export type Turns = {
  /** Resolves when the next slice of theirs may run. */
  next(whose: string | number): Promise<void>
}

export function createTurns(): Turns {
  /** Each with what waits of theirs; whoever is first is next. */
  const waiting = new Map<string | number, (() => void)[]>()
  const run = () => {
    const [first] = waiting
    if (first === undefined) return
    const [whose, slices] = first
    waiting.delete(whose)
    const slice = slices.shift()
    if (slices.length > 0) waiting.set(whose, slices)
    if (waiting.size > 0) setImmediate(run)
    slice?.()
  }
  return {
    next(whose) {
      const { promise, resolve } = Promise.withResolvers<void>()
      if (waiting.size === 0) setImmediate(run)
      const slices = waiting.get(whose)
      if (slices === undefined) waiting.set(whose, [resolve])
      else slices.push(resolve)
      return promise
    },
  }
}

/** Those of this thread, which has one event loop. */
export const turns = createTurns()
