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
