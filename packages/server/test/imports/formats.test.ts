import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ImportFormat } from '@rollcall/protocol'
import type { ImportedStay, ImportOptions, Reading } from '../../src/imports/format.ts'
import { formats } from '../../src/imports/formats.ts'

// Each file is as its maker writes it, with other names.

const read = async (format: ImportFormat, file: string | Uint8Array, options: ImportOptions = {}): Promise<Reading> =>
  formats[format].read(typeof file === 'string' ? Buffer.from(file) : file, options)

const lines = (...all: string[]) => `${all.join('\r\n')}\r\n`
const iso = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())
const brief = ({ participantId, name, joinedAt, leftAt }: ImportedStay) =>
  [participantId, name, iso(joinedAt), iso(leftAt)].join(' ')

/** Who was where, as one line a stay. */
function describeReading({ sessions, untaken }: Reading) {
  return {
    sessions: sessions.map(({ room, key, startAt, endAt, stays }) => ({
      room,
      key,
      from: iso(startAt),
      to: iso(endAt),
      stays: stays.map(brief),
    })),
    untaken: untaken.map(({ where, reason }) => `${where}: ${reason}`),
  }
}

const refusedAs = (message: RegExp) => ({ name: 'Refusal', code: 'BAD_REQUEST', message })

describe('zoom', () => {
  const header = 'Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest,In Waiting Room'
  const meeting = lines(
    '\ufeffMeeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants,',
    '812 3456 7890,"Weekly, all",11/19/2021 09:50:00 AM,11/19/2021 12:02:10 PM,host@example.org,133,3,',
    ',,,,,,',
    header,
    'Ann (Ann Smith),Ann@example.org,11/19/2021 09:54:15 AM,11/19/2021 12:01:59 PM,128,No,No',
    'Bob,,11/19/2021 9:55:00 AM,11/19/2021 10:00:00 AM,5,Yes,No',
    'Bob,,11/19/2021 10:10:00 AM,11/19/2021 11:00:00 AM,50,Yes,No',
    'Cas,,11/19/2021 09:51:00 AM,11/19/2021 09:54:00 AM,3,Yes,Yes',
    'Dan,,soon,11/19/2021 09:54:00 AM,3,Yes,No',
  )

  test('has a row a join; the waiting room is no attendance; times are of the zone that is named', async () => {
    assert.deepEqual(describeReading(await read('zoom', meeting, { tz: 'America/New_York' })), {
      sessions: [
        {
          room: '81234567890',
          key: '81234567890 2021-11-19T14:50:00.000Z',
          from: '2021-11-19T14:50:00.000Z',
          to: '2021-11-19T17:02:10.000Z',
          stays: [
            'ann@example.org Ann 2021-11-19T14:54:15.000Z 2021-11-19T17:01:59.000Z',
            'Bob Bob 2021-11-19T14:55:00.000Z 2021-11-19T15:00:00.000Z',
            'Bob Bob 2021-11-19T15:10:00.000Z 2021-11-19T16:00:00.000Z',
          ],
        },
      ],
      untaken: ['line 8: they were in the waiting room', 'line 9: it has no times that can be read'],
    })
  })

  test('of 2025 has other names in its headers, and dates in words', async () => {
    const file = lines(
      '"Topic","ID","Duration (minutes)","Start time","End time","Participants"',
      '"Class","812-3456-7890","50","Mar 22, 2025 19:00:00","Mar 22, 2025 19:50:00","1"',
      '',
      'Name (original name),Email,Join time,Leave time,Duration (minutes),Guest,Recording disclaimer response,In waiting room',
      'Ann,ann@example.org,"Mar 22, 2025 19:13:27","Mar 22, 2025 19:50:00",37,No,,No',
    )
    const { sessions } = describeReading(await read('zoom', file, { tz: 'Europe/Berlin' }))
    assert.deepEqual(sessions[0]?.stays, ['ann@example.org Ann 2025-03-22T18:13:27.000Z 2025-03-22T18:50:00.000Z'])
  })

  test('of a webinar has several tables, and those who did not come', async () => {
    const attendees = 'Attended,User Name (Original Name),Email,Join Time,Leave Time,Time in Session (minutes),Is Guest'
    const file = lines(
      'Attendee Report',
      'Topic,Webinar ID,Actual Start Time,Actual Duration (minutes)',
      'Launch,812 3456 7890,11/19/2021 09:50:00 AM,133',
      'Host Details',
      attendees,
      'Yes,Hal,hal@example.org,11/19/2021 09:50:00 AM,11/19/2021 11:00:00 AM,70,No',
      'Attendee Details',
      attendees,
      'No,Ida,ida@example.org,--,--,--,--',
      'Yes,Ann,ann@example.org,11/19/2021 10:00:00 AM,11/19/2021 10:30:00 AM,30,Yes',
    )
    const { sessions, untaken } = describeReading(await read('zoom', file, { tz: 'UTC' }))
    assert.deepEqual(
      sessions[0]?.stays.map((stay) => stay.split(' ')[0]),
      ['hal@example.org', 'ann@example.org'],
    )
    assert.deepEqual(untaken, ['line 9: they registered, and did not come'])
  })

  test('is refused where the zone is not said, where it has no times, and where it names no meeting', async () => {
    await assert.rejects(read('zoom', meeting), refusedAs(/say tz \(--tz\), such as Europe\/Berlin/))
    const unique = lines('Name (Original Name),User Email,Total Duration (Minutes),Guest', 'Ann,,12,Yes')
    await assert.rejects(read('zoom', unique), refusedAs(/export it again with "Show unique users" off/))
    const bare = lines(header, 'Ann,,11/19/2021 09:54:15 AM,11/19/2021 12:01:59 PM,128,No,No')
    await assert.rejects(read('zoom', bare, { tz: 'UTC' }), refusedAs(/say room \(--room\)/))
    await assert.rejects(read('zoom', 'a,b\n1,2'), refusedAs(/no participants report of Zoom/))
    assert.equal((await read('zoom', bare, { tz: 'UTC', room: 'class' })).sessions[0]?.room, 'class')
  })
})

