import type { Fact } from '@rollcall/protocol'
import { lifeOf, pastOf } from '../../store/facts/erased-people.ts'
import type { FactStore } from '../../store/facts/facts.ts'
import { type FactText, textOf } from '../facts/fact-text.ts'

/**
 * What of a fact is heard: nothing of the past of somebody, or of a session, that was erased. Undefined where it tells of nothing else.
 */
export function toHeard(
  facts: Pick<FactStore, 'isErased' | 'isAnyErased'>,
  keyId: number,
  said: Fact,
  text: FactText,
): { said: Fact; text: FactText } | undefined {
  if (!facts.isAnyErased()) return { said, text }
  if (facts.isErased(keyId, lifeOf(said), said.at)) return undefined
  if (facts.isErased(keyId, pastOf(said.roomId), said.at)) return undefined
  if (said.type !== 'snapshot') {
    const isErased = 'participantId' in said && facts.isErased(keyId, said.participantId, said.at)
    return isErased ? undefined : { said, text }
  }
  const participants = said.participants.filter(({ participantId }) => !facts.isErased(keyId, participantId, said.at))
  if (participants.length === said.participants.length) return { said, text }
  const heard = { ...said, participants }
  return { said: heard, text: textOf(heard) }
}
