import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ImportedSchedules, Schedule } from '@rollcall/protocol'
import { createRandom } from '../../../../chaos/random.ts'
import { makeRoom } from '../support/api-calls.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// Files as they come, and as no calendar would write them: what is wrong in one event is no matter of the others.

let server: TestServer
before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
  await makeRoom(server, { customRoomId: 'math' })
})
after(() => server.stop())

const nine = ['DTSTART;TZID=Europe/Berlin:20261005T090000', 'DTEND;TZID=Europe/Berlin:20261005T100000']
const plain = ['UID:plain', 'SUMMARY:Plain', 'LOCATION:math', ...nine]
const event = (...lines: string[]) => ['BEGIN:VEVENT', ...lines, 'END:VEVENT']
const odd = (...lines: string[]) => event('UID:odd', 'SUMMARY:Odd', 'LOCATION:math', ...lines)
const fileOf = (...lines: string[]) => ['BEGIN:VCALENDAR', ...lines, 'END:VCALENDAR', ''].join('\r\n')

async function put(file: string): Promise<ImportedSchedules> {
  const { status, body, text } = await server.call<ImportedSchedules>('POST', '/v2/schedules/import', file)
  assert.equal(status, 200, text)
  return body
}
const told = ({ data, left }: ImportedSchedules) => ({
  taken: data.map(({ uid }) => uid),
  left: left.map(({ uid, reason }) => `${uid}: ${reason}`),
})

describe('an event that cannot be a schedule is left, with why, and the others are taken', () => {
  const wrong: [what: string, lines: string[], why: RegExp][] = [
    ['a start that is no time', ['DTSTART:soon', 'DTEND:20261005T100000Z'], /^odd: its start soon is no time$/],
    ['a day that there is not', ['DTSTART:20260230T090000Z', 'DURATION:PT1H'], /its start 20260230T090000Z is no time/],
    ['an end that is no time', [nine[0] ?? '', 'DTEND:later'], /its end later is no time/],
    ['an end without a zone', [nine[0] ?? '', 'DTEND:20261005T100000'], /its end names no time zone/],
    ['an end that is a day', [nine[0] ?? '', 'DTEND;VALUE=DATE:20261006'], /its end has no time of day/],
    [
      'a zone of the file that is not in it',
      ['DTSTART;TZID=Customized Time Zone:20261005T090000', 'DURATION:PT1H'],
      /its time zone Customized Time Zone is not defined in the file/,
    ],
    [
      'another of this kind',
      ['DTSTART;TZID=tzone://Microsoft/Custom:20261005T090000', 'DURATION:PT1H'],
      /its time zone tzone:\/\/Microsoft\/Custom is not defined in the file/,
    ],
    ['an end in an unknown zone', [nine[0] ?? '', 'DTEND;TZID=Here:20261005T100000'], /its time zone Here is none/],
    ['two starts', [...nine, 'DTSTART:20261005T090000Z'], /it has DTSTART twice/],
    ['two rules', [...nine, 'RRULE:FREQ=DAILY', 'RRULE:FREQ=WEEKLY'], /it has RRULE twice/],
    [
      'a rule that is none',
      [...nine, 'RRULE:FREQ=FORTNIGHTLY'],
      /rrule=FREQ=FORTNIGHTLY is not understood: .*it takes/,
    ],
    ['a rule that never recurs', [...nine, 'RRULE:FREQ=DAILY;INTERVAL=0'], /INTERVAL=0 is not understood/],
    ['a rule that ends at no time', [...nine, 'RRULE:FREQ=DAILY;UNTIL=20260231'], /UNTIL=20260231 is no time/],
    ['what it leaves out by a rule', [...nine, 'EXRULE:FREQ=DAILY'], /it has EXRULE/],
    ['what it leaves out at no time', [...nine, 'EXDATE:never'], /its EXDATE never is no time/],
    ['what it leaves out without a zone', [...nine, 'EXDATE:20261012T090000'], /its EXDATE names no time zone/],
    ['an occurrence of no time', [...nine, 'RECURRENCE-ID:20261399T090000Z'], /its RECURRENCE-ID .* is no time/],
  ]
  for (const [what, lines, why] of wrong) {
    test(what, async () => {
      const { taken, left } = told(await put(fileOf(...odd(...lines), ...event(...plain))))
      assert.deepEqual(taken, ['plain'])
      assert.equal(left.length, 1)
      assert.match(left[0] ?? '', why)
    })
  }

  test('one without a UID, with one that cannot be kept, or that does not end', async () => {
    const file = fileOf(
      ...event('SUMMARY:Nobody', 'LOCATION:math', ...nine),
      ...event('UID:bell\u0007', 'LOCATION:math', ...nine),
      ...['BEGIN:VEVENT', 'UID:cut off', 'LOCATION:math', ...nine],
      ...event(...plain),
      ...['BEGIN:VEVENT', 'UID:last', 'LOCATION:math', ...nine],
    )
    const { taken, left } = told(await put(file.replace('END:VCALENDAR\r\n', '')))
    assert.deepEqual(taken, ['plain'])
    assert.deepEqual(left, [
      'bell\u0007: its UID takes at most 1024 characters, none of them a control character',
      'cut off: it does not end (END:VEVENT): the file may be cut off',
      'last: it does not end (END:VEVENT): the file may be cut off',
      ': it has no UID, by which it could be known again',
    ])
  })
})