describe('teams', () => {
  const report = [
    '1. Summary',
    'Meeting title\tWeekly',
    'Start time\t11/14/22, 09:30:00',
    'End time\t11/14/22, 10:30:00',
    '',
    '2. Participants',
    'Name\tFirst Join\tLast Leave\tIn-Meeting Duration\tEmail\tParticipant ID (UPN)\tRole',
    'Ann\t11/14/22, 09:30:46\t11/14/22, 10:30:00\t40m 0s\tann@example.org\tann@example.org\tOrganizer',
    'Bob\t11/14/22, 09:31:00\t11/14/22, 09:41:00\t10m\t\t\tAttendee',
    '',
    '3. In-Meeting Activities',
    'Name\tJoin Time\tLeave Time\tDuration\tEmail\tRole',
    'Ann\t11/14/22, 09:30:46\t11/14/22, 09:50:46\t20m\tann@example.org\tOrganizer',
    'Ann\t11/14/22, 10:10:00\t11/14/22, 10:30:00\t20m\tann@example.org\tOrganizer',
    'Bob\t11/14/22, 9:31:00\u202fAM\t11/14/22, 09:41:00\t10m\t\tAttendee',
  ]
  const expected = [
    'ann@example.org Ann 2022-11-14T08:30:46.000Z 2022-11-14T08:50:46.000Z',
    'ann@example.org Ann 2022-11-14T09:10:00.000Z 2022-11-14T09:30:00.000Z',
    'Bob Bob 2022-11-14T08:31:00.000Z 2022-11-14T08:41:00.000Z',
  ]
  const text = lines(...report)
  const swapped = (bytes: Buffer) => bytes.swap16()
  const encodings: { [name: string]: Uint8Array } = {
    'UTF-16LE with its mark': Buffer.from(`\ufeff${text}`, 'utf16le'),
    'UTF-16BE with its mark': swapped(Buffer.from(`\ufeff${text}`, 'utf16le')),
    'UTF-16LE without': Buffer.from(text, 'utf16le'),
    'UTF-8 with its mark': Buffer.from(`\ufeff${text}`),
  }
  for (const [name, file] of Object.entries(encodings)) {
    test(`in ${name} gives the stays of its third section`, async () => {
      const { sessions, untaken } = describeReading(await read('teams', file, { tz: 'Europe/Berlin' }))
      assert.deepEqual([sessions[0]?.room, sessions[0]?.stays, untaken], ['Weekly', expected, []])
    })
  }

  test('in another language is read by the places of its columns', async () => {
    const german = text
      .replace('1. Summary', '1. Zusammenfassung')
      .replace('Meeting title', 'Besprechungstitel')
      .replace('3. In-Meeting Activities', '3. Aktivitäten während der Besprechung')
      .replace('Name\tJoin Time\tLeave Time', 'Name\tBeitrittszeit\tVerlassenszeit')
    const { sessions } = describeReading(await read('teams', german, { tz: 'Europe/Berlin' }))
    assert.deepEqual([sessions[0]?.room, sessions[0]?.stays], ['Weekly', expected])
  })

  test('without its third section has no stays of whoever rejoined, unless they are asked for, marked', async () => {
    const sums = lines(...report.slice(0, 10))
    const { sessions, untaken } = await read('teams', sums, { tz: 'UTC' })
    assert.deepEqual(sessions[0]?.stays.map(brief), ['Bob Bob 2022-11-14T09:31:00.000Z 2022-11-14T09:41:00.000Z'])
    assert.match(untaken[0]?.reason ?? '', /away in between.*merged \(--merged\)/)
    const merged = await read('teams', sums, { tz: 'UTC', merged: true })
    assert.deepEqual(merged.sessions[0]?.stays[0]?.metadata, { mergedStays: true, insideSeconds: 2400 })
    assert.equal(merged.sessions[0]?.stays[1]?.metadata, undefined)
  })
})

