import { randomBytes } from 'node:crypto'
import { type Fact, ownFactIdPrefix } from '@rollcall/protocol'
import { hasWord } from './pattern.ts'

/** Somebody in one session, and who they are from now on. */
export type Anonymous = {
  participantId: string
  newId: string
  /** Whatever they were called there. */
  names: string[]
}

/** What ids of nobody in particular begin with. */
export const erasedPrefix = 'erased-'

/** One for all sessions of a person, so that people are counted as before; nothing leads from it to whom it was. */
export function newAnonymousId(): string {
  return `${erasedPrefix}${randomBytes(12).toString('hex')}`
}

/** New ids in place of those that tell who somebody is: the same for the same, so that what belongs together still does. */
export type NewIds = {
  /**
   * Of facts: one that says nothing of the person stays, for the id of a session may follow from it, and it is not to be taken again.
   * In one of their own any part may tell of them, in others' a word alone: `p7` does not stand in `p70`.
   */
  factId(id: string, of: Anonymous[], isOwn: boolean): string
  connectionId(id: string): string
}

export function createNewIds(): NewIds {
  const made = new Map<string, string>()
  const renew = (id: string) => {
    const known = made.get(id) ?? `erased ${randomBytes(12).toString('hex')}`
    made.set(id, known)
    return known
  }
  return {
    factId(id, of, isOwn) {
      const words = of.flatMap(({ participantId, names }) => [participantId, ...names])
      if (!words.some((word) => (isOwn ? hasPart(id, word) : hasWord(id, word)))) return id
      return id.startsWith(ownFactIdPrefix) ? `${ownFactIdPrefix}${renew(id)}` : renew(id)
    },
    connectionId: (id) => (id === '' ? id : renew(id)),
  }
}

function hasPart(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase())
}

/** What of a fact about a person says when and how somebody was there, and not who. */
const keptFields = [
  'source',
  'roomId',
  'sessionKey',
  'at',
  'receivedAt',
  'clockCorrectedMs',
  'kind',
  'joinedAt',
  'isUndated',
  'inferred',
  'lastSeenAt',
]

/**
 * The same fact of nobody in particular: who came and went is what it was, and not who they are. Of what a fact of them may hold besides
 * nothing stays.
 */
export function anonymise(fact: Fact, of: Anonymous[], ids: NewIds): Fact {
  const id = ids.factId(fact.id, of, isAbout(fact, of))
  if (fact.type === 'snapshot') {
    return { ...fact, id, participants: fact.participants.map((one) => inSnapshot(one, of, ids)) }
  }
  if (fact.type === 'unknown') return { ...fact, id, event: null }
  const who = 'participantId' in fact ? of.find(({ participantId }) => participantId === fact.participantId) : undefined
  if (!('participantId' in fact) || who === undefined) return { ...fact, id }
  const { connectionId } = fact
  // What somebody published is evidence that they were there.
  const type = fact.type === 'media-started' || fact.type === 'media-stopped' ? 'participant-seen' : fact.type
  return {
    type,
    id,
    ...Object.fromEntries(Object.entries(fact).filter(([field]) => keptFields.includes(field))),
    participantId: who.newId,
    ...(connectionId !== undefined && { connectionId: ids.connectionId(connectionId) }),
    ...(type === 'quality' && { stats: {} }),
  } as Fact
}

/** Whether it is of somebody of them, or of many among whom they are. */
function isAbout(fact: Fact, of: Anonymous[]): boolean {
  const ids = new Set(of.map(({ participantId }) => participantId))
  if (fact.type === 'snapshot') return fact.participants.some(({ participantId }) => ids.has(participantId))
  return 'participantId' in fact && ids.has(fact.participantId)
}

type InSnapshot = Extract<Fact, { type: 'snapshot' }>['participants'][number]

function inSnapshot(one: InSnapshot, of: Anonymous[], ids: NewIds): InSnapshot {
  const who = of.find(({ participantId }) => participantId === one.participantId)
  if (who === undefined) return one
  const { connectionId, kind, joinedAt } = one
  return {
    participantId: who.newId,
    ...(connectionId !== undefined && { connectionId: ids.connectionId(connectionId) }),
    ...(kind !== undefined && { kind }),
    ...(joinedAt !== undefined && { joinedAt }),
  }
}
