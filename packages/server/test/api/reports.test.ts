import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Attendance, Room, Usage } from '@rollcall/protocol'
import readWorkbook from 'read-excel-file/node'
import { makeRoom } from '../support/api-calls.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const day = '2026-03-02'
const at = (time: string) => Date.parse(`${day}T${time}Z`)

let server: TestServer
let first: Room
let second: Room
let sessionId: string
before(async () => {
  server = await startServer()
  first = await makeRoom(server, { customRoomId: 'first' })
  second = await makeRoom(server)
  sessionId = await recordSession(server, {
    roomId: first.roomId,
    startAt: at('09:00:00'),
    endAt: at('11:00:00'),
    stays: [
      { participantId: 'ann', name: '=HYPERLINK("http://evil")', joinedAt: at('09:00:00'), leftAt: at('09:30:00') },
      { participantId: 'ann', joinedAt: at('10:00:00'), leftAt: at('10:15:00') },
      { participantId: 'bob', name: 'Bob, "the builder"', joinedAt: at('09:10:00'), leftAt: at('11:00:00') },
    ],
  })
  await recordSession(server, {
    roomId: second.roomId,
    startAt: at('22:00:00'),
    endAt: at('23:00:00') + 3 * 3600_000,
    stays: [{ participantId: 'ann', joinedAt: at('22:00:00'), leftAt: at('23:00:00') + 3 * 3600_000 }],
  })
})
after(() => server.stop())

const month = 'from=2026-03-01&to=2026-03-31'

async function getRows(query: string): Promise<Attendance['data']> {
  const { status, text, body } = await server.call<Attendance>('GET', `/v2/attendance?${query}`)
  assert.equal(status, 200, text)
  return body.data
}

async function getUsage(query: string): Promise<Usage> {
  const { status, text, body } = await server.call<Usage>('GET', `/v2/usage?${query}`)
  assert.equal(status, 200, text)
  return body
}

/** A cell has days and a fraction of them, of which this library drops what is less than a millisecond. */
function toSecond(cell: Date): string {
  return new Date(Math.round(cell.getTime() / 1000) * 1000).toISOString().slice(0, 19)
}

/** As another library reads it: the first sheet. */
async function openWorkbook(path: string): Promise<{ data: unknown[][] }> {
  const answer = await fetch(server.url + path, { headers: { authorization: await server.sign() } })
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /spreadsheetml.sheet$/)
  const [sheet] = (await readWorkbook(Buffer.from(await answer.arrayBuffer()))) as { data: unknown[][] }[]
  return sheet ?? assert.fail('no sheet')
}

