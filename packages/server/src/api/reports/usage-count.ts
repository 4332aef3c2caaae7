import { type ParticipantKind, toIso, type Usage, type UsageRow, type UsageTotal } from '@rollcall/protocol'
import { createMoves } from '../../ledger/presence.ts'
import { stepsOf } from '../../runtime/calendar/calendar.ts'
import type { SessionTimes } from '../../store/sessions/times.ts'
import type { Span } from './spans.ts'

export type GroupBy = Usage['groupBy']

const hourMs = 3600 * 1000
const dayMs = 24 * hourMs

/** Rows that are finished, or put in order, in one turn of the loop. */
const rowsTogether = 500

/** At most so many days or hours are in a period, or one or two less. */
export function countSteps({ from, to }: Span, groupBy: 'day' | 'hour'): number {
  const step = groupBy === 'day' ? dayMs : hourMs
  return Math.ceil(to / step) - Math.floor(from / step)
}

/** Where the days, as a time zone has them, or the hours of a period begin, in order; the first may lie before it. */
export function startsOf({ from, to }: Span, groupBy: GroupBy, timeZone: string): number[] {
  if (groupBy === 'day') return [...stepsOf(from, to, timeZone, 'day')].map((step) => step.from)
  if (groupBy !== 'hour') return []
  const first = Math.floor(from / hourMs)
  return Array.from({ length: countSteps({ from, to }, 'hour') }, (_, i) => (first + i) * hourMs)
}

export type UsageCount = {
  add(session: SessionTimes): void
  /** It yields now and then, so that others have their turn: there may be as many rows as people. */
  finish(): Generator<void, Pick<Usage, 'total' | 'data'>, void>
}

/** `kinds`: participants of these count, undefined: all. `timeZone`: whose days are meant. `now`: epoch milliseconds. */
export type Counted = { now: number; kinds: ParticipantKind[] | undefined; timeZone: string }

/** Counts the usage of a period, session after session: of a session, people may be added a page at a time. */
export function countUsage(groupBy: GroupBy, { from, to }: Span, { now, kinds, timeZone }: Counted): UsageCount {
  const total = createTally()
  const groups = new Map<string | number, { names: Partial<UsageRow>; tally: Tally }>()
  const starts = startsOf({ from, to }, groupBy, timeZone)

  const tallyOf = (key: string | number, names: Partial<UsageRow>): Tally => {
    const known = groups.get(key)
    if (known !== undefined) {
      Object.assign(known.names, names)
      return known.tally
    }
    const tally = createTally()
    groups.set(key, { names, tally })
    return tally
  }
  const partsOf = (span: Span) => {
    const parts: { at: number; span: Span }[] = []
    // A moment of no length lies in one step too.
    for (let n = lastUpTo(starts, span.from); n < starts.length; n++) {
      const at = starts[n] ?? 0
      if (parts.length > 0 && at >= span.to) break
      const next = starts[n + 1] ?? Number.POSITIVE_INFINITY
      parts.push({ at, span: { from: Math.max(span.from, at), to: Math.min(span.to, next) } })
    }
    return parts
  }
  const tallyOfStep = (at: number): Tally => groups.get(at)?.tally ?? tallyOf(at, { start: toIso(at) })
  for (const at of starts) tallyOfStep(at)

  const clip = (span: Span): Span | undefined => {
    const clipped = { from: Math.max(span.from, from), to: Math.min(span.to, to) }
    const reaches = span.from < to && (span.to > from || (span.from === span.to && span.from >= from))
    return reaches ? clipped : undefined
  }

  return {
    add({ id, roomId, customRoomId, startAt, endAt, people }) {
      const life = clip({ from: startAt, to: endAt ?? Math.max(now, startAt) })
      if (life === undefined) return
      total.addSession(id)
      for (const { at } of partsOf(life)) tallyOfStep(at).addSession(id)
      const ofRoom = groupBy === 'room' ? tallyOf(roomId, { roomId, customRoomId }) : undefined
      ofRoom?.addSession(id)

      for (const { participantId, name, kind, times } of people) {
        if (kinds !== undefined && !kinds.includes(kind)) continue
        for (const { from, to } of times) {
          const span = clip({ from, to: to ?? Math.max(now, from) })
          if (span === undefined) continue
          total.addStay(participantId, span)
          ofRoom?.addStay(participantId, span)
          for (const part of partsOf(span)) tallyOfStep(part.at).addStay(participantId, part.span)
          if (groupBy === 'participant') {
            const ofPerson = tallyOf(participantId, { participantId, name })
            ofPerson.addSession(id)
            ofPerson.addStay(participantId, span)
          }
        }
      }
    },
    *finish() {
      const rows: UsageRow[] = []
      for (const { names, tally } of groups.values()) {
        if (rows.push({ ...names, ...tally.finish() }) % rowsTogether === 0) yield
      }
      yield
      const data = starts.length > 0 ? rows : yield* sortInSlices(rows)
      return { total: total.finish(), data }
    },
  }
}

