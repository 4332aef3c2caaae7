import type { Session } from '../ledger/state.ts'

type Held = {
  keyId: number
  session: Session
  /** As the database has it; undefined: not yet. */
  stored: Session | undefined
  dirty: boolean
}

export type HeldSessions = {
  /** The session found before under `name`, or what `read` finds now. */
  find(keyId: number, name: string[], read: () => Promise<Session | undefined>): Promise<Session | undefined>
  /** Holds what was read in another way, after a flush; gives what is held. */
  hold(keyId: number, session: Session | undefined): Session | undefined
  get(keyId: number, sessionId: string, read: () => Promise<Session | undefined>): Promise<Session | undefined>
  /** Holds a session to be written. */
  put(keyId: number, session: Session): void
  /** Writes what was put, in the order in which the sessions were first met: one that ended before one that began. */
  flush(): Promise<void>
}

type Write = (keyId: number, before: Session | undefined, after: Session) => unknown

/**
 * The sessions of one transaction: each is read at most once and written at most once.
 * @param write is given each session that changed, as the database has it and as it is
 */
export function holdSessions(write: Write): HeldSessions {
  const byId = new Map<string, Held>()
  const idsByName = new Map<string, string>()
  const nameOf = ({ source, roomId, sessionKey }: Session) =>
    sessionKey === null ? ['unnamed', source, roomId] : ['named', source, roomId, sessionKey]

  const hold = (keyId: number, session: Session | undefined): Session | undefined => {
    if (session === undefined) return undefined
    const id = toText(keyId, session.id)
    // What is held is newer than what was just read.
    const held = byId.get(id)
    if (held !== undefined) return held.session
    byId.set(id, { keyId, session, stored: session, dirty: false })
    return session
  }

  return {
    hold,
    async find(keyId, name, read) {
      const known = idsByName.get(toText(keyId, ...name))
      if (known !== undefined) return byId.get(known)?.session
      const session = hold(keyId, await read())
      if (session !== undefined) idsByName.set(toText(keyId, ...name), toText(keyId, session.id))
      return session
    },
    async get(keyId, sessionId, read) {
      return byId.get(toText(keyId, sessionId))?.session ?? hold(keyId, await read())
    },
    put(keyId, session) {
      const id = toText(keyId, session.id)
      const held = byId.get(id)
      byId.set(id, { keyId, session, stored: held?.stored, dirty: true })
      // An unnamed session that starts later than the latest one known is now the latest.
      const name = toText(keyId, ...nameOf(session))
      const latest = byId.get(idsByName.get(name) ?? '')?.session
      if (held === undefined && (latest === undefined || (latest.startAt ?? 0) <= (session.startAt ?? 0))) {
        idsByName.set(name, id)
      }
    },
    async flush() {
      for (const held of byId.values()) {
        if (held.dirty) await write(held.keyId, held.stored, held.session)
        held.stored = held.session
        held.dirty = false
      }
    },
  }
}

function toText(keyId: number, ...parts: string[]): string {
  return `${keyId}\n${parts.join('\n')}`
}