describe('attendance', () => {
  test('has a row for each time inside, session after session', async () => {
    const rows = await getRows(month)
    assert.deepEqual(
      rows.map(({ participantId, start, end, seconds }) => [participantId, start, end, seconds]),
      [
        ['ann', `${day}T09:00:00.000Z`, `${day}T09:30:00.000Z`, 1800],
        ['ann', `${day}T10:00:00.000Z`, `${day}T10:15:00.000Z`, 900],
        ['bob', `${day}T09:10:00.000Z`, `${day}T11:00:00.000Z`, 6600],
        ['ann', `${day}T22:00:00.000Z`, '2026-03-03T02:00:00.000Z', 14_400],
      ],
    )
    assert.deepEqual([rows[0]?.roomId, rows[0]?.customRoomId], [first.roomId, 'first'])
  })

  test('has, per participant, one row of each person in each session', async () => {
    const rows = await getRows(`${month}&per=participant&roomId=first`)
    assert.deepEqual(
      rows.map(({ participantId, start, end, seconds, intervals }) => [participantId, start, end, seconds, intervals]),
      [
        ['ann', `${day}T09:00:00.000Z`, `${day}T10:15:00.000Z`, 2700, 2],
        ['bob', `${day}T09:10:00.000Z`, `${day}T11:00:00.000Z`, 6600, 1],
      ],
    )
  })

  test('has every time inside that reaches into the period, and no other', async () => {
    const between = (from: string, to: string) => getRows(`from=${day}T${from}Z&to=${day}T${to}Z`)
    assert.deepEqual(
      (await between('09:45:00', '10:00:00')).map(({ participantId }) => participantId),
      ['bob'],
    )
    assert.deepEqual(
      (await getRows('from=2026-03-03T01:00:00Z&to=2026-03-03T01:00:01Z')).map(({ start }) => start),
      [`${day}T22:00:00.000Z`],
    )
    assert.deepEqual(await between('12:00:00', '13:00:00'), [])
  })

  test('is CSV by Accept or format, whose cells no spreadsheet takes for formulas', async () => {
    const path = `/v2/sessions/${sessionId}/attendance`
    const { text, headers } = await server.call('GET', path, undefined, { headers: { accept: 'text/csv' } })
    assert.match(String(headers['content-type']), /^text\/csv/)
    const [head, ann, , bob, rest] = text.split('\r\n')
    assert.equal(head, 'sessionId,roomId,customRoomId,participantId,name,kind,start,end,seconds,reason,inferred')
    assert.equal(
      ann,
      `${sessionId},${first.roomId},first,ann,"'=HYPERLINK(""http://evil"")",person,${day}T09:00:00.000Z,${day}T09:30:00.000Z,1800,,false`,
    )
    assert.match(bob ?? '', /,"Bob, ""the builder""",/)
    assert.equal(rest, '')
    assert.equal((await server.call('GET', `${path}?format=csv`)).text, text)
  })

  test('is CSV with a separator of choice and a byte order mark, whose cells are safe whatever is taken for a separator', async () => {
    const { roomId } = await makeRoom(server, { customRoomId: 'Übung 3/4' })
    const startAt = at('05:00:00')
    const name = 'Eve;=cmd|calc;\t+1'
    const stays = [{ participantId: 'eve', name, joinedAt: startAt, leftAt: startAt + 1000 }]
    const id = await recordSession(server, { roomId, startAt: at('05:00:00'), endAt: at('05:10:00'), stays })
    const path = `/v2/sessions/${id}/attendance?format=csv`
    for (const [separator, mark] of Object.entries({ comma: ',', semicolon: ';', tab: '\t' })) {
      const { text, headers } = await server.call('GET', `${path}&separator=${separator}&bom=true`)
      assert.ok(text.startsWith(`\ufeffsessionId${mark}roomId${mark}`), text)
      assert.ok(text.includes(`${mark}"${name}"${mark}person${mark}`), text)
      const disposition = String(headers['content-disposition'])
      assert.equal(
        disposition,
        `attachment; filename="_bung 3-4 ${day} attendance.csv"; filename*=UTF-8''%C3%9Cbung%203-4%20${day}%20attendance.csv`,
      )
    }
    const { status, text } = await server.call('GET', `${path}&separator=pipe`)
    assert.equal(status, 400)
    assert.match(text, /separator=pipe is not understood: it takes comma, semicolon or tab/)
    await eraseBefore(startAt + 3600_000)
  })

  test('has local times of the zone that is asked for as CSV, whose heads name it and its offset', async () => {
    const { text } = await server.call('GET', `/v2/sessions/${sessionId}/attendance?format=csv&tz=Asia/Kolkata`)
    const [head, ann] = text.split('\r\n')
    const zone = '(Asia/Kolkata, UTC+05:30)'
    const names = `sessionId,roomId,customRoomId,participantId,name,kind,"start ${zone}","end ${zone}",seconds,reason,inferred`
    assert.equal(head, names)
    assert.ok(ann?.endsWith(`person,${day} 14:30:00,${day} 15:00:00,1800,,false`), ann)
  })

  for (const zone of ['UTC', 'America/New_York']) {
    test(`is a workbook with real dates by the clocks asked for, and durations, whatever the process’s own zone: ${zone}`, async (t) => {
      const own = process.env.TZ
      t.after(() => {
        if (own === undefined) delete process.env.TZ
        else process.env.TZ = own
      })
      process.env.TZ = zone
      const { data } = await openWorkbook(`/v2/attendance?${month}&format=xlsx&tz=Europe/Berlin`)
      const [head, ann, , bob, night] = data
      const clocks = '(Europe/Berlin, UTC+01:00 and UTC+02:00)'
      assert.deepEqual(head?.slice(3), [
        ...['participantId', 'name', 'kind', `start ${clocks}`, `end ${clocks}`, 'duration', 'reason', 'inferred'],
      ])
      assert.deepEqual(ann?.slice(3, 6), ['ann', '=HYPERLINK("http://evil")', 'person'])
      const written = (cells: unknown[] | undefined) =>
        cells?.map((cell) => (cell instanceof Date ? toSecond(cell) : cell))
      assert.deepEqual(written(ann?.slice(6)), [
        `${day}T10:00:00`,
        `${day}T10:30:00`,
        '1899-12-30T00:30:00',
        null,
        false,
      ])
      assert.equal(bob?.[4], 'Bob, "the builder"')
      assert.deepEqual(written(night?.slice(6, 8)), [`${day}T23:00:00`, '2026-03-03T03:00:00'])
      const utc = await openWorkbook(`/v2/sessions/${sessionId}/attendance?format=xlsx`)
      assert.equal(utc.data[0]?.[6], 'start (UTC)')
      assert.deepEqual(written(utc.data[1]?.slice(6, 7)), [`${day}T09:00:00`])
    })
  }

  test('is a table of all that is asked for also of the list of sessions, of a person and of usage, as CSV and as a workbook', async () => {
    const { keyId } = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
    while ((await server.context.writes.people.gather({ keyId })) > 0);
    const paths = {
      '/v2/sessions?perPage=1&tz=Europe/Berlin': 2,
      '/v2/sessions?customRoomId=first': 1,
      '/v2/people/ann/sessions?perPage=1': 3,
      [`/v2/usage?${month}&groupBy=room`]: 2,
      [`/v2/usage?${month}&groupBy=day&tz=Europe/Berlin`]: 32,
    }
    for (const [path, rows] of Object.entries(paths)) {
      const { text, status } = await server.call('GET', `${path}${path.includes('?') ? '&' : '?'}format=csv`)
      assert.equal(status, 200, text)
      assert.equal(text.trimEnd().split('\r\n').length, rows + 1, path)
      const { data } = await openWorkbook(`${path}&format=xlsx`)
      assert.equal(data.length, rows + 1, path)
    }
    const { text } = await server.call('GET', '/v2/sessions?customRoomId=first&format=csv')
    const names = 'id,roomId,customRoomId,start,end,status,uniqueParticipants,participantSeconds,activeDuration'
    assert.equal(text.split('\r\n')[0], `${names},maxJoinedPeersCount,engine`)
    assert.match(
      text,
      new RegExp(`^${sessionId},${first.roomId},first,${day}T09:00:00.000Z,${day}T11:00:00.000Z,ended,2,9300,`, 'm'),
    )
  })

  test('is a workbook that opens whatever people are called', async () => {
    const { roomId } = await makeRoom(server)
    const startAt = at('05:00:00')
    const names = ['<b>&amp;', 'a\u0001b', '_x0041_', ' two  spaces ', '\ufffe', 'line\nbreak', '👩‍🏫', 'x'.repeat(512)]
    const stays = names.map((name, n) => ({ participantId: `p${n}`, name, joinedAt: startAt, leftAt: startAt + 1000 }))
    const id = await recordSession(server, { roomId, startAt, endAt: startAt + 2000, stays })
    const { data } = await openWorkbook(`/v2/sessions/${id}/attendance?format=xlsx`)
    const told = names.map((name) => name.replaceAll('\u0001', '\ufffd').replaceAll('\ufffe', '\ufffd'))
    assert.deepEqual(
      data.slice(1).map((row) => String(row[4]).replace('_x005F_', '_').trim()),
      told.map((name) => name.trim()),
    )
    await eraseBefore(startAt + 3600_000)
  })

  test('is a line of JSON a row as NDJSON', async () => {
    const path = `/v2/sessions/${sessionId}/attendance`
    const { text } = await server.call('GET', `${path}?format=ndjson`)
    const { body } = await server.call<Attendance>('GET', path)
    assert.deepEqual(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      body.data,
    )
    assert.equal(body.data.length, 3)
  })

  test('has everybody of a session that is larger than a page of people', async () => {
    const { roomId } = await makeRoom(server)
    const startAt = Date.parse('2026-05-01T00:00:00Z')
    const stays = Array.from({ length: 1201 }, (_, i) => ({
      participantId: `p${i}`,
      joinedAt: startAt + i,
      leftAt: startAt + 60_000 + i,
    }))
    const id = await recordSession(server, { roomId, startAt, endAt: startAt + 120_000, stays })
    const { body } = await server.call<Attendance>('GET', `/v2/sessions/${id}/attendance`)
    assert.deepEqual(
      body.data.map(({ participantId }) => participantId),
      stays.map(({ participantId }) => participantId),
    )
  })

  test('of a session names the offset of its own time alone, and its day by the clocks asked for', async () => {
    const { roomId } = await makeRoom(server, { customRoomId: 'late' })
    // Clocks in Newfoundland went back on 1 November 2026.
    const startAt = Date.parse('2026-11-20T01:00:00Z')
    const stays = [{ participantId: 'ann', joinedAt: startAt, leftAt: startAt + 1000 }]
    const id = await recordSession(server, { roomId, startAt, endAt: startAt + 2000, stays })
    const path = `/v2/sessions/${id}/attendance?format=csv&tz=America/St_Johns`
    const { text, headers } = await server.call('GET', path)
    assert.match(text, /"start \(America\/St_Johns, UTC-03:30\)"/)
    assert.match(text, /,2026-11-19 21:30:00,/)
    assert.match(String(headers['content-disposition']), /filename="late 2026-11-19 attendance.csv"/)
  })

  test('of another key’s session is answered as of one that does not exist', async () => {
    const neighbour = await addNeighbour(server)
    const other = await server.context.reads.keys.find(neighbour.apiKey)
    assert.ok(other)
    const token = await signToken(other, { roles: ['crawler'] }, { now: Date.now(), lifetimeMs: 60_000 })
    const headers = { 'x-request-id': 'same' }
    const none = sessionId.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))
    const answers = await Promise.all(
      [sessionId, none].map((id) => server.call('GET', `/v2/sessions/${id}/attendance`, undefined, { token, headers })),
    )
    const [theirs, unknown] = answers.map(({ status, text }) => [status, text.replace(sessionId, none)])
    assert.deepEqual(theirs, unknown)
    assert.equal(answers[0]?.status, 404)
    assert.deepEqual(
      (await server.call<Attendance>('GET', `/v2/attendance?${month}`, undefined, { token })).body.data,
      [],
    )
  })
})

