import { type Fact, importSourcePrefix, isEventsSource, ownFactIdPrefix } from '@rollcall/protocol'
import type { Rules } from '../ledger/state.ts'
import { type Possible, withPossibleTimes } from '../ledger/times.ts'

/** The fact as it counts: every other reporter has a clock of its own, which may be wrong. */
export function toPossible(said: Fact, { leasedSource }: Rules): Possible {
  const isOurs = said.source === leasedSource || said.id.startsWith(ownFactIdPrefix)
  return isOurs ? { fact: said } : withPossibleTimes(said, isLive(said.source))
}

/** A media server tells of what happens; whoever calls `POST /v2/events`, or imports a file, may tell of what happened long ago. */
function isLive(source: string): boolean {
  return !isEventsSource(source) && !source.startsWith(importSourcePrefix)
}
