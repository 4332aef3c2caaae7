import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type {
  ImportedSchedules,
  ListedSchedule,
  OccurrenceAttendance,
  Schedule,
  ScheduleAttendance,
  SchedulePage,
} from '@rollcall/protocol'
import { occurrencesOf, parseRule } from '../../src/runtime/calendar/recurrence.ts'
import { makeRoom } from '../support/api-calls.ts'
import { recordSession } from '../support/record-session.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const at = (time: string) => Date.parse(`${time}Z`)
const clock = { now: () => at('2026-04-10T12:00') }

let server: TestServer
let math: string
let art: string
before(async () => {
  server = await startServer({}, { clock })
  math = (await makeRoom(server, { customRoomId: 'math' })).roomId
  art = (await makeRoom(server)).roomId
})
after(() => server.stop())

const weekly = {
  name: 'Algebra',
  roomIds: ['math'],
  start: '2026-03-23T09:00',
  durationMinutes: 45,
  timeZone: 'Europe/Berlin',
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await server.call<T>(method, path, body)
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

async function refuse(body: object): Promise<string> {
  const answer = await server.call('POST', '/v2/schedules', { ...weekly, ...body })
  assert.equal(answer.status, 400, answer.text)
  return String(answer.body.error)
}

describe('schedules', () => {
  test('are made, read, listed by room, changed and deleted; who is expected stays where nobody is named', async () => {
    const roster = [{ participantId: 'zoe', name: 'Zoë' }, { participantId: 'anna@web' }, { participantId: 'zoe' }]
    const rrule = 'RRULE:FREQ=WEEKLY;byday=MO,WE;COUNT=30'
    const made = await call<Schedule>('POST', '/v2/schedules', {
      ...{ ...weekly, rrule, roster, roomIds: ['math', art, math] },
      exdates: ['2026-04-06', '2026-04-01'],
    })
    const { id, createdAt, updatedAt, uid, ...said } = made
    assert.deepEqual(said, {
      name: 'Algebra',
      roomIds: [math, art].sort(),
      ...{ start: '2026-03-23T09:00:00', end: '2026-03-23T09:45:00', durationMinutes: 45, timeZone: 'Europe/Berlin' },
      ...{ rrule: 'FREQ=WEEKLY;COUNT=30;BYDAY=MO,WE', exdates: ['2026-04-01', '2026-04-06'] },
      ...{ graceMinutes: 5, expected: 2 },
      roster: [
        { participantId: 'anna@web', name: '' },
        { participantId: 'zoe', name: 'Zoë' },
      ],
    })
    assert.equal(uid, `${id}@rollcall`)
    assert.deepEqual([createdAt, updatedAt], ['2026-04-10T12:00:00.000Z', '2026-04-10T12:00:00.000Z'])
    assert.deepEqual(await call('GET', `/v2/schedules/${id}`), made)

    const once = { ...weekly, name: 'Once', durationMinutes: undefined, end: '2026-03-23T10:30' }
    const other = await call<Schedule>('POST', '/v2/schedules', { ...once, roomIds: [art] })
    assert.deepEqual([other.durationMinutes, other.rrule, other.exdates, other.expected], [90, '', [], 0])
    const names = async (query: string) =>
      (await call<SchedulePage>('GET', `/v2/schedules${query}`)).data.map(({ name }: ListedSchedule) => name)
    assert.deepEqual((await names('')).sort(), ['Algebra', 'Once'])
    assert.deepEqual(await names('?roomId=math'), ['Algebra'])
    assert.equal((await call<SchedulePage>('GET', `/v2/schedules?roomId=${art}&perPage=1`)).pageInfo.lastPage, 2)

    const changed = await call<Schedule>('PUT', `/v2/schedules/${id}`, { ...weekly, name: 'Analysis', graceMinutes: 0 })
    assert.deepEqual([changed.name, changed.rrule, changed.graceMinutes], ['Analysis', '', 0])
    assert.deepEqual([changed.roomIds, changed.roster, changed.uid], [[math], made.roster, uid])
    const emptied = await call<Schedule>('PUT', `/v2/schedules/${id}`, { ...weekly, roster: [] })
    assert.deepEqual(emptied.roster, [])

    assert.deepEqual(await call('DELETE', `/v2/schedules/${id}`), emptied)
    const gone = await server.call('GET', `/v2/schedules/${id}`)
    assert.deepEqual([gone.status, gone.body.code], [404, 'SCHEDULE_NOT_FOUND'])
    await call('DELETE', `/v2/schedules/${other.id}`)
  })

  test('are refused where they cannot be, with what is wrong', async () => {
    const wrong: [object, RegExp][] = [
      [{ color: 'red' }, /^color is not known: this takes name, roomIds, start/],
      [{ start: '2026-02-30T09:00' }, /^start=2026-02-30T09:00 is not understood: it takes a time that there is/],
      [{ start: '2026-03-23T09:00Z' }, /^start=.* it takes a local time such as 2026-10-05T09:00, without a zone/],
      [{ timeZone: 'Team Berlin' }, /^timeZone=Team Berlin is not understood: it takes an IANA time zone/],
      [{ durationMinutes: undefined }, /^The body takes an end or durationMinutes, one of the two/],
      [{ durationMinutes: 0 }, /^durationMinutes=0 is not understood/],
      [{ durationMinutes: undefined, end: '2026-03-23T08:00' }, /^end=.* it takes a time from 1 to 1440 whole minutes/],
      [
        { rrule: 'FREQ=HOURLY' },
        /^rrule=FREQ=HOURLY is not understood: FREQ=HOURLY is not understood; it takes an RFC/,
      ],
      [{ rrule: 'FREQ=DAILY;BYHOUR=9' }, /BYHOUR is not taken/],
      [{ rrule: 'FREQ=DAILY;COUNT=2;UNTIL=20260401' }, /it has COUNT and UNTIL/],
      [{ rrule: 'FREQ=DAILY;FREQ=DAILY' }, /FREQ is there twice/],
      [{ rrule: 'BYDAY=MO' }, /FREQ is missing/],
      [{ rrule: 'FREQ=DAILY;UNTIL=20260431' }, /UNTIL=20260431 is no time/],
      [{ rrule: 'FREQ=WEEKLY;BYDAY=TU' }, /^start=2026-03-23T09:00:00 .* it takes a time at which FREQ=WEEKLY/],
      [{ rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30' }, /^start=.* it takes a time at which FREQ=YEARLY/],
      [{ rrule: 'FREQ=YEARLY;COUNT=30' }, /^rrule=.* it takes a COUNT that is reached within 10 years/],
      [{ exdates: ['2026-02-30'] }, /^exdates=2026-02-30 is not understood: it takes a time that there is/],
      [{ roster: [{ participantId: 'a\u0007' }] }, /^participantId=.* a text without control characters/],
      [{ roster: [{ participantId: 'a', age: 7 }] }, /^roster.*not understood.* it takes a/],
      [{ roomIds: [] }, /^roomIds=\[\] is not understood: it takes a list of 1 to 50/],
    ]
    for (const [body, message] of wrong) assert.match(await refuse(body), message, JSON.stringify(body))
    const unknown = await server.call('POST', '/v2/schedules', { ...weekly, roomIds: ['no such room'] })
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'ROOM_NOT_FOUND'])
  })

  test('expect nobody who was erased, also where they never came', async () => {
    const roster = [{ participantId: 'zoe', name: 'Zoë' }, { participantId: 'bob' }]
    const { id } = await call<Schedule>('POST', '/v2/schedules', { ...weekly, roster })
    const receipt = await call<{ rosters: number }>('DELETE', '/v2/participants/zoe')
    assert.equal(receipt.rosters, 1)
    const { roster: left } = await call<Schedule>('GET', `/v2/schedules/${id}`)
    assert.deepEqual(left, [{ participantId: 'bob', name: '' }])
    await call('DELETE', `/v2/schedules/${id}`)
  })
})

describe('who was there', () => {
  let id: string
  let keyId: number
  const roster = ['ann', 'bob', 'cem', 'dee', 'eve', 'staff-17'].map((participantId) => ({
    participantId,
    name: participantId.toUpperCase(),
  }))
  before(async () => {
    keyId = (await server.context.reads.keys.find(server.apiKey))?.keyId ?? 0
    const other = (await makeRoom(server, { customRoomId: 'math online' })).roomId
    const made = await call<Schedule>('POST', '/v2/schedules', {
      ...{ ...weekly, name: 'Algebra', roomIds: ['math', other], start: '2026-03-23T09:00', durationMinutes: 60 },
      ...{ rrule: 'FREQ=WEEKLY', exdates: ['2026-04-06'], roster },
    })
    id = made.id
    // On 23 March nine in Berlin is 08:00 UTC, on the 30th 07:00.
    await recordSession(server, {
      roomId: math,
      ...{ startAt: at('2026-03-23T07:50'), endAt: at('2026-03-23T09:10') },
      stays: [
        { participantId: 'ann', joinedAt: at('2026-03-23T07:50'), leftAt: at('2026-03-23T09:10') },
        { participantId: 'bob', joinedAt: at('2026-03-23T08:12'), leftAt: at('2026-03-23T09:00') },
        { participantId: 'cem', joinedAt: at('2026-03-23T08:04'), leftAt: at('2026-03-23T08:20') },
        { participantId: 'cem', joinedAt: at('2026-03-23T08:30'), leftAt: at('2026-03-23T08:40') },
        { participantId: 'eve', joinedAt: at('2026-03-23T07:51'), leftAt: at('2026-03-23T07:59') },
        { participantId: 'staff@web', name: 'Sam', joinedAt: at('2026-03-23T08:00'), leftAt: at('2026-03-23T08:31') },
        { participantId: 'guest', name: 'Guest', joinedAt: at('2026-03-23T08:30'), leftAt: at('2026-03-23T09:10') },
        { participantId: 'notes', kind: 'bot', joinedAt: at('2026-03-23T08:00'), leftAt: at('2026-03-23T09:10') },
      ],
    })
    // In the other room, at the same time.
    await recordSession(server, {
      roomId: other,
      ...{ startAt: at('2026-03-23T08:30'), endAt: at('2026-03-23T09:05') },
      stays: [
        { participantId: 'staff@phone', joinedAt: at('2026-03-23T08:30'), leftAt: at('2026-03-23T09:00') },
        { participantId: 'dee', joinedAt: at('2026-03-23T08:45'), leftAt: at('2026-03-23T08:50') },
      ],
    })
    await recordSession(server, {
      roomId: math,
      ...{ startAt: at('2026-03-30T07:00'), endAt: at('2026-03-30T08:00') },
      stays: [{ participantId: 'ann', joinedAt: at('2026-03-30T07:05'), leftAt: at('2026-03-30T07:55') }],
    })
    while ((await server.context.writes.people.gather({ keyId })) > 0);
    await call('PUT', '/v2/people/staff-17', { participantIds: ['staff@web', 'staff@phone'] })
  })
  after(() => call('DELETE', `/v2/schedules/${id}`))

  const grid = (query = '') => call<ScheduleAttendance>('GET', `/v2/schedules/${id}/attendance${query}`)
  type Shown = { [participantId: string]: string[] }
  const show = ({ people }: ScheduleAttendance): Shown =>
    Object.fromEntries(
      people.map(({ participantId, occurrences }) => [
        participantId,
        occurrences.map(({ status, lateSeconds, leftEarlySeconds, presentOfScheduled, presentOfActual }) =>
          [status, lateSeconds / 60, leftEarlySeconds / 60, presentOfScheduled, presentOfActual].join(' '),
        ),
      ]),
    )

  test('is on time, late, early to leave or absent by the grace, and present for so much of the time; ids that are one person are one', async () => {
    const { occurrences, people, ...about } = await grid()
    assert.deepEqual(about, { scheduleId: id, name: 'Algebra', timeZone: 'Europe/Berlin', graceMinutes: 5 })
    assert.deepEqual(
      occurrences.map(({ start, localStart, actualStart, actualEnd, actualSeconds, present, late, absent }) => [
        ...[start, localStart, actualStart, actualEnd, actualSeconds / 60, present, late, absent],
      ]),
      [
        [
          ...['2026-03-23T08:00:00.000Z', '2026-03-23T09:00:00+01:00'],
          ...['2026-03-23T07:50:00.000Z', '2026-03-23T09:10:00.000Z', 80, 5, 2, 1],
        ],
        [
          ...['2026-03-30T07:00:00.000Z', '2026-03-30T09:00:00+02:00'],
          ...['2026-03-30T07:00:00.000Z', '2026-03-30T08:00:00.000Z', 60, 1, 0, 5],
        ],
      ],
    )
    assert.deepEqual(
      occurrences.map(({ sessionIds }) => sessionIds.length),
      [2, 1],
    )
    const absent = 'absent 0 0 0 0'
    assert.deepEqual(show({ ...about, occurrences, people }), {
      ann: ['on-time 0 0 100 100', 'on-time 5 5 83.3 83.3'],
      bob: ['late 12 0 80 60', absent],
      cem: ['left-early 4 20 43.3 32.5', absent],
      dee: ['late-and-left-early 45 10 8.3 6.3', absent],
      eve: [absent, absent],
      'staff-17': ['on-time 0 0 100 75', absent],
      guest: ['late 30 0 50 50', absent],
    })
    const [ann, bob] = people
    assert.deepEqual(
      [ann?.name, ann?.expected, ann?.onTime, ann?.absent, ann?.presentSeconds, ann?.presentOfScheduled],
      ['ANN', true, 2, 0, 110 * 60, 91.7],
    )
    assert.deepEqual([bob?.late, bob?.leftEarly, bob?.absent, bob?.presentOfScheduled], [1, 0, 1, 40])
    assert.equal(people.at(-1)?.expected, false)
  })

  test('has those alone who are expected, of these kinds, or occurrences of a time, where that is asked', async () => {
    const ids = async (query: string) => (await grid(query)).people.map(({ participantId }) => participantId)
    assert.ok(!(await ids('?people=expected')).includes('guest'))
    assert.ok((await ids('?kinds=bot')).includes('notes'))
    assert.deepEqual((await grid('?to=2026-03-24')).occurrences.length, 1)
    // What has not begun is expected; nothing takes place on a day that is left out.
    const later = await grid('?from=2026-03-31&to=2026-04-21&people=expected')
    assert.deepEqual(
      later.occurrences.map(({ localStart }) => localStart.slice(0, 10)),
      ['2026-04-13', '2026-04-20'],
    )
    assert.deepEqual(show(later).ann, Array(2).fill('expected 0 0  '))
    assert.deepEqual([later.people[0]?.absent, later.people[0]?.presentOfScheduled], [0, null])
  })

  test('is a row for each person and occurrence of all schedules, of a room’s, or of one', async () => {
    const rows = async (query: string) =>
      (await call<OccurrenceAttendance>('GET', `/v2/attendance?per=occurrence&from=2026-03-01&to=2026-04-01${query}`))
        .data
    const all = await rows('')
    assert.deepEqual(
      all.map(({ participantId, status }) => `${participantId} ${status}`),
      [
        ...['ann on-time', 'bob late', 'cem left-early', 'dee late-and-left-early', 'eve absent', 'staff-17 on-time'],
        'guest late',
        ...['ann on-time', 'bob absent', 'cem absent', 'dee absent', 'eve absent', 'staff-17 absent'],
      ],
    )
    const { scheduleId, schedule, occurrenceStart, occurrenceEnd, firstJoin, lastLeave } = all[1] ?? assert.fail()
    assert.deepEqual([scheduleId, schedule, occurrenceStart], [id, 'Algebra', '2026-03-23T08:00:00.000Z'])
    assert.deepEqual(
      [occurrenceEnd, firstJoin, lastLeave],
      ['2026-03-23T09:00:00.000Z', '2026-03-23T08:12:00.000Z', '2026-03-23T09:00:00.000Z'],
    )
    assert.deepEqual(await rows('&roomId=math'), all)
    assert.deepEqual(await rows(`&scheduleId=${id}`), all)
    assert.deepEqual(await rows(`&roomId=${art}`), [])
    const { text } = await server.call('GET', `/v2/attendance?scheduleId=${id}`)
    assert.match(text, /scheduleId is taken with per=occurrence alone/)
  })

  test('is CSV: a row a person, a column an occurrence with its local time and offset; and no formula', async () => {
    const path = `/v2/schedules/${id}/attendance?format=csv&people=expected`
    const { text, headers } = await server.call('GET', path)
    assert.deepEqual(text.split('\r\n').slice(0, 4), [
      'participantId,name,expected,onTime,late,leftEarly,absent,presentSeconds,presentOfScheduled,2026-03-23 09:00 UTC+01:00,2026-03-30 09:00 UTC+02:00',
      'ann,ANN,true,2,0,0,0,6600,91.7,on time,on time',
      'bob,BOB,true,0,1,0,1,2880,40,late 12 min,absent',
      'cem,CEM,true,0,0,1,1,1560,21.7,left early 20 min,absent',
    ])
    assert.match(String(headers['content-disposition']), /filename="Algebra 2026-03-23 attendance.csv"/)
    const kolkata = await server.call('GET', `${path}&tz=Asia/Kolkata`)
    assert.match(kolkata.text, /2026-03-23 13:30 UTC\+05:30,2026-03-30 12:30 UTC\+05:30/)
  })

  test('is told while it goes on: who is inside has not left, and who is not yet there is not absent within the grace', async () => {
    const now = clock.now()
    const made = await call<Schedule>('POST', '/v2/schedules', {
      ...{ name: 'Now', roomIds: [art], start: '2026-04-10T11:57', durationMinutes: 60, timeZone: 'UTC' },
      roster: [{ participantId: 'ann' }, { participantId: 'bob' }],
    })
    await recordSession(server, {
      roomId: art,
      startAt: now - 120_000,
      stays: [{ participantId: 'ann', joinedAt: now - 120_000 }],
    })
    const running = await call<ScheduleAttendance>('GET', `/v2/schedules/${made.id}/attendance?to=2026-04-11`)
    assert.deepEqual(show(running), { ann: ['on-time 1 0 66.7 100'], bob: ['expected 0 0  '] })
    assert.deepEqual([running.occurrences[0]?.actualEnd, running.occurrences[0]?.actualSeconds], [null, 120])
    await call('DELETE', `/v2/schedules/${made.id}`)
  })

  test('leaves to each of two occurrences in a row its own part of a session that goes through both', async () => {
    const room = (await makeRoom(server)).roomId
    const startAt = at('2026-03-02T08:00')
    const made = await call<Schedule>('POST', '/v2/schedules', {
      ...{ name: 'Daily', roomIds: [room], start: '2026-03-02T09:00', durationMinutes: 60, timeZone: 'UTC' },
      ...{ rrule: 'FREQ=DAILY;COUNT=2', roster: [{ participantId: 'ann' }] },
    })
    const endAt = at('2026-03-03T11:00')
    const stays = [{ participantId: 'ann', joinedAt: at('2026-03-02T09:30'), leftAt: endAt }]
    await recordSession(server, { roomId: room, startAt, endAt, stays })
    const { occurrences, people } = await call<ScheduleAttendance>('GET', `/v2/schedules/${made.id}/attendance`)
    assert.deepEqual(
      occurrences.map(({ actualStart, actualEnd }) => [actualStart, actualEnd]),
      [
        ['2026-03-02T08:00:00.000Z', '2026-03-03T09:00:00.000Z'],
        ['2026-03-02T10:00:00.000Z', '2026-03-03T11:00:00.000Z'],
      ],
    )
    assert.deepEqual(
      people[0]?.occurrences.map(({ status, lateSeconds, presentOfScheduled }) => [
        status,
        lateSeconds,
        presentOfScheduled,
      ]),
      [
        ['late', 1800, 50],
        ['on-time', 0, 100],
      ],
    )
    await call('DELETE', `/v2/schedules/${made.id}`)
  })

  test('is refused where it is too much at once', async () => {
    const made = await call<Schedule>('POST', '/v2/schedules', {
      ...weekly,
      start: '2020-01-01T09:00',
      rrule: 'FREQ=DAILY',
    })
    const { status, text } = await server.call('GET', `/v2/schedules/${made.id}/attendance?from=2020-01-01`)
    assert.equal(status, 400)
    assert.match(text, /There are more than 400 occurrences: ask for less by from and to/)
    await call('DELETE', `/v2/schedules/${made.id}`)
  })
})

/** Lines as they stand in a calendar file. */
const calendarOf = (...lines: string[]) =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', ...lines, 'END:VCALENDAR', ''].join('\r\n')
const eventOf = (uid: string, ...lines: string[]) => [
  'BEGIN:VEVENT',
  `UID:${uid}`,
  `SUMMARY:${uid}`,
  ...lines,
  'END:VEVENT',
]
const nine = ['DTSTART;TZID=Europe/Berlin:20261005T090000', 'DTEND;TZID=Europe/Berlin:20261005T094500']

describe('a calendar', () => {
  const own = process.env.TZ
  after(async () => {
    if (own === undefined) delete process.env.TZ
    else process.env.TZ = own
    const { data } = await call<SchedulePage>('GET', '/v2/schedules')
    for (const { id } of data) await call('DELETE', `/v2/schedules/${id}`)
  })

  for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata']) {
    test(`goes out and comes in as the same schedules, whatever the process’s own zone: ${zone}`, async () => {
      process.env.TZ = zone
      const roster = [
        { participantId: 'anna@example.org', name: 'Anna ’A’ Müller, PhD' },
        { participantId: 'staff/17 ü', name: '' },
        { participantId: 'zoe', name: 'Zoë' },
      ]
      const bodies = [
        { rrule: 'FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20261110', exdates: ['2026-03-25', '2026-10-26'], roster },
        { name: `Long; with, all\\ of\nit ${'ä'.repeat(80)}`, timeZone: 'America/New_York', graceMinutes: 7 },
        { name: 'In UTC', timeZone: 'UTC', rrule: 'FREQ=DAILY;COUNT=3', exdates: ['2026-03-24'] },
      ]
      const made: Schedule[] = []
      for (const body of bodies) made.push(await call<Schedule>('POST', '/v2/schedules', { ...weekly, ...body }))
      const { text, headers, status } = await server.call('GET', '/v2/schedules.ics?roomId=math')
      assert.equal(status, 200)
      assert.match(String(headers['content-type']), /^text\/calendar/)
      assert.equal(text.match(/^BEGIN:VTIMEZONE/gm)?.length, 2)
      assert.ok(text.split('\r\n').every((line) => Buffer.byteLength(line) <= 75))
      const again = await call<ImportedSchedules>('POST', '/v2/schedules/import', text)
      assert.deepEqual(again.left, [])
      assert.deepEqual(again.data.map(({ id }) => id).sort(), made.map(({ id }) => id).sort())
      for (const { updatedAt: _, ...before } of made) {
        const { updatedAt, ...now } = await call<Schedule>('GET', `/v2/schedules/${before.id}`)
        const rrule = before.rrule.replace('UNTIL=20261110', 'UNTIL=20261110T225959Z')
        assert.deepEqual(now, { ...before, rrule })
        await call('DELETE', `/v2/schedules/${before.id}`)
      }
      const anew = await call<ImportedSchedules>('POST', `/v2/schedules/import?roomId=${art}`, text)
      assert.deepEqual(
        anew.data
          .map(({ uid, start, timeZone, roomIds, expected }) => [uid, start, timeZone, roomIds, expected])
          .sort(),
        made.map(({ uid, start, timeZone, expected }) => [uid, start, timeZone, [art], expected]).sort(),
      )
      for (const { id } of anew.data) await call('DELETE', `/v2/schedules/${id}`)
    })
  }

  test('is taken with its names in small letters; one that changes from an occurrence on is left', async () => {
    const small = eventOf(
      'small',
      ...nine,
      'RRULE:FREQ=WEEKLY;COUNT=2',
      'ATTENDEE;CN=Anna Müller:mailto:anna@example.org',
    )
    const names = small.map((line) => line.replace(/^(BEGIN:|END:)?[A-Z;-]+(?=[:=]|$)/, (name) => name.toLowerCase()))
    assert.ok(names.some((line) => line.startsWith('dtstart;tzid=Europe/Berlin:')))
    const file = calendarOf(
      ...names,
      ...eventOf('over', ...nine, 'RRULE:FREQ=WEEKLY;COUNT=4'),
      ...['BEGIN:VEVENT', 'UID:over', 'RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261019T090000'],
      ...['STATUS:CANCELLED', ...nine, 'END:VEVENT'],
    )
    const { data, left } = await call<ImportedSchedules>('POST', `/v2/schedules/import?roomId=${art}`, file)
    assert.deepEqual(
      data.map(({ uid, rrule, expected }) => [uid, rrule, expected]),
      [['small', 'FREQ=WEEKLY;COUNT=2', 1]],
    )
    assert.deepEqual(
      left.map(({ uid, reason }) => [uid, reason]),
      [['over', 'it changes from one occurrence on (RANGE=THISANDFUTURE)']],
    )
    for (const { id } of data) await call('DELETE', `/v2/schedules/${id}`)
  })

  test('is taken with Windows’ names of zones; what leaves anything open is left, with why', async () => {
    process.env.TZ = 'Asia/Kolkata'
    const file = calendarOf(
      ...eventOf(
        'outlook',
        'DTSTART;TZID=W. Europe Standard Time:20261005T090000',
        'DURATION:PT45M',
        'RRULE:FREQ=WEEKLY;COUNT=4',
        'EXDATE;TZID=W. Europe Standard Time:20261012T090000',
        'LOCATION:math',
        'ATTENDEE;CN="Müller, Anna";CUTYPE=INDIVIDUAL:mailto:anna@example.org',
        'ATTENDEE;CN="Weiß; Ben (Gue',
        ' st)";CUTYPE=INDIVIDUAL:mailto:ben@example.org',
        'ATTENDEE;CUTYPE=ROOM:mailto:room-7@example.org',
      ),
      ...['BEGIN:VEVENT', 'UID:outlook', 'RECURRENCE-ID;TZID=Europe/Berlin:20261019T090000', 'STATUS:CANCELLED'],
      ...['DTSTART;TZID=Europe/Berlin:20261019T090000', 'DTEND;TZID=Europe/Berlin:20261019T094500', 'END:VEVENT'],
      ...eventOf('floating', 'DTSTART:20261005T090000', 'DTEND:20261005T100000', 'LOCATION:math'),
      ...eventOf('own zone', 'DTSTART;TZID=Team Berlin:20261005T090000', 'DTEND;TZID=Team Berlin:20261005T100000'),
      ...eventOf('whole day', 'DTSTART;VALUE=DATE:20261005', 'LOCATION:math'),
      ...eventOf('hourly', ...nine, 'RRULE:FREQ=HOURLY;COUNT=3', 'LOCATION:math'),
      ...eventOf('no room', ...nine),
      ...eventOf('other room', ...nine, 'LOCATION:Somewhere'),
      ...eventOf('cancelled', ...nine, 'STATUS:CANCELLED'),
      ...eventOf('moved', ...nine, 'RRULE:FREQ=WEEKLY;COUNT=4', 'LOCATION:math'),
      ...['BEGIN:VEVENT', 'UID:moved', 'RECURRENCE-ID;TZID=Europe/Berlin:20261012T090000'],
      ...['DTSTART;TZID=Europe/Berlin:20261012T100000', 'DTEND;TZID=Europe/Berlin:20261012T104500', 'END:VEVENT'],
    )
    const { data, left } = await call<ImportedSchedules>('POST', '/v2/schedules/import', file)
    assert.deepEqual(
      data.map(({ uid, start, timeZone, exdates, rrule, expected }) => [
        uid,
        start,
        timeZone,
        exdates,
        rrule,
        expected,
      ]),
      [['outlook', '2026-10-05T09:00:00', 'Europe/Berlin', ['2026-10-12', '2026-10-19'], 'FREQ=WEEKLY;COUNT=4', 2]],
    )
    const { roster } = await call<Schedule>('GET', `/v2/schedules/${data[0]?.id}`)
    assert.deepEqual(
      roster.map(({ name }) => name),
      ['Müller, Anna', 'Weiß; Ben (Guest)'],
    )
    const reasons = Object.fromEntries(left.map(({ uid, reason }) => [uid, reason]))
    assert.match(reasons.hourly ?? '', /FREQ=HOURLY is not understood/)
    assert.deepEqual(
      { ...reasons, hourly: '' },
      {
        floating: 'its start names no time zone',
        'own zone': 'its time zone Team Berlin is none that IANA or Windows names',
        'whole day': 'it is of whole days: it has no time of day',
        hourly: '',
        'no room': 'it has no LOCATION, and no roomId was named',
        'other room': 'Room Somewhere not found',
        cancelled: 'it was cancelled',
        moved: 'its occurrence of 2026-10-12 was moved',
      },
    )
    for (const body of ['', 'hello']) {
      const { status, text } = await server.call('POST', '/v2/schedules/import', body)
      assert.equal(status, 400)
      assert.match(text, /The body is (empty: it takes a file|no iCalendar file)/)
    }
  })
})

