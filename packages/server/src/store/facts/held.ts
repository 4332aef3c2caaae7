import type { Mark, Session } from '../../ledger/state.ts'
import { toMark } from '../database/columns.ts'
import type { Database } from '../database/database.ts'
import { type PendingRows, toMarkRow } from './pending-rows.ts'
import { claimsOf, marksOf } from './queries.ts'

type Held = {
  keyId: number
  session: Session
  /** As the database has it; undefined: not yet. */
  stored: Session | undefined
  dirty: boolean
}

export type HeldSessions = {
  /** The session found before under `name`, or what `read` finds now. */
  find(keyId: number, name: string, read: Read): Found
  /** Holds sessions that were read ahead for these facts; of a fact that has none among them, it is known that there is none. */
  learn(keyId: number, facts: Named[], sessions: Session[]): void
  /** The session held under `name`, if any. */
  known(keyId: number, name: string): Session | undefined
  /** Holds what was read in another way, after a flush; gives what is held. */
  hold(keyId: number, session: Session | undefined): Session | undefined
  get(keyId: number, sessionId: string, read: Read): Found
  /** Holds a session to be written; `new`: it was not held before, so it is not in the database. */
  put(keyId: number, session: Session): 'new' | 'known'
  /** Writes what was put, in the order in which the sessions were first met: one that ended before one that began. */
  flush(): void
}

/** At once where it is held. */
type Found = Session | undefined | Promise<Session | undefined>
type Read = () => Promise<Session | undefined>
type Named = { source: string; roomId: string; sessionKey?: string | null | undefined }
type Write = (keyId: number, before: Session | undefined, after: Session) => void

/**
 * The sessions of one transaction: each is read at most once and written at most once.
 * @param write is given each session that changed, as the database has it and as it is
 */
export function holdSessions(write: Write): HeldSessions {
  const byId = new Map<string, Held>()
  /** Undefined: it is known that there is none. */
  const idsByName = new Map<string, string | undefined>()

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
    learn(keyId, facts, sessions) {
      for (const fact of facts) {
        const name = toText(keyId, nameOf(fact))
        if (!idsByName.has(name)) idsByName.set(name, undefined)
      }
      for (const session of sessions) {
        hold(keyId, session)
        idsByName.set(toText(keyId, nameOf(session)), toText(keyId, session.id))
      }
    },
    known: (keyId, name) => byId.get(idsByName.get(toText(keyId, name)) ?? '')?.session,
    find(keyId, name, read) {
      const text = toText(keyId, name)
      if (idsByName.has(text)) return byId.get(idsByName.get(text) ?? '')?.session
      return read().then((found) => {
        const session = hold(keyId, found)
        if (session !== undefined) idsByName.set(text, toText(keyId, session.id))
        return session
      })
    },
    get(keyId, sessionId, read) {
      return byId.get(toText(keyId, sessionId))?.session ?? read().then((found) => hold(keyId, found))
    },
    put(keyId, session) {
      const id = toText(keyId, session.id)
      const held = byId.get(id)
      byId.set(id, { keyId, session, stored: held?.stored, dirty: true })
      // An unnamed session that starts later than the latest one known is now the latest.
      const name = toText(keyId, nameOf(session))
      const latest = byId.get(idsByName.get(name) ?? '')?.session
      if (held === undefined && (latest === undefined || (latest.startAt ?? 0) <= (session.startAt ?? 0))) {
        idsByName.set(name, id)
      }
      return held === undefined ? 'new' : 'known'
    },
    flush() {
      for (const held of byId.values()) {
        if (held.dirty) write(held.keyId, held.stored, held.session)
        held.stored = held.session
        held.dirty = false
      }
    },
  }
}

/** What a session is found by: its own key where it has one, else that it is the latest of its room and source. */
export function nameOf({ source, roomId, sessionKey }: Named): string {
  return sessionKey == null ? `unnamed\n${source}\n${roomId}` : `named\n${source}\n${roomId}\n${sessionKey}`
}

function toText(keyId: number, name: string): string {
  return `${keyId}\n${name}`
}

type Whose = { sessionId: string; participantId: string }

/** The marks of the people whom one transaction is about. */
export type HeldMarks = {
  /** Reads at once those of these people. */
  read(keyId: number, people: Whose[]): Promise<void>
  /** A session began in this transaction: nobody has marks of it that are not held. */
  begin(keyId: number, sessionId: string): void
  list(keyId: number, whose: Whose): Mark[] | Promise<Mark[]>
  insert(keyId: number, sessionId: string, mark: Mark): void
  /** None are left of a session. */
  forget(keyId: number, sessionId: string): void
  /** Of those that were listed. */
  remove(keyId: number, sessionId: string, mark: Mark): void
  /** Where leaves of a session are that nobody says the time of; `held`: in memory too, to be written before they are read. */
  undated(keyId: number, sessionId: string): 'none' | 'stored' | 'held'
}

