/** Tells that a key's changes may be more than they were. Whoever misses it finds out when they look by themselves. */
export type ChangeSignal = {
  /** @param keyId undefined: any key's */
  tell(keyId: number | undefined): void
  /** Gives what stops the listening. */
  listen(heard: (keyId: number | undefined) => void): () => void
}

export function createChangeSignal(): ChangeSignal {
  const listeners = new Set<(keyId: number | undefined) => void>()
  return {
    tell(keyId) {
      for (const heard of listeners) heard(keyId)
    },
    listen(heard) {
      listeners.add(heard)
      return () => listeners.delete(heard)
    },
  }
}
