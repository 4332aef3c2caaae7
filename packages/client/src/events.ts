/** What happens to something, by name, and who listens. */
export type Events<Payloads> = {
  /** Listens, until the function that it gives is called. */
  on<Name extends keyof Payloads>(name: Name, listener: (event: Payloads[Name]) => void): () => void
  emit<Name extends keyof Payloads>(name: Name, event: Payloads[Name]): void
}

export function createEvents<Payloads>(): Events<Payloads> {
  const listeners: { [Name in keyof Payloads]?: Set<(event: Payloads[Name]) => void> } = {}
  return {
    on(name, listener) {
      const ofName = listeners[name] ?? new Set()
      listeners[name] = ofName
      ofName.add(listener)
      return () => ofName.delete(listener)
    },
    emit(name, event) {
      for (const listener of [...(listeners[name] ?? [])]) {
        try {
          listener(event)
        } catch (error) {
          // As with the platform's own events: it is the program's error, and no other listener's.
          queueMicrotask(() => {
            throw error
          })
        }
      }
    },
  }
}
