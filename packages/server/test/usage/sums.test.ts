import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ParticipantKind, participantKinds, type Usage } from '@rollcall/protocol'
import fc from 'fast-check'
import { createRandom } from '../../../../chaos/random.ts'
import { countUsage, type UsageCount } from '../../src/api/reports/usage-count.ts'
import { sumUsage, type UsageSums } from '../../src/api/reports/usage-sums.ts'
import { createDayPacker, DayReader } from '../../src/record/usage/packed-day.ts'
import type { SessionTimes } from '../../src/store/sessions/times.ts'
import { startOfDay } from '../../src/store/usage.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Two days before the clocks change in Berlin, and a week before they do in Lord Howe. */
const start = Date.UTC(2026, 2, 27)
const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Apia', 'Australia/Lord_Howe']

/** Mostly whole hours and quarters, where much of it meets; sometimes any moment. */
const moment = fc.oneof(
  fc.integer({ min: 0, max: 5 * 24 }).map((hour) => start + hour * hourMs),
  fc.integer({ min: 0, max: 5 * 24 * 4 }).map((quarter) => start + (quarter * hourMs) / 4),
  fc.integer({ min: 0, max: 5 * dayMs }).map((ms) => start + ms),
)
const length = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 60 }).map((hours) => hours * hourMs),
  fc.integer({ min: 0, max: 2 * dayMs }),
)
const stay = fc.record({
  after: length,
  lasts: length,
  who: fc.integer({ min: 0, max: 5 }),
  kind: fc.constantFrom<ParticipantKind>(...participantKinds),
})
const session = fc
  .record({ startAt: moment, stays: fc.array(stay, { maxLength: 6 }), more: length, isSealed: fc.boolean() })
  .map(({ startAt, stays, more, isSealed }) => {
    const people = [...Map.groupBy(stays, ({ who }) => who)].map(([who, times]) => ({
      participantId: `p${who}`,
      name: '',
      kind: times[0]?.kind ?? 'person',
      times: times.map(({ after, lasts }) => ({ from: startAt + after, to: startAt + after + lasts })),
    }))
    const ends = people.flatMap(({ times }) => times.map(({ to }) => to))
    return { startAt, endAt: Math.max(startAt, ...ends) + more, people, isSealed }
  })
const history = fc
  .array(session, { maxLength: 12 })
  .map((sessions) =>
    sessions
      .toSorted((a, b) => a.startAt - b.startAt)
      .map((one, n) => ({ ...one, id: `s${String(n).padStart(2, '0')}`, roomId: `room ${n % 3}`, customRoomId: null })),
  )
const asked = fc.record({
  from: moment,
  lasts: length.map((ms) => ms + 1),
  groupBy: fc.constantFrom<('day' | 'hour' | 'room')[]>('day', 'hour', 'room'),
  timeZone: fc.constantFrom(...zones),
  kinds: fc.option(fc.subarray([...participantKinds]), { nil: undefined }),
})

/** What comes of it, whose slices take their turns where it is asked for. */
function finish(count: UsageCount | UsageSums): Pick<Usage, 'total' | 'data'> {
  const slices = count.finish()
  for (;;) {
    const { done, value } = slices.next()
    if (done) return value
  }
}

type Sealable = SessionTimes & { isSealed: boolean }

function pack(day: number, sessions: Sealable[]) {
  const packer = createDayPacker(day)
  for (const one of sessions) {
    // A large one comes in parts.
    for (const person of one.people.length === 0 ? [undefined] : one.people)
      packer.add({ ...one, people: person === undefined ? [] : [person] })
  }
  return packer.finish()
}

/** Sums them up as is done where the days of the sealed ones are packed. */
function sumPacked(sessions: Sealable[], sums: UsageSums, from: number) {
  for (const one of sessions) if (one.startAt < from && (one.endAt ?? from) >= from) sums.add(one)
  for (const [day, ofDay] of Map.groupBy(sessions, ({ startAt }) => startOfDay(startAt))) {
    if (day + dayMs <= from) continue
    sums.settle(day)
    for (const one of ofDay) if (!one.isSealed && one.startAt >= from) sums.add(one)
    const sealed = ofDay.filter(({ isSealed }) => isSealed)
    const { packed, rooms } = pack(day, sealed)
    for (const _ of sums.addDay(day, packed, rooms));
  }
  return finish(sums)
}

