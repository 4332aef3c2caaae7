/**
 * Runs `work` once at a time, and once more for whoever asked while it ran. The promise resolves after a run that began
 * after the asking.
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
 * One call, at once, serves all who ask for the same name in one turn of the event loop: nobody is answered with what was
 * found in an earlier turn.
 */
export function shareInTurn<T>(find: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const calls = new Map<string, Promise<T>>()
  return (name) => {
    const known = calls.get(name)
    if (known !== undefined) return known
    if (calls.size === 0) setImmediate(() => calls.clear())
    const found = find(name)
    calls.set(name, found)
    return found
  }
}

/**
 * One call at the end of the turn, with the latest arguments, serves all who asked in it: it sees everything that was
 * there when each of them asked.
 */
export function shareAtTurnEnd<Args extends unknown[], T>(
  nameOf: (...args: Args) => string,
  find: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  const calls = new Map<string, { args: Args; found: PromiseWithResolvers<T> }>()
  const runAll = () => {
    const all = [...calls.values()]
    calls.clear()
    for (const { args, found } of all) find(...args).then(found.resolve, found.reject)
  }
  return (...args) => {
    if (calls.size === 0) setImmediate(runAll)
    const name = nameOf(...args)
    const call = calls.get(name) ?? { args, found: Promise.withResolvers<T>() }
    call.args = args
    calls.set(name, call)
    return call.found.promise
  }
}

/**
 * One call at the end of the turn serves all who asked for names of one group in it, with all of their names: it sees
 * everything that was there when each of them asked.
 */
export function collectAtTurnEnd<Group, T>(
  find: (group: Group, names: string[]) => Promise<T>,
): (group: Group, names: string[]) => Promise<T> {
  const calls = new Map<Group, { names: Set<string>; found: PromiseWithResolvers<T> }>()
  const runAll = () => {
    const all = [...calls]
    calls.clear()
    for (const [group, { names, found }] of all) find(group, [...names]).then(found.resolve, found.reject)
  }
  return (group, names) => {
    if (calls.size === 0) setImmediate(runAll)
    const call = calls.get(group) ?? { names: new Set<string>(), found: Promise.withResolvers<T>() }
    for (const name of names) call.names.add(name)
    calls.set(group, call)
    return call.found.promise
  }
}
