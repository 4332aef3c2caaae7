/**
 * Work that many may ask for: one run at a time, and one more for whoever asked while it was under way. The promise resolves
 * when all that was known at the asking is done.
 */
export function coalesce(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let isStale = false
  const run = async () => {
    while (isStale) {
      isStale = false
      await work()
    }
  }
  return () => {
    isStale = true
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }
}

/**
 * One look-up serves all who ask for the same in one turn of the event loop: what it finds was there before any of them is
 * answered.
 */
export function onceATurn<T>(find: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const asked = new Map<string, Promise<T>>()
  return (name) => {
    const known = asked.get(name)
    if (known !== undefined) return known
    if (asked.size === 0) setImmediate(() => asked.clear())
    const found = find(name)
    asked.set(name, found)
    return found
  }
}

/** The same at the end of the turn, of the latest who asked: it finds all that was there when each of them asked. */
export function atTurnsEnd<Args extends unknown[], T>(
  nameOf: (...args: Args) => string,
  find: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  const asked = new Map<string, { args: Args; found: PromiseWithResolvers<T> }>()
  const answer = () => {
    const all = [...asked.values()]
    asked.clear()
    for (const { args, found } of all) find(...args).then(found.resolve, found.reject)
  }
  return (...args) => {
    if (asked.size === 0) setImmediate(answer)
    const name = nameOf(...args)
    const known = asked.get(name) ?? { args, found: Promise.withResolvers<T>() }
    known.args = args
    asked.set(name, known)
    return known.found.promise
  }
}