describe('a roster', () => {
  test('goes out as CSV and XLSX, and comes in as CSV as spreadsheets write it', async () => {
    const { id } = await call<Schedule>('POST', '/v2/schedules', weekly)
    const put = async (text: string) => (await call<Schedule>('PUT', `/v2/schedules/${id}/roster`, text)).roster
    const said = [
      { participantId: 'ann', name: '' },
      { participantId: 'bob@example.org', name: 'Bob; the "builder"' },
    ]
    const german = '\ufeffName;Email;Year\r\n"Bob; the ""builder""";bob@example.org;7\r\n;ann;8\r\n'
    assert.deepEqual(await put(german), said)
    const { text } = await server.call('GET', `/v2/schedules/${id}/roster`)
    assert.equal(text, 'participantId,name\r\nann,\r\nbob@example.org,"Bob; the ""builder"""\r\n')
    assert.deepEqual(await put(text), said)
    assert.deepEqual(await put('participantId\nann\n'), [{ participantId: 'ann', name: '' }])
    const many = Array.from({ length: 2001 }, (_, n) => `p${n}`)
    const wrong: [string, RegExp][] = [
      ['name\nann\n', /there is no participantId, id or email/],
      [`id,name\n${'x'.repeat(257)},A\n`, /Line 2: participantId=x.* it takes a participantId of 1 to 256/],
      ['id,name\n,A\n', /Line 2: participantId=/],
      [['id', ...many].join('\n'), /There are 2001 people: a roster has at most 2000/],
    ]
    for (const [body, message] of wrong) {
      const answer = await server.call('PUT', `/v2/schedules/${id}/roster`, body)
      assert.equal(answer.status, 400)
      assert.match(answer.text, message)
    }
    await call('DELETE', `/v2/schedules/${id}`)
  })
})

