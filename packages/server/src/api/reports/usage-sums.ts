import { participantKinds, toIso, type Usage, type UsageRow } from '@rollcall/protocol'
import { DayReader, digestPerson } from '../../record/usage/packed-day.ts'
import { type DayRooms, readRooms } from '../../record/usage/packed-rooms.ts'
import type { SessionTimes } from '../../store/sessions/times.ts'
import { type Concurrency, createConcurrency } from './concurrency.ts'
import { createDistinct, createPersonNumbers } from './people-numbers.ts'
import { createRoomSums } from './room-sums.ts'
import type { Span } from './spans.ts'
import { type Counted, type GroupBy, startsOf, toTotal } from './usage-count.ts'
import { createSteps, type Steps } from './usage-steps.ts'

/** Times inside that are added in one turn of the loop. */
const staysTogether = 10_000
/** People who are known by a number at a time, or twice as many as are in what is not settled: such a table lies near the processor. */
const peopleTogether = 2048
/** Rows that are made in one turn of the loop. */
const rowsTogether = 500

export type SummedBy = Exclude<GroupBy, 'participant'>

/**
 * The same sums as `usage-count.ts`, by days, hours or rooms, of sessions that come in order of the day they started in: what is over
 * is summed up as it goes along, so that a year takes no more memory than a day.
 */
export type UsageSums = {
  isByRoom: boolean
  /** Tells that every session to come started then or later. */
  settle(at: number): void
  add(session: SessionTimes): void
  /**
   * The sessions of a day that is packed, after all others of that day; it yields now and then, so that others have their turn.
   * Those from before the period are left out.
   */
  addDay(dayStart: number, packed: string, rooms?: string | null): Generator<void, void, void>
  /** It yields too: there may be as many rows as hours. */
  finish(): Generator<void, Pick<Usage, 'total' | 'data'>, void>
}

export function sumUsage(groupBy: SummedBy, { from, to }: Span, { now, kinds, timeZone }: Counted): UsageSums {
  const starts = Float64Array.from([...startsOf({ from, to }, groupBy, timeZone), Number.POSITIVE_INFINITY])
  const people = createPeople()
  const steps = createSteps(starts, people.count)
  const concurrency = createConcurrency(starts)
  const sessions = new Float64Array(starts.length)
  const total = { sessions: 0, insideMs: 0, lastId: '' }
  let lastDay: DayReader | undefined
  /** Of people, by their numbers in the day; -1 of those who were not met. */
  let numbers = new Int32Array(0)
  /** By room there are no steps, and all are inside from the first to the last. */
  const byRoom = groupBy === 'room' ? createRoomSums() : undefined
  const isCounted = participantKinds.map((kind) => kinds === undefined || kinds.includes(kind))

  const reaches = (start: number, end: number) => start < to && (end > from || (start === end && start >= from))
  const addSession = (startAt: number, endAt: number): boolean => {
    if (!reaches(startAt, endAt)) return false
    total.sessions += 1
    const until = Math.min(endAt, to)
    let step = steps.at(Math.max(startAt, from))
    do sessions[step] = (sessions[step] ?? 0) + 1
    while ((starts[++step] ?? Number.POSITIVE_INFINITY) < until)
    return true
  }
  const addStay = (person: number, start: number, end: number) => {
    const since = Math.max(start, from)
    const until = Math.min(end, to)
    total.insideMs += until - since
    if (byRoom === undefined) return concurrency.add(since, until, steps.addStay(person, since, until))
    byRoom.addStay(people.highOf(person), people.lowOf(person), since, until)
    concurrency.add(since, until, 0)
  }
  /** Adds some of a day; gives false at its end. */
  const addSome = (day: DayReader, dayStart: number, ofDay: DayRooms): boolean => {
    for (let stays = 0; stays < staysTogether; ) {
      if (!day.nextSession()) return false
      stays += day.stays
      const room = ofDay.next()
      if (dayStart + day.startAt < from || !addSession(dayStart + day.startAt, dayStart + day.endAt)) continue
      byRoom?.enterNth(room)
      while (day.nextStay()) {
        if (!isCounted[day.kindPlace]) continue
        const start = dayStart + day.from
        const end = dayStart + day.to
        if (!reaches(start, end)) continue
        let person = numbers[day.person] ?? -1
        if (person === -1) {
          person = people.numberOf(day.highOf(day.person), day.lowOf(day.person))
          numbers[day.person] = person
        }
        addStay(person, start, end)
      }
    }
    return true
  }
  const settle = (at: number) => {
    for (const part of [concurrency, steps, byRoom]) part?.settle(at)
    if (people.forget(steps)) numbers.fill(-1)
  }

  return {
    isByRoom: byRoom !== undefined,
    settle,
    add({ id, roomId, startAt, endAt, people: inside }) {
      const end = endAt ?? Math.max(now, startAt)
      // The parts of one session come one after another.
      if (id === total.lastId ? !reaches(startAt, end) : !addSession(startAt, end)) return
      if (id !== total.lastId) byRoom?.enter(roomId)
      total.lastId = id
      for (const { participantId, kind, times } of inside) {
        if (kinds !== undefined && !kinds.includes(kind)) continue
        const spans = times.map((time) => ({ from: time.from, to: time.to ?? Math.max(now, time.from) }))
        const within = spans.filter((span) => reaches(span.from, span.to))
        if (within.length === 0) continue
        const { high, low } = digestPerson(participantId)
        const person = people.numberOf(high, low)
        for (const span of within) addStay(person, span.from, span.to)
      }
    },
    *addDay(dayStart, packed, rooms) {
      const ofDay = rooms ? readRooms(rooms) : noRooms
      byRoom?.setDay(ofDay.ids)
      const day = new DayReader(packed, lastDay)
      lastDay = day
      if (numbers.length < day.people) numbers = new Int32Array(2 * day.people)
      numbers.fill(-1)
      while (addSome(day, dayStart, ofDay)) {
        settle(dayStart + day.startAt)
        yield
      }
    },
    *finish() {
      settle(Number.POSITIVE_INFINITY)
      yield
      const data =
        byRoom === undefined ? yield* toRows({ starts, sessions, steps, concurrency }) : yield* byRoom.finish()
      const different = yield* people.countAll()
      return { total: toTotal(total.sessions, different, total.insideMs, concurrency.peak()), data }
    },
  }
}