describe('what usage sums up', () => {
  test('is the same of packed days as session after session, whichever time is asked for and by whose clocks, and by room', () => {
    fc.assert(
      fc.property(history, asked, (sessions, { from, lasts, groupBy, timeZone, kinds }) => {
        const span = { from, to: from + lasts }
        const counted = { now: start + 10 * dayMs, kinds, timeZone }
        const count = countUsage(groupBy, span, counted)
        for (const one of sessions) count.add(one)

        assert.deepEqual(sumPacked(sessions, sumUsage(groupBy, span, counted), from), finish(count))
      }),
      { numRuns: 3000 },
    )
  })

  test('is the same of days with thousands of people, many of whom come again, and some stay for days', () => {
    const random = createRandom(7)
    const sessions: Sealable[] = Array.from({ length: 5000 }, (_, n) => {
      // More of them than are summed up in one turn start in the first day.
      const startAt = start + Math.floor((n / 5000) ** 3 * 5 * dayMs)
      const isLarge = random.chance(0.002)
      const people = Array.from({ length: isLarge ? 1500 : 1 + random.below(6) }, () => {
        const from = startAt + random.below(hourMs)
        const lasts = random.chance(0.02) ? random.below(3 * dayMs) : random.pick([0, hourMs, random.below(hourMs)])
        const participantId = `p${random.below(random.pick([100, 20_000]))}`
        return { participantId, name: '', kind: random.pick(participantKinds), times: [{ from, to: from + lasts }] }
      })
      const endAt = Math.max(...people.flatMap(({ times }) => times.map(({ to }) => to)))
      const id = `s${String(n).padStart(4, '0')}`
      const roomId = `r${random.below(random.pick([3, 400]))}`
      return { id, roomId, customRoomId: null, startAt, endAt, people, isSealed: random.chance(0.95) }
    })
    for (const groupBy of ['day', 'hour', 'room'] as const) {
      for (const timeZone of ['UTC', 'Asia/Kathmandu']) {
        const span = { from: start + dayMs / 3, to: start + 6 * dayMs }
        const counted = { now: start + 10 * dayMs, kinds: random.pick([undefined, ['person' as const]]), timeZone }
        const count = countUsage(groupBy, span, counted)
        for (const one of sessions) count.add(one)
        assert.deepEqual(sumPacked(sessions, sumUsage(groupBy, span, counted), span.from), finish(count))
      }
    }
  })

  test('knows people apart by their ids, however many there are', () => {
    const people = Array.from({ length: 150_000 }, (_, n) => ({
      participantId: `p${n % 75_000}-${n % 2}`,
      name: '',
      kind: 'person' as const,
      times: [{ from: start + n, to: start + n + 1 }],
    }))
    const ids = new Set(people.map(({ participantId }) => participantId))
    const sums = sumUsage('day', { from: start, to: start + dayMs }, { now: start, kinds: undefined, timeZone: 'UTC' })
    sums.add({ id: 's', roomId: 'r', customRoomId: null, startAt: start, endAt: start + dayMs, people })
    assert.equal(finish(sums).total.uniqueParticipants, ids.size)
  })
})

test('a packed day reads as what it was packed of', () => {
  fc.assert(
    fc.property(history, (sessions) => {
      const { packed, sessions: count } = pack(start, sessions)
      const day = new DayReader(packed)
      const read = []
      const people = new Set(
        sessions.flatMap((one) => one.people.flatMap((who) => (who.times.length > 0 ? who.participantId : []))),
      )
      assert.equal(day.people, people.size)
      while (day.nextSession()) {
        const stays = []
        while (day.nextStay())
          stays.push([day.person, participantKinds[day.kindPlace], start + day.from, start + day.to])
        read.push([start + day.startAt, start + day.endAt, stays])
      }
      const numbers = new Map([...people].map((id, n) => [id, n]))
      const written = sessions.map(({ startAt, endAt, people: inside }) => [
        startAt,
        endAt,
        inside.flatMap(({ participantId, kind, times }) =>
          times.map(({ from, to }) => [numbers.get(participantId), kind, from, to]),
        ),
      ])
      assert.deepEqual(read, written)
      assert.equal(count, sessions.length)
    }),
    { numRuns: 500 },
  )
})
