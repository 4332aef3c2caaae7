import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, test } from 'node:test'
import { writeList } from '../../src/api/paging/pieces.ts'
import { countUsage, type UsageCount } from '../../src/api/reports/usage-count.ts'
import { sumUsage } from '../../src/api/reports/usage-sums.ts'
import { readCalendar } from '../../src/api/schedules/calendar-in.ts'
import { readTimesOf } from '../../src/record/session-times.ts'
import { inTurns } from '../../src/runtime/turns.ts'
import type { SessionTimes } from '../../src/store/sessions/times.ts'
import { inEachTurn } from '../support/turns.ts'

// What may be long is done some a turn of the event loop: here by how much is done in each of them.

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
const most = (turns: number[][]) => Math.max(...turns.map(sum))

describe('a list that is large', () => {
  const rows = (count: number, letters: number) => Array.from({ length: count }, (_, n) => `${n}`.padEnd(letters, '.'))
  const write = (items: string[], row: (item: string) => { people?: number; read?: number } = () => ({})) => {
    let made: Awaited<ReturnType<typeof writeList>> | undefined
    const turns = inEachTurn<number>(async (note) => {
      made = await writeList(1, { total: items.length }, { data: items }, (item) => {
        note(item.length)
        return { text: JSON.stringify(item), ...row(item) }
      })
    })
    return turns.then((noted) => ({ turns: noted, made: made ?? assert.fail() }))
  }

  test('is made so many letters a turn, and in pieces, and is what it would be in one', async () => {
    const items = rows(300, 20_000)
    const { turns, made } = await write(items)
    assert.ok(most(turns) < 160_000, `${most(turns)} letters were made in one turn`)
    assert.ok(Math.max(...made.pieces.map(({ length }) => length)) < 160_000)
    const text = Buffer.concat(made.pieces).toString()
    assert.equal(text, JSON.stringify({ total: 300, data: items }))
    assert.equal(made.etag(), `"${hash('sha256', text, 'base64url').slice(0, 27)}"`)
  })

  test('is made at once, and in one piece, where it is small', async () => {
    for (const items of [[], rows(20, 50)]) {
      const { turns, made } = await write(items)
      assert.equal(turns.length, 1)
      const text = JSON.stringify({ total: items.length, data: items })
      assert.deepEqual(made.pieces, [Buffer.from(text)])
      assert.equal(made.etag(), `"${hash('sha256', text, 'base64url').slice(0, 27)}"`)
    }
  })

  test('waits too for what was read for it, and for people who were folded for it', async () => {
    const read = await write(rows(40, 10), () => ({ read: 60_000 }))
    assert.ok(most(read.turns) <= 30, 'three of 60,000 letters in one turn')
    const folded = await write(rows(40, 10), () => ({ people: 40 }))
    assert.ok(most(folded.turns) <= 30, 'three of 40 people in one turn')
    assert.equal(folded.made.pieces.length, 1)
  })
})

describe('sessions that are sealed', () => {
  const people = 90
  const participants = Array.from({ length: people }, (_, n) => ({
    ...{ participantId: `p${n}`, name: '', kind: 'person' },
    timelog: [{ start: '2026-01-15T09:00:00.000Z', end: '2026-01-15T10:00:00.000Z' }],
  }))
  const ids = Array.from({ length: 120 }, (_, n) => `s${n}`)
  const head = JSON.stringify({ participants }).slice(0, -1)

  test('tell who was inside in some hundred people a turn, and are read twenty at a time, one part ahead', async () => {
    const asked: number[] = []
    const told: string[] = []
    let ahead = 0
    const reads = {
      sessions: {
        async listSealedHeads(_: number, some: string[]) {
          asked.push(some.length)
          ahead = Math.max(ahead, asked.length * 20 - told.length)
          return some.map((id) => ({ id, roomId: 'r', customRoomId: null, startAt: 0, endAt: 1, head }))
        },
        // biome-ignore lint/correctness/useYield: there are none of them
        async *times() {
          assert.fail('all of them are sealed')
        },
      },
    }
    const turns = await inEachTurn<number>(async (note) => {
      for await (const session of readTimesOf(reads, 1, ids)) {
        told.push(session.id)
        note(session.people.length)
      }
    })
    assert.deepEqual(told, ids)
    assert.ok(most(turns) < 600, `${most(turns)} people in one turn`)
    assert.deepEqual(asked, [20, 20, 20, 20, 20, 20])
    assert.equal(ahead, 40)
  })
})