describe('a recurrence', () => {
  const own = process.env.TZ
  after(() => {
    if (own === undefined) delete process.env.TZ
    else process.env.TZ = own
  })
  const all = async (rrule: string, more: object = {}, period = {}) => {
    const recurrence = { startLocal: '2026-03-27T02:30:00', timeZone: 'Europe/Berlin', rrule, exdates: [], ...more }
    const times: string[] = []
    const whole = { from: 0, to: at('2027-01-01T00:00'), ...period }
    for await (const time of occurrencesOf(recurrence, whole)) times.push(new Date(time).toISOString().slice(5, 16))
    return times.join(' ')
  }
  for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata']) {
    test(`has the same moments across a change of clocks, whatever the process’s own zone: ${zone}`, async () => {
      process.env.TZ = zone
      assert.equal(new Date(0).getTimezoneOffset() !== 0, zone !== 'UTC', 'the process is in that zone')
      // Clocks in Berlin go from 2:00 to 3:00 on 29 March: half past two is not there.
      assert.equal(await all('FREQ=DAILY;COUNT=4'), '03-27T01:30 03-28T01:30 03-30T00:30 03-31T00:30')
      const nine = { startLocal: '2026-10-23T09:00:00' }
      assert.equal(await all('FREQ=DAILY;UNTIL=20261026', nine), '10-23T07:00 10-24T07:00 10-25T08:00 10-26T08:00')
      assert.equal(await all('FREQ=DAILY;UNTIL=20261024T070000Z', nine), '10-23T07:00 10-24T07:00')
      // What is left out is counted.
      const left = { ...nine, exdates: ['2026-10-24'] }
      assert.equal(await all('FREQ=DAILY;COUNT=3', left), '10-23T07:00 10-25T08:00')
      assert.equal(await all('', nine), '10-23T07:00')
      const later = { from: at('2026-10-25T08:00'), to: at('2026-10-26T08:00') }
      assert.equal(await all('FREQ=DAILY', nine, later), '10-25T08:00')
      assert.equal(await all('FREQ=DAILY;COUNT=3', nine, later), '10-25T08:00')
    })
  }

  test('is the same whole as in parts, for each kind of rule', async () => {
    const rules = [
      'FREQ=DAILY;INTERVAL=10',
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,SU;WKST=SU',
      'FREQ=MONTHLY;BYDAY=-1FR',
      'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-3',
      'FREQ=YEARLY;BYMONTH=3,6;BYMONTHDAY=27',
    ]
    for (const text of rules) {
      const parsed = parseRule(text)
      assert.ok('rule' in parsed, text)
      const start = { startLocal: '2026-03-27T09:00:00' }
      const end = at('2029-03-27T00:00')
      const whole = await all(parsed.rule, start, { to: end })
      const parts: string[] = []
      for (let from = 0; from < end; from = from === 0 ? at('2026-03-01T00:00') : from + 40 * 86_400_000) {
        const to = Math.min(end, from === 0 ? at('2026-03-01T00:00') : from + 40 * 86_400_000)
        parts.push(await all(parsed.rule, start, { from, to }))
      }
      assert.equal(parts.filter(Boolean).join(' '), whole, text)
      assert.ok(whole.split(' ').length >= 6, whole)
    }
  })
})
