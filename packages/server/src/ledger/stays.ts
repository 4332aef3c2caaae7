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
  /** While open: when the connection was last known to be inside. */
  seenAt: number
}

/** Stays of one person, merged where they overlap or touch. */
export type TimelogEntry = Omit<Stay, 'connectionId' | 'seenAt'>

export type Folded = {
  /** Of each connection in order of their ends. */
  stays: Stay[]
  /** Facts that report a leave whose join is not known. */
  lone: Set<string>
}

/** A `seen` that follows a reported leave this closely was on its way when its connection left, in milliseconds. */
const stragglerMs = 10_000
/** Two facts may date the same join so far apart, in milliseconds: some clocks have whole seconds. */
const sameJoinMs = 1000

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
  // By connection and reason in the last places, so that of two that end together the same one tells why, whichever came first.
  closed.sort(
    (a, b) =>
      a.joinedAt - b.joinedAt ||
      endOf(a) - endOf(b) ||
      compareText(a.connectionId, b.connectionId) ||
      compareText(a.reason ?? '', b.reason ?? ''),
  )
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
  const [only] = marks
  if (marks.length === 1 && (only?.kind === 'joined' || only?.kind === 'seen')) {
    stays.push(open(only))
    return
  }
  const plain = toPlainStay(marks)
  if (plain !== undefined) {
    stays.push(plain)
    return
  }
  const { whole, rest } = takeWhole(marks)
  const walk: Walk = { stays: [], marks, lone, loneLeave: undefined, told: new Set(whole.map(({ factId }) => factId)) }
  for (const moment of toMoments(rest)) walkMoment(walk, moment)
  const { loneLeave } = walk
  // A connection is joined before it is left, whatever two clocks, or one of whole seconds, say of it: a leave dated
  // just before the join ends the stay where it began. A person without connections may well have left and come back.
  const last = walk.stays.at(-1)
  if (loneLeave !== undefined && loneLeave.connectionId !== '' && last?.leftAt === null) {
    close(last, loneLeave)
    lone.delete(loneLeave.factId)
  }
  if (whole.length > 0) {
    walk.stays.push(...whole.map(({ stay }) => stay))
    walk.stays.sort((a, b) => endOf(a) - endOf(b) || a.joinedAt - b.joinedAt)
  }
  stays.push(...walk.stays)
}

/** Nearly every connection: its join was told, perhaps again by its leave, and its leave was later. */
function toPlainStay(marks: Mark[]): Stay | undefined {
  let join: Mark | undefined
  let leave: Mark | undefined
  for (const mark of marks) {
    if (mark.kind === 'joined' && mark.at === (join?.at ?? mark.at)) join = mark
    else if (mark.kind === 'left' && leave === undefined) leave = mark
    else return undefined
  }
  if (join === undefined || leave === undefined || leave.at <= join.at) return undefined
  const stay = open(join)
  close(stay, leave)
  return stay
}

/** A stay that one leave told whole: it says when its join was. */
type WholeStay = { factId: string; stay: Stay }

/**
 * Takes apart the stays that were told whole. A connection is inside once, so the rest of its marks is walked with theirs. A
 * person without connections may be inside twice: there a whole stay takes its own join out of the walk, and of one whose
 * join nobody told the leave alone remains, to close what was open.
 */
function takeWhole(marks: Mark[]): { whole: WholeStay[]; rest: Mark[] } {
  const joins = new Map<string, Mark>()
  for (const mark of marks) if (mark.kind === 'joined') joins.set(mark.factId, mark)
  const told = new Set<Mark>()
  for (const { kind, factId } of marks) {
    const join = kind === 'left' ? joins.get(factId) : undefined
    if (join !== undefined) told.add(join)
  }
  if (told.size === 0) return { whole: [], rest: marks }
  const others = [...joins.values()].filter((join) => !told.has(join))
  const whole: WholeStay[] = []
  const taken = new Set<Mark>()
  for (const leave of marks) {
    const join = leave.kind === 'left' ? joins.get(leave.factId) : undefined
    if (join === undefined) continue
    const repeated = findRepeated(others, join)
    const stay = open(repeated.reduce((first, mark) => (mark.at < first.at ? mark : first), join))
    close(stay, leave)
    whole.push({ factId: leave.factId, stay })
    if (leave.connectionId === '') {
      taken.add(join)
      if (repeated.length > 0) taken.add(leave)
    }
    for (const mark of repeated) taken.add(mark)
  }
  const isCovered = ({ kind, at }: Mark) =>
    kind === 'seen' &&
    whole.some(({ stay }) => stay.joinedAt - sameJoinMs <= at && at <= (stay.leftAt ?? 0) + stragglerMs)
  return { whole, rest: marks.filter((mark) => !taken.has(mark) && !isCovered(mark)) }
}