/** Those with the most minutes first, and of those that are alike by their ids. */
function compare(a: UsageRow, b: UsageRow): number {
  if (a.participantMinutes !== b.participantMinutes) return b.participantMinutes - a.participantMinutes
  const [idOfA = '', idOfB = ''] = [a.roomId ?? a.participantId, b.roomId ?? b.participantId]
  return idOfA < idOfB ? -1 : Number(idOfA > idOfB)
}

/** Puts rows in order, some at a time. */
export function* sortInSlices(rows: UsageRow[]): Generator<void, UsageRow[], void> {
  let runs: UsageRow[][] = []
  for (let from = 0; from < rows.length; from += rowsTogether) {
    runs.push(rows.slice(from, from + rowsTogether).sort(compare))
    yield
  }
  while (runs.length > 1) {
    const merged: UsageRow[][] = []
    for (let i = 0; i < runs.length; i += 2) merged.push(yield* merge(runs[i] ?? [], runs[i + 1] ?? []))
    runs = merged
  }
  return runs[0] ?? []
}

function* merge(a: UsageRow[], b: UsageRow[]): Generator<void, UsageRow[], void> {
  const merged: UsageRow[] = []
  for (let i = 0, j = 0; merged.length < a.length + b.length; ) {
    const [ofA, ofB] = [a[i], b[j]]
    if (ofA !== undefined && (ofB === undefined || compare(ofA, ofB) <= 0)) {
      merged.push(ofA)
      i += 1
    } else if (ofB !== undefined) {
      merged.push(ofB)
      j += 1
    }
    if (merged.length % (10 * rowsTogether) === 0) yield
  }
  return merged
}

/** The place of the last of these numbers, which are in order, that is not above one; 0 where all are. */
function lastUpTo(numbers: number[], number: number): number {
  let [low, high] = [0, numbers.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0) <= number) low = middle
    else high = middle
  }
  return low
}

type Tally = {
  addSession(id: string): void
  addStay(participantId: string, span: Span): void
  finish(): UsageTotal
}

function createTally(): Tally {
  const people = new Set<string>()
  const moves = createMoves()
  let sessions = 0
  let lastSession = ''
  let insideMs = 0
  return {
    addSession(id) {
      // The parts of one session come one after another.
      if (id !== lastSession) sessions += 1
      lastSession = id
    },
    addStay(participantId, { from, to }) {
      people.add(participantId)
      insideMs += to - from
      moves.add(from, to)
    },
    finish() {
      const { peak } = moves.walk()
      return toTotal(sessions, people.size, insideMs, peak)
    },
  }
}

export function toTotal(sessions: number, people: number, insideMs: number, peak: number): UsageTotal {
  const minutes = Math.round(insideMs / 60) / 1000
  return { sessions, uniqueParticipants: people, participantMinutes: minutes, peakConcurrency: peak }
}