export function holdMarks(db: Database, pending: PendingRows): HeldMarks {
  /** By key, session and person. */
  const held = new Map<string, Mark[]>()
  const begun = new Set<string>()
  /** Sessions in which such a leave was told of in this transaction. */
  const withUndated = new Set<string>()
  const nameOf = (keyId: number, { sessionId, participantId }: Whose) => `${keyId}\n${sessionId}\n${participantId}`

  const marks: HeldMarks = {
    async read(keyId, people) {
      for (const whose of people) held.set(nameOf(keyId, whose), [])
      for (const row of await db.all(marksOf(db), { keyId, list: JSON.stringify(people) })) {
        held.get(nameOf(keyId, row))?.push(toMark(row))
      }
    },
    begin(keyId, sessionId) {
      begun.add(`${keyId}\n${sessionId}`)
    },
    list(keyId, whose) {
      const name = nameOf(keyId, whose)
      const known = held.get(name) ?? (begun.has(`${keyId}\n${whose.sessionId}`) ? [] : undefined)
      return known ?? marks.read(keyId, [whose]).then(() => held.get(name) ?? [])
    },
    insert(keyId, sessionId, mark) {
      const name = nameOf(keyId, { sessionId, participantId: mark.participantId })
      const known = held.get(name)
      if (known === undefined) held.set(name, [mark])
      else known.push(mark)
      if (mark.arrivedAt !== null) withUndated.add(`${keyId}\n${sessionId}`)
      pending.marks.push(toMarkRow(keyId, sessionId, mark))
    },
    forget(keyId, sessionId) {
      for (const name of held.keys()) if (name.startsWith(`${keyId}\n${sessionId}\n`)) held.delete(name)
      marks.begin(keyId, sessionId)
    },
    remove(keyId, sessionId, mark) {
      const known = held.get(nameOf(keyId, { sessionId, participantId: mark.participantId }))
      known?.splice(known.indexOf(mark), 1)
      const { participantId, factId, kind } = mark
      const unwritten = pending.marks.findLastIndex(
        (row) => row.fact_id === factId && row.session_id === sessionId && row.kind === kind,
      )
      if (unwritten === -1) pending.removedMarks.push({ keyId, sessionId, participantId, factId, kind })
      else pending.marks.splice(unwritten, 1)
    },
    undated(keyId, sessionId) {
      const name = `${keyId}\n${sessionId}`
      const isRemovedFrom = pending.removedMarks.some((one) => one.keyId === keyId && one.sessionId === sessionId)
      if (withUndated.has(name) || isRemovedFrom) return 'held'
      return begun.has(name) ? 'none' : 'stored'
    },
  }
  return marks
}

type Identity = { source: string; id: string }

/** The ids of facts that were claimed, for the length of one transaction. */
export type Claims = {
  /** Reads at once what was claimed of these. */
  read(keyId: number, facts: Identity[]): Promise<void>
  /** Of those that were read: whether it is new. */
  isNew(keyId: number, fact: Identity): boolean
  /** True when this fact is new; else the digest of what was claimed under its id. */
  claim(keyId: number, fact: Identity, digest: string): true | string | Promise<true | string>
}

export function openClaims(db: Database, pending: PendingRows): Claims {
  /** By key, source and fact id: its digest; null: not claimed. */
  const digests = new Map<string, string | null>()
  const nameOf = (keyId: number, { source, id }: Identity) => `${keyId}\n${source}\n${id}`

  const claims: Claims = {
    async read(keyId, facts) {
      const list = JSON.stringify(facts.map(({ source, id }) => ({ source, id })))
      for (const fact of facts) digests.set(nameOf(keyId, fact), null)
      for (const { source, factId, digest } of await db.all(claimsOf(db), { keyId, list })) {
        digests.set(nameOf(keyId, { source, id: factId }), digest)
      }
    },
    isNew: (keyId, fact) => digests.get(nameOf(keyId, fact)) === null,
    claim(keyId, fact, digest) {
      const name = nameOf(keyId, fact)
      const known = digests.get(name)
      if (known === undefined) return claims.read(keyId, [fact]).then(() => claims.claim(keyId, fact, digest))
      if (known !== null) return known
      digests.set(name, digest)
      pending.claims.push({ key_id: keyId, source: fact.source, fact_id: fact.id, digest })
      return true
    },
  }
  return claims
}