describe('meet', () => {
  const file = lines(
    'First name,Last name,Email,Duration,Time joined,Time exited',
    'Ann,Smith,ann@example.org,58 min,10:00 AM,10:58 AM',
    'Bob,Jones,b****@example.com,1 hr 2 min,11:30 PM,12:32 AM',
    'Cas,Berg,cas@example.org,20 min,10:00 AM,11:00 AM',
  )

  test('has times of a day: the day, the zone and the room are asked for; who rejoined has no stays', async () => {
    await assert.rejects(read('meet', file), refusedAs(/say room \(--room\)/))
    await assert.rejects(read('meet', file, { room: 'r' }), refusedAs(/say date \(--date\)/))
    await assert.rejects(read('meet', file, { room: 'r', date: '2026-03-01' }), refusedAs(/say tz/))
    const options = { room: 'r', date: '2026-03-01', tz: 'Europe/Berlin' }
    const { sessions, untaken } = describeReading(await read('meet', file, options))
    assert.deepEqual(sessions[0]?.stays, [
      'ann@example.org Ann Smith 2026-03-01T09:00:00.000Z 2026-03-01T09:58:00.000Z',
      'Bob Jones Bob Jones 2026-03-01T22:30:00.000Z 2026-03-01T23:32:00.000Z',
    ])
    assert.match(untaken[0] ?? '', /^line 4: they were away in between/)
  })
})