describe('an event is read as it is written', () => {
  const one = async (...lines: string[]) => {
    const { data, left } = await put(fileOf(...event('UID:one', 'SUMMARY:One', 'LOCATION:math', ...lines)))
    assert.deepEqual(left, [])
    const { status, body } = await server.call<Schedule>('GET', `/v2/schedules/${data[0]?.id}`)
    assert.equal(status, 200)
    return body
  }

  test('a rule has its parts in any order, in small letters too', async () => {
    const { rrule } = await one(...nine, 'RRULE:interval=2;byday=MO;freq=weekly;count=3')
    assert.equal(rrule, 'FREQ=WEEKLY;INTERVAL=2;COUNT=3;BYDAY=MO')
  })

  test('a day without a time is left out, whatever the zone of the process', async () => {
    const own = process.env.TZ
    try {
      for (const zone of ['UTC', 'America/New_York', 'Pacific/Auckland']) {
        process.env.TZ = zone
        const { exdates } = await one(...nine, 'RRULE:FREQ=WEEKLY', 'EXDATE;VALUE=DATE:20261012,20261019')
        assert.deepEqual(exdates, ['2026-10-12', '2026-10-19'])
      }
    } finally {
      if (own === undefined) delete process.env.TZ
      else process.env.TZ = own
    }
  })

  test('names that look like numbers stay as they are', async () => {
    const { roster } = await one(
      ...nine,
      'ATTENDEE;CN=007:mailto:bond@example.org',
      'ATTENDEE;CN="1e3; true";ROLE=CHAIR:mailto:eve@example.org',
      'ATTENDEE;CN=TRUE:mailto:tru@example.org',
    )
    assert.deepEqual(
      roster.map(({ participantId, name }) => [participantId, name]),
      [
        ['bond@example.org', '007'],
        ['eve@example.org', '1e3; true'],
        ['tru@example.org', 'TRUE'],
      ],
    )
  })

  test('what else a file has of it does not matter: alarms with times and UIDs of their own, names that a program has', async () => {
    const alarm = ['BEGIN:VALARM', 'UID:alarm', 'DTSTART:20200101T000000', 'TRIGGER:-PT15M', 'END:VALARM']
    const names = [
      'START:now',
      'END-OF:it',
      'TYPE:VALARM',
      'RECURRENCES:many',
      'DATETYPE:date',
      '__PROTO__;A=1:x',
      'GEO:x',
    ]
    const { uid, start } = await one(...alarm, ...names, 'STATUS;X-WHY=none:confirmed', ...nine)
    assert.deepEqual([uid, start], ['one', '2026-10-05T09:00:00'])
  })

  test('any UID is one, and several files in one are read whole', async () => {
    const uids = ['__proto__', 'constructor', 'toString', '7', 'a\\,b', '"quoted"']
    const files = uids.map((uid) => fileOf(...event(`UID;X-A=1:${uid}`, `SUMMARY:${uid}`, 'LOCATION:math', ...nine)))
    for (let again = 0; again < 2; again++) {
      const { taken, left } = told(await put(files.join('')))
      assert.deepEqual(left, [])
      assert.deepEqual(taken, ['__proto__', 'constructor', 'toString', '7', 'a,b', '"quoted"'])
    }
  })
})

