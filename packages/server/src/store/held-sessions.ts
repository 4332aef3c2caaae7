import type { Session } from '../ledger/state.ts'

type Held = { keyId: number; session: Session; write: 'insert' | 'update' | undefined }

export type HeldSessions = {
  /** The session found before under `name`, or what `read` finds now. */
  find(keyId: number, name: string[], read: () => Promise<Session | undefined>): Promise<Session | undefined>
  get(keyId: number, sessionId: string, read: () => Promise<Session | undefined>): Promise<Session | undefined>
  /** Holds a session to be written. */
  put(keyId: number, session: Session, write: 'insert' | 'update'): void
  /** Writes what was put, in the order in which the sessions were first met: one that ended before one that began. */
  flush(): Promise<void>
}

type Writes = { [write in 'insert' | 'update']: (keyId: number, session: Session) => unknown }

/** The sessions of one transaction: each is read at most once and written at most once. */
export function holdSessions(writes: Writes): HeldSessions {
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
    byId.set(id, { keyId, session, write: undefined })
    return session
  }

  return {
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
    put(keyId, session, write) {
      const id = toText(keyId, session.id)
      const held = byId.get(id)
      byId.set(id, { keyId, session, write: held?.write ?? write })
      // An unnamed session that starts later than the latest one known is now the latest.
      const name = toText(keyId, ...nameOf(session))
      const latest = byId.get(idsByName.get(name) ?? '')?.session
      if (write === 'insert' && (latest === undefined || (latest.startAt ?? 0) <= (session.startAt ?? 0))) {
        idsByName.set(name, id)
      }
    },
    async flush() {
      for (const held of byId.values()) {
        if (held.write !== undefined) await writes[held.write](held.keyId, held.session)
        held.write = undefined
      }
    },
  }
}

function toText(keyId: number, ...parts: string[]): string {
  return `${keyId}\n${parts.join('\n')}`
}
