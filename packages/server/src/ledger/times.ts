import type { Fact } from '@rollcall/protocol'

/** How far a sender's clock may be ahead of ours, in milliseconds: what is said to happen later than that cannot be. */
export const aheadMaxMs = 300_000

/** The fact itself where its times can be; else one whose impossible times are replaced by the time we received it. */
export function withPossibleTimes(fact: Fact): Fact {
  const { receivedAt } = fact
  const latest = receivedAt + aheadMaxMs
  const at = fact.at <= latest ? fact.at : receivedAt
  if (fact.type === 'participant-left' && fact.joinedAt !== undefined && fact.joinedAt > latest) {
    return { ...fact, at, joinedAt: receivedAt }
  }
  return at === fact.at ? fact : { ...fact, at }
}