test('whatever a file holds, it is answered, and what is right in it is taken', async () => {
  const random = createRandom(5)
  const lines = [
    ...[
      ...nine,
      'UID:odd',
      'UID;A=1:odd',
      'UID:',
      'SUMMARY;A=1:x',
      'LOCATION;A=1:math',
      'STATUS:CANCELLED',
      'STATUS',
      'START:x',
    ],
    ...[
      'RRULE:FREQ=DAILY',
      'RRULE:',
      'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
      'EXDATE:',
      'EXDATE:20261012T070000Z,,',
    ],
    ...[
      'RECURRENCE-ID:20261012T070000Z',
      'RECURRENCE-ID;VALUE=DATE:20261012',
      'DURATION:PT1H',
      'DURATION:P9999999999W',
    ],
    ...[
      'ATTENDEE:',
      'ATTENDEE;CN=5:mailto:x',
      'ATTENDEE;CN="a:b',
      'BEGIN:VALARM',
      'END:VALARM',
      'BEGIN:VEVENT',
      'END:VEVENT',
    ],
    ...['BEGIN:VTIMEZONE', 'TZID:Own', 'BEGIN:STANDARD', 'DTSTART:20200101T000000', 'TZOFFSETTO:+9999', 'END:STANDARD'],
    ...[
      'END:VTIMEZONE',
      'DTSTART;TZID=Customized Time Zone:20261005T090000',
      'END:VCALENDAR',
      'BEGIN:VCALENDAR',
      'END:',
      ':',
      ' x',
    ],
    ...['DTSTART;TZID=tzone://Microsoft/Utc:20261005T090000', 'DTEND;TZID=tzone://Microsoft/Custom:20261005T100000'],
    ...[
      'DTSTART:00010101T000000Z',
      'DTEND:99991231T235959Z',
      'SEQUENCE:x',
      'SEQUENCE:9',
      'RDATE:x',
      'HASOWNPROPERTY:x',
    ],
  ]
  for (let n = 0; n < 150; n++) {
    const some = Array.from({ length: 2 + random.below(8) }, () => random.pick(lines))
    let file = ['BEGIN:VCALENDAR', ...event(...some), ...event(...random.shuffle([...nine, ...some]))].join('\r\n')
    if (random.chance(0.3)) {
      const at = 20 + random.below(file.length - 20)
      file =
        file.slice(0, at) + random.pick(['', '\0', ';', ':', '"', '\n', '\ud800']) + file.slice(at + random.below(3))
    }
    const { taken } = told(await put([file, ...event(...plain), 'END:VCALENDAR'].join('\r\n')))
    assert.ok(taken.includes('plain'), file)
  }
})

describe('what is read of a file', () => {
  const head = (cells: string) => `${cells}\nann\n`
  const many = (text: string) => text.repeat(300_000 / text.length)
  const calendar = (lines: string) => fileOf(...event('UID:one', 'LOCATION:math', ...nine, lines))
  const shapes: [what: string, method: 'POST' | 'PUT', file: string][] = [
    ['a head of spaces', 'PUT', head(`id${many(' ')}(,id`)],
    ['a head of brackets', 'PUT', head(`id${many(' (')},id`)],
    ['parts that never end', 'POST', calendar(many('BEGIN:VALARM\r\nEND:VTODO\r\n'))],
    ['parts in parts', 'POST', calendar(many('BEGIN:VALARM\r\n'))],
    ['spaces', 'POST', calendar(`SUMMARY:${many(' ')}x`)],
    ['quotes', 'POST', calendar(`ATTENDEE${many(';CN="')}:x`)],
    [
      'time zones',
      'POST',
      fileOf(...Array.from({ length: 3000 }, (_, n) => `BEGIN:VTIMEZONE\r\nTZID:${n}\r\nEND:VTIMEZONE`)),
    ],
  ]
  for (const [what, method, file] of shapes) {
    test(`takes no longer than its size: ${what}`, async (t) => {
      const { body: schedule } = await server.call<Schedule>('POST', '/v2/schedules', {
        ...{ name: 'x', roomIds: ['math'], start: '2026-10-05T09:00', durationMinutes: 45, timeZone: 'UTC' },
      })
      const path = method === 'PUT' ? `/v2/schedules/${schedule.id}/roster` : '/v2/schedules/import'
      const before = process.cpuUsage()
      const { status } = await server.call(method, path, file)
      const { user, system } = process.cpuUsage(before)
      t.diagnostic(`${status} after ${Math.round((user + system) / 1000)} ms`)
      assert.ok(status === 200 || status === 400)
      // Each takes a tenth of that; what takes the square of its size took ten seconds and more.
      assert.ok(user + system < 3_000_000, `${user + system} µs`)
    })
  }
})