describe('usage', () => {
  test('has the days of a time zone, also of one that is ahead by other than whole hours', async () => {
    const { data } = await getUsage(
      `from=${day}T18:15:00Z&to=2026-03-03T18:15:00Z&tz=Asia/Kathmandu&roomId=${second.roomId}`,
    )
    assert.deepEqual(
      data.map(({ start, participantMinutes }) => [start, participantMinutes]),
      [[`${day}T18:15:00.000Z`, 240]],
    )
    const { status, text } = await server.call('GET', '/v2/usage?tz=Nowhere')
    assert.equal(status, 400)
    assert.match(text, /tz=Nowhere is not understood/)
  })

  test('counts sessions, people, minutes and the most at one moment of each day, a stay over midnight in both', async () => {
    const { total, data } = await getUsage('from=2026-03-01&to=2026-03-03')
    assert.deepEqual(data, [
      { start: '2026-03-01T00:00:00.000Z', ...row(0, 0, 0, 0) },
      { start: '2026-03-02T00:00:00.000Z', ...row(2, 2, 30 + 15 + 110 + 120, 2) },
      { start: '2026-03-03T00:00:00.000Z', ...row(1, 1, 120, 1) },
    ])
    assert.deepEqual(total, row(2, 2, 395, 2))
  })

  test('is the same of sessions that are sealed, and of those that are not', async () => {
    const queries = ['day', 'hour', 'room', 'participant'].map((groupBy) => `from=${day}&to=${day}&groupBy=${groupBy}`)
    const read = () => Promise.all(queries.map(getUsage))
    const before = await read()
    const { writes, clock } = server.context
    assert.ok((await writes.seals.seal({ now: clock.now() + 60_000 })) >= 2)
    assert.deepEqual(await read(), before)
  })

  test('counts nothing of what lies outside the period', async () => {
    const { total } = await getUsage(`from=${day}T09:20:00Z&to=${day}T09:40:00Z`)
    assert.deepEqual(total, row(1, 2, 10 + 20, 2))
  })

  test('is told by hour, by room and by participant, the most used first', async () => {
    const hours = await getUsage(`from=${day}T09:00:00Z&to=${day}T11:00:00Z&groupBy=hour`)
    assert.deepEqual(
      hours.data.map(({ start, participantMinutes }) => [start, participantMinutes]),
      [
        [`${day}T09:00:00.000Z`, 80],
        [`${day}T10:00:00.000Z`, 75],
      ],
    )
    const rooms = await getUsage('from=2026-03-01&to=2026-03-03&groupBy=room')
    assert.deepEqual(rooms.data, [
      { roomId: second.roomId, customRoomId: null, ...row(1, 1, 240, 1) },
      { roomId: first.roomId, customRoomId: 'first', ...row(1, 2, 155, 2) },
    ])
    const people = await getUsage('from=2026-03-01&to=2026-03-03&groupBy=participant&roomId=first')
    assert.deepEqual(people.data, [
      { participantId: 'bob', name: 'Bob, "the builder"', ...row(1, 1, 110, 1) },
      { participantId: 'ann', name: '=HYPERLINK("http://evil")', ...row(1, 1, 45, 1) },
    ])
  })

  test('of more rows than there may be, or of no time at all, is refused by name', async () => {
    const refused = async (query: string) => (await server.call('GET', `/v2/usage?${query}`)).body.error
    assert.match(String(await refused('from=2000-01-01&to=2026-01-01&groupBy=hour')), /^from and to .* hours apart/)
    assert.match(String(await refused('from=2026-01-02&to=2026-01-01')), /^from=2026-01-02.* is not before to=/)
    assert.match(String(await refused('from=monday')), /^from="?monday"? is not understood/)
  })

  function row(sessions: number, uniqueParticipants: number, participantMinutes: number, peakConcurrency: number) {
    return { sessions, uniqueParticipants, participantMinutes, peakConcurrency }
  }
})

test('a time zone that there is not is refused wherever one is taken, in JSON as in a table', async () => {
  const { body } = await server.call<{ data: { id: string }[] }>('GET', '/v2/sessions')
  const id = body.data[0]?.id ?? ''
  const paths = ['/v2/attendance', '/v2/usage', '/v2/sessions', '/v2/audit', `/v2/sessions/${id}/attendance`]
  for (const path of paths) {
    for (const query of ['', '&format=csv']) {
      const { status, body: refused } = await server.call('GET', `${path}?tz=Middle-earth/Shire${query}`)
      assert.equal(status, 400, path)
      assert.match(String(refused.error), /tz=Middle-earth\/Shire is not understood: it takes an IANA time zone/)
    }
  }
})

async function eraseBefore(before: number): Promise<void> {
  const { keyId } = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
  await server.context.writes.retention.eraseSessions({ old: [{ keyId, before }] })
}