describe('csv', () => {
  test('is of any order of columns; a room is one session until it was empty for five minutes', async () => {
    const file = lines(
      'left,joined,room,person,name',
      '2026-01-05T09:30:00Z,2026-01-05T09:00:00Z,standup,ann,Ann',
      '2026-01-05T09:50:00Z,2026-01-05T09:34:00Z,standup,bob,',
      '2026-01-05T11:00:00Z,2026-01-05T10:00:00Z,standup,bob,Bob',
      ',2026-01-05T10:00:00Z,standup,cas,Cas',
    )
    assert.deepEqual(describeReading(await read('csv', file)), {
      sessions: [
        {
          room: 'standup',
          key: 'standup 2026-01-05T09:00:00.000Z',
          from: null,
          to: null,
          stays: [
            'ann Ann 2026-01-05T09:00:00.000Z 2026-01-05T09:30:00.000Z',
            'bob  2026-01-05T09:34:00.000Z 2026-01-05T09:50:00.000Z',
          ],
        },
        {
          room: 'standup',
          key: 'standup 2026-01-05T10:00:00.000Z',
          from: null,
          to: null,
          stays: ['bob Bob 2026-01-05T10:00:00.000Z 2026-01-05T11:00:00.000Z'],
        },
      ],
      untaken: ['line 5: it has no times that can be read'],
    })
    await assert.rejects(read('csv', 'room,who\n'), refusedAs(/there is no person, joined, left/))
    await assert.rejects(read('csv', Buffer.from([0xc3, 0x28, 0x0a])), refusedAs(/not text in UTF-8 or UTF-16/))
  })

  test('the order of day and month is taken from the file, or asked for, and never guessed', async () => {
    const row = (joined: string, left: string) => lines('room,person,joined,left', `r,ann,${joined},${left}`)
    const joinsOf = async (file: string, options: ImportOptions = {}) =>
      (await read('csv', file, { tz: 'UTC', ...options })).sessions[0]?.stays.map(({ joinedAt }) => iso(joinedAt))
    assert.deepEqual(await joinsOf(row('03/04/2026 10:00', '13/04/2026 10:00')), ['2026-04-03T10:00:00.000Z'])
    assert.deepEqual(await joinsOf(row('03/04/2026 10:00', '03/14/2026 10:00')), ['2026-03-04T10:00:00.000Z'])
    const open = row('03/04/2026 10:00', '03/04/2026 11:00')
    await assert.rejects(joinsOf(open), refusedAs(/say dateOrder \(--date-order\), dmy or mdy/))
    assert.deepEqual(await joinsOf(open, { dateOrder: 'dmy' }), ['2026-04-03T10:00:00.000Z'])
    assert.deepEqual(await joinsOf(open, { dateOrder: 'mdy' }), ['2026-03-04T10:00:00.000Z'])
    await assert.rejects(joinsOf(row('13/04/2026 10:00', '04/13/2026 10:00')), refusedAs(/have no one order/))
    await assert.rejects(joinsOf(open, { dateOrder: 'dmy', tz: 'Mars/Olympus' }), refusedAs(/tz=Mars\/Olympus/))
  })

  test('an hour that the clock has twice is the one that fits; one that it leaves out is none', async () => {
    const tz = 'Europe/Berlin'
    const twice = lines(
      'room,person,joined,left',
      'r,ann,2025-10-26 02:50,2025-10-26 02:10',
      'r,bob,2025-10-26 12:00,2025-10-26 12:30',
    )
    const [stay, other] = (await read('csv', twice, { tz })).sessions.flatMap(({ stays }) => stays)
    assert.equal(stay && brief(stay), 'ann  2025-10-26T00:50:00.000Z 2025-10-26T01:10:00.000Z')
    assert.equal(other && iso(other.joinedAt), '2025-10-26T11:00:00.000Z')
    const never = lines('room,person,joined,left', 'r,ann,2025-03-30 02:30,2025-03-30 04:00')
    assert.deepEqual(describeReading(await read('csv', never, { tz })).untaken, [
      'line 2: it has no times that can be read',
    ])
  })
})