/** The joins that tell of the same join as a leave: those of its very moment, else those that clocks may date otherwise. */
function findRepeated(others: Mark[], join: Mark): Mark[] {
  const same = others.filter(({ at }) => at === join.at)
  if (same.length > 0 || join.connectionId !== '') return same
  return others.filter(({ at }) => Math.abs(at - join.at) <= sameJoinMs)
}

/** One connection on its way through its marks. */
type Walk = {
  stays: Stay[]
  /** All of the connection's. */
  marks: Mark[]
  /** Facts that report a leave whose join is not known. */
  lone: Set<string>
  loneLeave: Mark | undefined
  /** Facts that told a whole stay: their leaves have a join. */
  told: Set<string>
}

/** What one connection did in one moment, each in the order of the facts' ids. */
type Moment = { at: number; joins: Mark[]; seen: Mark[]; leaves: Mark[]; inferred: Mark[] }

/**
 * In one moment nobody knows the order, so joins and leaves take turns: whoever was outside came and went, whoever was inside
 * went and came back, and as many leaves as joins leave nobody inside. What we inferred is dated at the last evidence, so it
 * comes after all evidence of that moment.
 */
function walkMoment(walk: Walk, { at, joins, seen, leaves, inferred }: Moment): void {
  const { stays } = walk
  const isInside = () => stays.at(-1)?.leftAt === null
  const [first] = seen
  if (first !== undefined && joins.length === 0 && !isInside()) see(walk, first, at)
  let nextJoin = 0
  for (const leave of leaves) {
    const join = joins[nextJoin]
    if (!isInside() && join !== undefined) {
      stays.push(open(join))
      nextJoin += 1
    }
    const last = stays.at(-1)
    if (last !== undefined && (last.leftAt === null || last.inferred !== null)) {
      close(last, leave)
      walk.loneLeave = undefined
    } else if (!walk.told.has(leave.factId)) {
      walk.lone.add(leave.factId)
      walk.loneLeave = leave
    }
  }
  const join = joins[nextJoin]
  if (join !== undefined && !isInside()) stays.push(open(join))
  const [cause] = inferred
  const last = stays.at(-1)
  if (last?.leftAt !== null) return
  if (joins.length > 0 || seen.length > 0) last.seenAt = at
  if (cause !== undefined) close(last, cause)
}

/** Evidence of presence withdraws an end that was only inferred, and opens a stay where none was known. */
function see({ stays, marks }: Walk, mark: Mark, at: number): void {
  const last = stays.at(-1)
  if (last !== undefined && last.inferred !== null) return reopen(last)
  const isStraggler = last !== undefined && at - (last.leftAt ?? at) <= stragglerMs
  const joinsNow = marks.some((join) => join.kind === 'joined' && join.at > at && join.at - at <= sameJoinMs)
  if (!isStraggler && !joinsNow) stays.push(open(mark))
}

function toMoments(marks: Mark[]): Iterable<Moment> {
  const moments: Moment[] = []
  const ordered = marks.length < 2 ? marks : [...marks].sort((a, b) => a.at - b.at || compareText(a.factId, b.factId))
  for (const mark of ordered) {
    if (mark.kind === 'missed') continue
    let moment = moments.at(-1)
    if (moment?.at !== mark.at) {
      moment = { at: mark.at, joins: [], seen: [], leaves: [], inferred: [] }
      moments.push(moment)
    }
    if (mark.kind === 'joined') moment.joins.push(mark)
    else if (mark.kind === 'seen') moment.seen.push(mark)
    else if (mark.inferred === null) moment.leaves.push(mark)
    else moment.inferred.push(mark)
  }
  return moments
}

function open(mark: Mark): Stay {
  return {
    connectionId: mark.connectionId,
    joinedAt: mark.at,
    leftAt: null,
    reason: null,
    inferred: null,
    seenAt: mark.at,
  }
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

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
