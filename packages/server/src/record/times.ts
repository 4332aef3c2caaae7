import { type Fact, ownFactIdPrefix } from '@rollcall/protocol'
import type { Rules } from '../ledger/state.ts'
import { withPossibleTimes } from '../ledger/times.ts'

/** The fact as it counts: every other reporter has a clock of its own, which may be wrong. */
export function toApplied(said: Fact, { leasedSource }: Rules): Fact {
  const isOurs = said.source === leasedSource || said.id.startsWith(ownFactIdPrefix)
  return isOurs ? said : withPossibleTimes(said)
}