describe('bigbluebutton-events', () => {
  const event = (module: string, name: string, at: number, more: string) =>
    `<event timestamp="${at - 1_630_000_000_000}" module="${module}" eventname="${name}">${more}<timestampUTC>${at}</timestampUTC><date>2021-09-02T14:29:34.179-04</date></event>`
  const start = 1_630_607_374_179
  const join = (userId: string, more: string, at: number) =>
    event('PARTICIPANT', 'ParticipantJoinEvent', at, `<userId>${userId}</userId>${more}<role>VIEWER</role>`)
  const body = [
    join('w_a', '<name>Ann &amp; co</name><externalUserId>ann</externalUserId>', start),
    join('w_b', '<name>Bob</name><externalUserId>bob</externalUserId>', start + 60_000),
    event('VOICE', 'ParticipantLeftEvent', start + 70_000, '<userId>w_b</userId>'),
    event('CHAT', 'PublicChatEvent', start + 80_000, '<message><![CDATA[a secret]]></message>'),
    event('PARTICIPANT', 'ParticipantLeftEvent', start + 120_000, '<userId>w_a</userId>'),
  ]
  const end = event(
    'PARTICIPANT',
    'EndAndKickAllEvent',
    start + 600_000,
    '<reason>ENDED_AFTER_USER_LOGGED_OUT</reason>',
  )
  const file = (...events: string[]) =>
    `<?xml version="1.0"?><recording meeting_id="abc-${start}" bbb_version="2.4"><meeting id="abc-${start}" externalId="class" name="C" breakout="false"/><metadata meetingId="class"/>${events.join('\n')}</recording>`

  test('gives joins and leaves of the module PARTICIPANT; who was inside at the end has no leave', async () => {
    const reading = await read('bigbluebutton-events', file(...body, end))
    assert.deepEqual(describeReading(reading).sessions, [
      {
        room: 'class',
        key: `abc-${start}`,
        from: iso(start),
        to: iso(start + 600_000),
        stays: [`ann Ann & co ${iso(start)} ${iso(start + 120_000)}`, `bob Bob ${iso(start + 60_000)} `],
      },
    ])
    assert.equal(reading.sessions[0]?.isEndInferred, false)
    assert.ok(!JSON.stringify(reading).includes('secret'))
    const cut = await read('bigbluebutton-events', file(...body))
    assert.deepEqual([cut.sessions[0]?.isEndInferred, cut.sessions[0]?.endAt], [true, start + 120_000])
  })

  test('of old, without timestampUTC, is dated by the meeting’s id', async () => {
    const old = file(...body, end).replaceAll(/<timestampUTC>\d+<\/timestampUTC>/g, '')
    const { sessions } = await read('bigbluebutton-events', old)
    assert.equal(iso(sessions[0]?.stays[1]?.joinedAt), iso(start + 60_000))
    await assert.rejects(read('bigbluebutton-events', '<recording><event>'), refusedAs(/The file is not XML/))
    await assert.rejects(read('bigbluebutton-events', '<other/>'), refusedAs(/no events.xml/))
  })
})

describe('bigbluebutton-dashboard', () => {
  test('gives each connection’s times, in the form of 2.6 and in the one before', async () => {
    const at = Date.UTC(2026, 0, 5, 9)
    const meeting = {
      intId: 'abc-1',
      extId: 'class',
      createdOn: at,
      endedOn: at + 600_000,
      users: {
        u1: {
          extId: 'ann',
          name: 'Ann',
          isDialIn: false,
          intIds: {
            w_a: {
              intId: 'w_a',
              sessions: [
                { registeredOn: at, leftOn: at + 1000 },
                { registeredOn: at + 5000, leftOn: 0 },
              ],
            },
          },
        },
        u2: {
          extId: 'v_x',
          name: 'Phone',
          isDialIn: true,
          intIds: { w_b: { intId: 'w_b', registeredOn: at, leftOn: at + 2000 } },
        },
      },
    }
    const reading = await read('bigbluebutton-dashboard', JSON.stringify(meeting))
    assert.deepEqual(describeReading(reading).sessions[0]?.stays, [
      `ann Ann ${iso(at)} ${iso(at + 1000)}`,
      `ann Ann ${iso(at + 5000)} `,
      `v_x Phone ${iso(at)} ${iso(at + 2000)}`,
    ])
    assert.equal(reading.sessions[0]?.stays[2]?.kind, 'sip')
    const running = await read('bigbluebutton-dashboard', JSON.stringify({ ...meeting, endedOn: 0 }))
    assert.deepEqual([running.sessions.length, running.untaken.length], [0, 1])
  })
})