describe('usage by participant', () => {
  const people = 20_000
  const session: SessionTimes = {
    ...{ id: 's', roomId: 'r', customRoomId: null, startAt: 0, endAt: 10_000_000 },
    people: Array.from({ length: people }, (_, n) => ({
      ...{ participantId: `p${n}`, name: '', kind: 'person' as const },
      times: [{ from: 0, to: 60_000 * ((n * 7919) % 1000) }],
    })),
  }
  const count = (): UsageCount => {
    const usage = countUsage('participant', { from: 0, to: 100_000_000 }, { now: 0, kinds: undefined, timeZone: 'UTC' })
    usage.add(session)
    return usage
  }

  test('is finished and put in order some rows a turn, and those that are alike by their ids', async () => {
    let slices = 0
    const turns = await inEachTurn<number>(async (note) => {
      const rows = (function* () {
        const all = count().finish()
        for (;;) {
          note(1)
          slices += 1
          const { done, value } = all.next()
          if (done) return value
          yield
        }
      })()
      const { data } = await inTurns(1, rows)
      const order = session.people
        .map(({ participantId, times: [time] }) => ({ participantId, minutes: (time?.to ?? 0) / 60_000 }))
        .sort((a, b) => b.minutes - a.minutes || (a.participantId < b.participantId ? -1 : 1))
      assert.deepEqual(
        data.map(({ participantId }) => participantId),
        order.map(({ participantId }) => participantId),
      )
    })
    assert.equal(most(turns), 1)
    // Each 500 rows once finished, once put in order, and merged as often as there are twice as many together.
    assert.ok(slices >= people / 500 + people / 500 + people / 5000, `${slices} slices`)
  })
})

test('usage by hour of a long time, of many people, is finished some rows and some people at a time', () => {
  const hours = 8000
  const span = { from: 0, to: hours * 3_600_000 }
  const sums = sumUsage('hour', span, { now: 0, kinds: undefined, timeZone: 'UTC' })
  const people = Array.from({ length: 5000 }, (_, n) => ({
    ...{ participantId: `p${n}`, name: '', kind: 'person' as const },
    times: [{ from: n, to: n + 1 }],
  }))
  sums.add({ id: 's', roomId: 'r', customRoomId: null, startAt: 0, endAt: 10_000, people })
  const slices = sums.finish()
  let count = 1
  let last = slices.next()
  for (; !last.done; last = slices.next()) count += 1
  assert.equal(last.value.data.length, hours)
  assert.equal(last.value.total.uniqueParticipants, people.length)
  // 500 rows each, and a sixteenth of the people.
  assert.ok(count > hours / 500 + 16, `${count} slices`)
})

describe('an iCalendar file that is large', () => {
  const events = 1000
  const file = `BEGIN:VCALENDAR
${Array.from(
  { length: events },
  (_, n) => `BEGIN:VEVENT
UID:e${n}
SUMMARY:Lesson ${n}
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260105T094500
END:VEVENT
`,
).join('')}END:VCALENDAR
`

  test('is read a hundred lines a turn, and then twenty events a turn; others are read after it', async () => {
    let read: string[][] = []
    const turns = await inEachTurn(async () => {
      const calendars = await Promise.all([readCalendar(file, 1), readCalendar(file, 2)])
      read = calendars.map(({ events }) => events.map(({ schedule }) => schedule.name))
    })
    const names = Array.from({ length: events }, (_, n) => `Lesson ${n}`)
    assert.deepEqual(read, [names, names])
    const each = (6 * events) / 100 + events / 20
    assert.ok(turns.length >= 2 * each - events / 20, `two were read in ${turns.length} turns`)
  })

  test('is read but for what is wrong in it, and whoever waited for it is read', async () => {
    const twice = file.replace('SUMMARY:Lesson 0', 'DTSTART:20260105T090000Z')
    const [wrong, right] = await Promise.all([readCalendar(twice, 1), readCalendar(file, 2)])
    assert.deepEqual(
      [wrong, right].map(({ events, left }) => [events.length, left.map(({ uid, reason }) => `${uid}: ${reason}`)]),
      [
        [events - 1, ['e0: it has DTSTART twice']],
        [events, []],
      ],
    )
  })
})
