import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ListedSchedule, Schedule, SchedulePage } from '@rollcall/protocol'
import { occurrencesOf, parseRule } from '../../src/runtime/calendar/recurrence.ts'
import { makeRoom } from '../support/api-calls.ts'
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