const noRooms: DayRooms = { ids: [], next: () => 0 }

/** A row of each day or hour. */
function* toRows(of: { starts: Float64Array; sessions: Float64Array; steps: Steps; concurrency: Concurrency }) {
  const { starts, sessions, steps, concurrency } = of
  const data: UsageRow[] = []
  for (const [step, at] of starts.subarray(0, -1).entries()) {
    const inside = [steps.unique[step] ?? 0, steps.insideMs[step] ?? 0, concurrency.peaks[step] ?? 0] as const
    data.push({ start: toIso(at), ...toTotal(sessions[step] ?? 0, ...inside) })
    if (data.length % rowsTogether === 0) yield
  }
  return data
}

/** Numbers people for as long as something that is not settled knows them, and counts all that there ever were. */
function createPeople() {
  const all = createDistinct()
  let known = createPersonNumbers(all.add)
  let before = createPersonNumbers(all.add)
  let numbers = new Int32Array(0)
  let most = peopleTogether
  return {
    count: () => known.count(),
    numberOf: (high: number, low: number) => known.numberOf(high, low),
    highOf: (person: number) => known.highOf(person),
    lowOf: (person: number) => known.lowOf(person),
    countAll: () => all.count(),
    /** Forgets those who are in nothing that is not settled, where there are many; the others have new numbers then. */
    forget(steps: Steps): boolean {
      if (known.count() < most) return false
      ;[known, before] = [before, known]
      known.clear()
      if (numbers.length < before.count()) numbers = new Int32Array(2 * before.count())
      numbers.fill(-1)
      steps.renumber((person) => {
        const number = numbers[person] ?? -1
        if (number !== -1) return number
        const next = known.numberOf(before.highOf(person), before.lowOf(person))
        numbers[person] = next
        return next
      })
      most = Math.max(peopleTogether, 2 * known.count())
      return true
    },
  }
}