describe('daily', () => {
  const meeting = {
    id: 'm1',
    room: 'standup',
    start_time: 1_549_391_714,
    duration: 60,
    ongoing: false,
    participants: [
      { user_id: 'ann', participant_id: 'p1', user_name: 'Ann', join_time: 1_549_391_690, duration: 50 },
      { user_id: null, participant_id: 'p2', user_name: null, join_time: 1_549_391_720, duration: 10 },
      { user_id: null, participant_id: 'p3' },
    ],
  }

  test('counts seconds; a join may be before the start; what goes on is left out', async () => {
    const page = { total_count: 2, data: [meeting, { ...meeting, id: 'm2', ongoing: true }] }
    assert.deepEqual(describeReading(await read('daily', JSON.stringify(page))), {
      sessions: [
        {
          room: 'standup',
          key: 'm1',
          from: '2019-02-05T18:34:50.000Z',
          to: '2019-02-05T18:36:14.000Z',
          stays: [
            'ann Ann 2019-02-05T18:34:50.000Z 2019-02-05T18:35:40.000Z',
            'p2  2019-02-05T18:35:20.000Z 2019-02-05T18:35:30.000Z',
          ],
        },
      ],
      untaken: [
        'data[0].participants[2]: it has no participant_id, join_time or duration',
        'data[1]: it was still going on: export it again when it is over',
      ],
    })
  })

  test('several pages one after another are one file', async () => {
    const page = (id: string) => JSON.stringify({ data: [{ ...meeting, id }] }, null, 2)
    const { sessions } = await read('daily', `${page('m1')}\n${page('m}2')}`)
    assert.deepEqual(
      sessions.map(({ key }) => key),
      ['m1', 'm}2'],
    )
    await assert.rejects(read('daily', '{"data":['), refusedAs(/The file is not JSON/))
    await assert.rejects(read('daily', '{}'), refusedAs(/no meetings in data/))
  })
})

describe('100ms', () => {
  test('has peers by their ids, each a connection, with times of milliseconds', async () => {
    const peers = {
      p1: {
        id: 'p1',
        name: 'Ann',
        role: 'host',
        user_id: 'ann',
        joined_at: '2026-01-05T15:52:02.194Z',
        left_at: '2026-01-05T15:53:02.65Z',
      },
      p2: { id: 'p2', name: 'Bob', user_id: '', joined_at: '2026-01-05T15:52:02Z', left_at: '2026-01-05T15:54:02Z' },
    }
    const session = { id: 's1', room_id: 'r1', active: false, peers, created_at: '2026-01-05T15:52:00Z' }
    const reading = await read('100ms', JSON.stringify({ limit: 10, data: [session, { ...session, active: true }] }))
    assert.deepEqual(describeReading(reading).sessions[0]?.stays, [
      'ann Ann 2026-01-05T15:52:02.194Z 2026-01-05T15:53:02.650Z',
      'p2 Bob 2026-01-05T15:52:02.000Z 2026-01-05T15:54:02.000Z',
    ])
    assert.deepEqual(reading.sessions[0]?.stays[0]?.metadata, { role: 'host' })
    assert.equal(reading.untaken.length, 1)
  })
})

