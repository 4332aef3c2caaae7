import type { Cause } from '@rollcall/protocol'
import type { Mark } from './state.ts'

/** One connection's join to leave. */
export type Stay = {
  connectionId: string
  joinedAt: number
  /** Null while open. */
  leftAt: number | null
  reason: string | null
  /** Why the end was inferred though nobody saw it; null for an end that was reported. */
  inferred: Cause | null
}

/** Stays of one person, merged where they overlap or touch. */
export type TimelogEntry = Omit<Stay, 'connectionId'>

export type Folded = {
  stays: Stay[]
  /** Facts that report a leave whose join is not known. */
  lone: Set<string>
}

/**
 * Folds one person's marks into stays: each connection's joins and leaves are put in order of time; a join while inside
 * changes nothing; a leave closes. The result depends on the set of marks alone, not on the order they came in.
 */
export function foldStays(marks: Mark[]): Folded {
  const stays: Stay[] = []
  const lone = new Set<string>()
  for (const ofOne of byConnection(marks)) foldConnection(ofOne, stays, lone)
  return { stays, lone }
}

/**
 * Merges a person's stays that overlap or touch; a gap of 1 ms is two entries.
 * @param end the end of the session, which closes what is still open; absent while it runs
 */
export function toTimelog(stays: Stay[], end?: { at: number; inferred: Cause | null }): TimelogEntry[] {
  const closed = stays.map((stay) =>
    stay.leftAt !== null || end === undefined
      ? stay
      : { ...stay, leftAt: end.at, reason: 'session-ended', inferred: end.inferred },
  )
  // By connection in the last place, so that of two that end together the same one tells why, whichever came first.
  closed.sort((a, b) => a.joinedAt - b.joinedAt || endOf(a) - endOf(b) || compareText(a.connectionId, b.connectionId))
  const merged: TimelogEntry[] = []
  for (const { joinedAt, leftAt, reason, inferred } of closed) {
    const entry = { joinedAt, leftAt, reason, inferred }
    const last = merged.at(-1)
    if (last === undefined || endOf(last) < entry.joinedAt) merged.push(entry)
    else if (endOf(entry) > endOf(last) || (endOf(entry) === endOf(last) && entry.inferred === null)) {
      merged[merged.length - 1] = { ...entry, joinedAt: last.joinedAt }
    }
  }
  return merged
}

function endOf(entry: Pick<TimelogEntry, 'leftAt'>): number {
  return entry.leftAt ?? Number.POSITIVE_INFINITY
}

function byConnection(marks: Mark[]): Iterable<Mark[]> {
  const first = marks[0]
  if (first === undefined) return []
  if (marks.every((mark) => mark.connectionId === first.connectionId)) return [marks]
  const groups = new Map<string, Mark[]>()
  for (const mark of marks) {
    const group = groups.get(mark.connectionId)
    if (group === undefined) groups.set(mark.connectionId, [mark])
    else group.push(mark)
  }
  return groups.values()
}

function foldConnection(marks: Mark[], stays: Stay[], lone: Set<string>): void {
  const first = stays.length
  let loneLeave: Mark | undefined
  const latest = () => (stays.length > first ? stays[stays.length - 1] : undefined)
  for (const mark of inOrder(marks)) {
    const stay = latest()
    const inside = stay?.leftAt === null
    switch (mark.kind) {
      case 'joined':
        if (!inside) stays.push(open(mark))
        break
      case 'seen':
        // Evidence of presence withdraws an end that was only inferred.
        if (stay !== undefined && stay.inferred !== null) reopen(stay)
        else if (!inside) stays.push(open(mark))
        break
      case 'left':
        if (inside || (stay?.inferred && mark.inferred === null)) {
          close(stay, mark)
          loneLeave = undefined
        } else if (mark.inferred === null) {
          lone.add(mark.factId)
          loneLeave = mark
        }
        break
      case 'missed':
        break
    }
  }
  // A connection is joined before it is left, whatever two clocks, or one of whole seconds, say of it: a leave dated
  // just before the join ends the stay where it began. A person without connections may well have left and come back.
  const stay = latest()
  if (loneLeave !== undefined && loneLeave.connectionId !== '' && stay?.leftAt === null) {
    close(stay, loneLeave)
    lone.delete(loneLeave.factId)
  }
}

function open(mark: Mark): Stay {
  return { connectionId: mark.connectionId, joinedAt: mark.at, leftAt: null, reason: null, inferred: null }
}

function reopen(stay: Stay): void {
  stay.leftAt = null
  stay.reason = null
  stay.inferred = null
}

function close(stay: Stay, mark: Mark): void {
  stay.leftAt = Math.max(stay.joinedAt, mark.at)
  stay.reason = mark.reason
  stay.inferred = mark.inferred
}

type Rank = { [kind in 'joined' | 'seen' | 'left' | 'inferred']: number }
// Within one millisecond: whoever was outside came and went, whoever was inside went and came back. What we inferred
// is dated at the last evidence, so it comes after all evidence of that moment.
const rankOutside: Rank = { joined: 0, seen: 1, left: 2, inferred: 3 }
const rankInside: Rank = { seen: 0, left: 1, joined: 2, inferred: 3 }

function inOrder(marks: Mark[]): Mark[] {
  if (marks.length < 2) return marks
  const ordered = [...marks].sort((a, b) => a.at - b.at || compareText(a.factId, b.factId))
  let inside = false
  for (let start = 0; start < ordered.length; ) {
    const at = ordered[start]?.at
    let end = start + 1
    while (ordered[end]?.at === at) end++
    const moment = ordered.slice(start, end)
    if (moment.length > 1) {
      const rank = inside ? rankInside : rankOutside
      moment.sort((a, b) => rankOf(a, rank) - rankOf(b, rank) || compareText(a.factId, b.factId))
      ordered.splice(start, moment.length, ...moment)
    }
    for (const mark of moment) inside = mark.kind === 'left' ? false : mark.kind === 'missed' ? inside : true
    start = end
  }
  return ordered
}

function rankOf(mark: Mark, rank: Rank): number {
  if (mark.kind === 'missed') return 4
  return mark.kind === 'left' && mark.inferred !== null ? rank.inferred : rank[mark.kind]
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
