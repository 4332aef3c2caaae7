import { assertNever, type SessionFact } from '@rollcall/protocol'
import type { Rules, Session } from './state.ts'

/** Unnamed sessions of one room and source that a fact may belong to. */
export type Candidates = {
  /** The latest that started at or before the fact. */
  previous: Session | undefined
  /** The earliest that started after the fact. */
  next: Session | undefined
}

export type Route =
  | { to: 'session'; session: Session; covered: boolean }
  /** No session covers it: it opens one. */
  | { to: 'new' }
  /** It says that something ended which never began. */
  | { to: 'nowhere'; reason: string }

/**
 * Which session an unnamed fact belongs to: the one whose time, from its start to its end and the grace, covers the
 * fact's. A join that none covers opens one; a late fact may lengthen a session, never merge or split two.
 */
export function route(fact: SessionFact, { previous, next }: Candidates, rules: Rules): Route {
  const at = evidenceAt(fact)
  const covered = previous !== undefined && covers(previous, at, rules)
  switch (fact.type) {
    case 'session-started':
    case 'participant-joined':
    case 'participant-seen':
      return open()
    case 'participant-left':
      if (fact.joinedAt !== undefined) return open()
      // A leave is matched by its connection, however late it comes; only one that matches nothing needs the time.
      if (previous !== undefined) return { to: 'session', session: previous, covered }
      return { to: 'nowhere', reason: `no session of room ${fact.roomId} was running then` }
    case 'participant-missed':
    case 'session-ended':
      if (previous !== undefined && covered) return { to: 'session', session: previous, covered }
      return { to: 'nowhere', reason: `no session of room ${fact.roomId} was running then` }
    default:
      return assertNever(fact)
  }

  function open(): Route {
    if (previous !== undefined && covered) return { to: 'session', session: previous, covered: true }
    const startsSoon = next?.startAt != null && next.startAt - at <= rules.graceMs
    if (next !== undefined && startsSoon) return { to: 'session', session: next, covered: true }
    return { to: 'new' }
  }
}

/** The earliest moment a fact speaks of. */
export function evidenceAt(fact: SessionFact): number {
  return fact.type === 'participant-left' && fact.joinedAt !== undefined ? fact.joinedAt : fact.at
}

function covers(session: Session, at: number, rules: Rules): boolean {
  // A reported end leaves no grace: whoever joins after it begins anew.
  if (session.endedAt !== null) return session.endAt !== null && at < session.endAt
  if (session.inferred === null && session.inside > 0) return true
  return at <= Math.max(session.lastAt, session.resumedAt ?? 0) + rules.graceMs
}