describe('twilio', () => {
  test('joins rooms with their participants; a rejoin is another participant of the same identity', async () => {
    const room = {
      sid: 'RM1',
      status: 'completed',
      unique_name: 'standup',
      date_created: '2017-07-30T20:00:00Z',
      end_time: '2017-07-30T21:00:00Z',
    }
    const person = {
      sid: 'PA1',
      room_sid: 'RM1',
      identity: 'ann',
      start_time: '2017-07-30T20:00:05Z',
      end_time: '2017-07-30T20:10:00Z',
    }
    const file = [
      { rooms: [room, { ...room, sid: 'RM2', status: 'in-progress' }], meta: {} },
      {
        participants: [person, { ...person, sid: 'PA2', start_time: '2017-07-30T20:20:00Z', end_time: null }],
        meta: {},
      },
      { participants: [{ ...person, room_sid: 'RM3' }] },
    ]
    const { sessions, untaken } = describeReading(
      await read('twilio', file.map((one) => JSON.stringify(one)).join('\n')),
    )
    assert.deepEqual(
      sessions.map(({ room: name, key, stays }) => [name, key, ...stays]),
      [['standup', 'RM1', 'ann  2017-07-30T20:00:05.000Z 2017-07-30T20:10:00.000Z', 'ann  2017-07-30T20:20:00.000Z ']],
    )
    assert.deepEqual(
      untaken.map((one) => one.split(': ')[1]?.slice(0, 20)),
      ['it was still going o', 'its room RM3 is not '],
    )
  })
})

describe('livekit-cloud', () => {
  test('gives each connection of each person; the list, which has no people, is refused', async () => {
    const session = {
      roomId: 'RM_1',
      roomName: 'standup',
      startTime: '2025-09-29T13:59:40Z',
      endTime: '2025-09-29T15:00:00Z',
      participants: [
        {
          participantIdentity: 'ann',
          participantName: 'Ann',
          joinedAt: '2025-09-29T14:00:00Z',
          leftAt: '2025-09-29T14:30:00Z',
          sessions: [
            { participantId: 'PA_1', joinedAt: '2025-09-29T14:00:00Z', leftAt: '2025-09-29T14:10:00Z' },
            { participantId: 'PA_2', joinedAt: '2025-09-29T14:20:00Z', leftAt: '2025-09-29T14:30:00Z' },
          ],
        },
      ],
    }
    const { sessions } = describeReading(await read('livekit-cloud', JSON.stringify(session)))
    assert.deepEqual(sessions[0]?.stays, [
      'ann Ann 2025-09-29T14:00:00.000Z 2025-09-29T14:10:00.000Z',
      'ann Ann 2025-09-29T14:20:00.000Z 2025-09-29T14:30:00.000Z',
    ])
    const list = JSON.stringify({ sessions: [{ sessionId: 'RM_1', roomName: 'standup' }] })
    await assert.rejects(read('livekit-cloud', list), refusedAs(/list of sessions, which has no people/))
  })
})

describe('videosdk', () => {
  test('gives the times of each timelog, under the room’s own name', async () => {
    const timelog = [
      { start: '2022-02-22T07:57:13.420Z', end: '2022-02-22T07:58:13.420Z' },
      { start: '2022-02-22T07:58:20.000Z', end: null },
    ]
    const session = {
      id: '621497578bea0d0404c35c4c',
      roomId: 'abcd-xyzw-lmno',
      start: '2022-02-22T07:57:11.505Z',
      end: '2022-02-22T07:59:13.420Z',
      participants: [{ participantId: 'ann', name: 'Ann', timelog }],
    }
    const page = { pageInfo: {}, data: [session, { ...session, id: 'f'.repeat(24), end: null }] }
    const { sessions, untaken } = describeReading(await read('videosdk', JSON.stringify(page)))
    assert.deepEqual(
      sessions.map(({ room, key, stays }) => [room, key, ...stays]),
      [
        [
          'abcd-xyzw-lmno',
          '621497578bea0d0404c35c4c',
          'ann Ann 2022-02-22T07:57:13.420Z 2022-02-22T07:58:13.420Z',
          'ann Ann 2022-02-22T07:58:20.000Z ',
        ],
      ],
    )
    assert.equal(untaken.length, 1)
  })
})
