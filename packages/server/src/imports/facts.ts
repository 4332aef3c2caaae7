import { hash } from 'node:crypto'
import { importSourcePrefix } from '@rollcall/protocol'
import type { NamedFact } from '../record/facts/rooms-of-facts.ts'
import { toId, toName } from '../sources/engines/reported.ts'
import type { ImportedSession, ImportedStay } from './format.ts'

/** A fact of a file, and its place there. */
export type PlacedFact = { where: string; fact: NamedFact }

/**
 * The facts of a session. Their ids are made of what they say, so that the same file, or another export of the same session, tells the
 * same facts; their source is of imports alone, so that they are of no session that something else recorded.
 */
export function toFacts(session: ImportedSession, format: string, receivedAt: number): PlacedFact[] {
  const { key, stays, isEndInferred } = session
  const base = {
    source: `${importSourcePrefix}${format}`,
    roomId: toId(session.room),
    sessionKey: toId(key),
    receivedAt,
  }
  const fact = (where: string, told: { type: string; at: number; [field: string]: unknown }): PlacedFact => {
    const content = { ...base, ...told }
    return { where, fact: { ...content, id: identify(content) } as object as NamedFact }
  }
  const [first] = stays
  const where = first?.where ?? key
  const joins = stays.map(({ joinedAt }) => joinedAt)
  const ends = stays.map(({ joinedAt, leftAt }) => leftAt ?? joinedAt)
  const startAt = joins.reduce((a, b) => Math.min(a, b), session.startAt ?? Number.POSITIVE_INFINITY)
  const endAt = ends.reduce((a, b) => Math.max(a, b), session.endAt ?? 0)
  return [
    fact(where, { type: 'session-started', at: startAt }),
    ...stays.flatMap((stay) => factsOfStay(stay).map((told) => fact(stay.where, told))),
    fact(where, { type: 'session-ended', at: endAt, ...(isEndInferred === true && { inferred: 'source-silent' }) }),
  ]
}

function factsOfStay({ joinedAt, leftAt, ...stay }: ImportedStay): { type: string; at: number }[] {
  const who = {
    participantId: toId(stay.participantId),
    ...(stay.connectionId !== undefined && { connectionId: toId(stay.connectionId) }),
    ...toName(stay.name),
    ...(stay.kind !== undefined && { kind: stay.kind }),
  }
  const { metadata } = stay
  const join = { type: 'participant-joined', at: joinedAt, ...who, ...(metadata !== undefined && { metadata }) }
  // A leave that names its join tells the whole stay, but for what is known of the person.
  const whole = leftAt === undefined ? [] : [{ type: 'participant-left', at: leftAt, joinedAt, ...who }]
  return leftAt === undefined || metadata !== undefined ? [join, ...whole] : whole
}

/** Whoever imports it, and whenever: the same content is the same fact. */
function identify({ receivedAt: _, ...content }: { receivedAt: number; [field: string]: unknown }): string {
  return hash('sha256', JSON.stringify(content), 'base64url').slice(0, 22)
}
