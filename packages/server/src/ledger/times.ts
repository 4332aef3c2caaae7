import type { Fact, Snapshot } from '@rollcall/protocol'

/** How far a sender's clock may be ahead of ours, in milliseconds: what is said to happen later than that cannot be. */
export const aheadMaxMs = 300_000

/**
 * How far back a media server may tell of, in milliseconds. Its events come while things happen; one that is sent again comes
 * some days later (the longest waits are Rollcall's own, three days), and some repeat at the end of a room what was at its
 * beginning. So what is older is a wrong clock, not a late event.
 */
export const pastMaxMs = 31 * 24 * 3_600_000

/**
 * A fact as it counts. `doubts`: what of it cannot be, in words; undefined where all can. `isOutdated`: it is dated so long
 * ago that it was sent again, or its clock is wrong; when it came stands in its place.
 */
export type Possible = { fact: Fact; doubts?: string; isOutdated?: true }

/**
 * The fact where its times can be. A time of its own that cannot be is left out, and then it counts as of when it came; the
 * time of a join that cannot be is left out, and nothing stands in its place.
 * @param isLive it comes while things happen: it does not tell of a past longer ago than `pastMaxMs`
 */
export function withPossibleTimes(fact: Fact, isLive: boolean): Possible {
  if (fact.type === 'unknown') return { fact }
  const { receivedAt } = fact
  const isPossible = (at: number) => isPossibleTime(at, receivedAt, isLive)
  const doubts: string[] = []
  let possible = fact
  if (!isPossible(fact.at)) {
    possible = {
      ...possible,
      at: receivedAt,
      ...(isLive && possible.type === 'participant-left' && { isUndated: true }),
    }
    doubts.push('its time cannot be: it counts as of when it came')
  }
  if (possible.type === 'participant-left' && possible.joinedAt !== undefined && !isPossible(possible.joinedAt)) {
    const { joinedAt: _, ...rest } = possible
    possible = rest
    doubts.push('the time of its join cannot be: it is left out')
  }
  if (
    possible.type === 'snapshot' &&
    possible.participants.some(({ joinedAt: at }) => at !== undefined && !isPossible(at))
  ) {
    possible = { ...possible, participants: possible.participants.map((one) => withPossibleJoin(one, isPossible)) }
    doubts.push('times of joins cannot be: they are left out')
  }
  if (doubts.length === 0) return { fact }
  return {
    fact: possible,
    doubts: doubts.join('; '),
    ...(isLive && fact.at < receivedAt - pastMaxMs && { isOutdated: true }),
  }
}

/** Whether something that came at `receivedAt` can have happened at `at`. */
export function isPossibleTime(at: number, receivedAt: number, isLive: boolean): boolean {
  return (!isLive || at >= receivedAt - pastMaxMs) && at <= receivedAt + aheadMaxMs
}

type Present = Snapshot['participants'][number]

function withPossibleJoin({ joinedAt, ...one }: Present, isPossible: (at: number) => boolean): Present {
  return joinedAt !== undefined && isPossible(joinedAt) ? { ...one, joinedAt } : one
}
