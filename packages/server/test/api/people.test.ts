import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { PeoplePage, Person, PersonSessionPage, RoomPage } from '@rollcall/protocol'
import { makeRoom } from '../support/api-calls.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const at = (time: string) => Date.parse(`${time}Z`)
const clock = { now: () => at('2026-04-10T12:00') }

let server: TestServer
let keyId: number
let sessions: string[]
before(async () => {
  server = await startServer({}, { clock })
  keyId = (await server.context.reads.keys.find(server.apiKey))?.keyId ?? 0
  const math = (await makeRoom(server, { customRoomId: 'math' })).roomId
  const art = (await makeRoom(server)).roomId
  // Clocks in Berlin go an hour ahead in the night to 29 March 2026.
  sessions = [
    await recordSession(server, {
      roomId: math,
      startAt: at('2026-03-28T22:00'),
      endAt: at('2026-03-29T01:30'),
      stays: [
        {
          participantId: 'anna@web',
          name: 'Ánna Müller',
          joinedAt: at('2026-03-28T22:30'),
          leftAt: at('2026-03-29T01:30'),
        },
        { participantId: 'bob-4711', name: 'Bob', joinedAt: at('2026-03-28T22:00'), leftAt: at('2026-03-28T22:10') },
        { participantId: 'bob-4711', name: 'Bob', joinedAt: at('2026-03-28T22:20'), leftAt: at('2026-03-28T22:25') },
        { participantId: 'notetaker', name: 'Anna’s notes', kind: 'bot', joinedAt: at('2026-03-28T22:00') },
      ],
    }),
    await recordSession(server, {
      roomId: art,
      startAt: at('2026-03-30T09:00'),
      endAt: at('2026-03-30T10:00'),
      stays: [
        {
          participantId: 'anna@web',
          name: 'Anna Weiß',
          joinedAt: at('2026-03-30T09:00'),
          leftAt: at('2026-03-30T09:30'),
        },
        {
          participantId: 'anna@phone',
          name: 'Anna W.',
          joinedAt: at('2026-03-30T09:20'),
          leftAt: at('2026-03-30T10:00'),
        },
        {
          participantId: 'zoe',
          name: '100% \\ Zoë_',
          joinedAt: at('2026-03-30T09:00'),
          leftAt: at('2026-03-30T09:01'),
        },
      ],
    }),
  ]
  await gather()
})
after(() => server.stop())

/** What the server does by itself a moment later. */
async function gather(): Promise<void> {
  while ((await server.context.writes.people.gather({ keyId })) > 0);
}

async function get<T>(path: string): Promise<T> {
  const { status, text, body } = await server.call<T>('GET', path)
  assert.equal(status, 200, text)
  return body
}

const find = async (search: string, more = '') =>
  (await get<PeoplePage>(`/v2/people?search=${encodeURIComponent(search)}${more}`)).data.map(({ id }) => id)

describe('people', () => {
  test('are found by any part of their name or id, in any letters, last seen first', async () => {
    assert.deepEqual(await find(''), ['anna@phone', 'anna@web', 'zoe', 'bob-4711'])
    assert.deepEqual(await find('ANNA'), ['anna@phone', 'anna@web'])
    assert.deepEqual(await find('mull'), ['anna@web'], 'also by a name that they had before')
    assert.deepEqual(await find('weiss'), ['anna@web'])
    assert.deepEqual(await find('zoe'), ['zoe'])
    assert.deepEqual(await find('711'), ['bob-4711'])
    assert.deepEqual(await find('a w'), ['anna@phone', 'anna@web'])
    assert.deepEqual(await find('anna muller of'), [])
    assert.deepEqual(await find('b'), ['anna@web', 'bob-4711'])
  })

  test('are found by what a database takes for a pattern, as it is', async () => {
    assert.deepEqual(await find('%'), ['zoe'])
    assert.deepEqual(await find('100% \\ zoe_'), ['zoe'])
    assert.deepEqual(await find('n_a'), [])
  })

  test('are not programs, whatever they are called', async () => {
    assert.deepEqual(await find('notes'), [])
    assert.equal((await server.call('GET', '/v2/people/notetaker')).status, 404)
  })

  test('come a page at a time, by a cursor that is refused where it is none', async () => {
    const first = await get<PeoplePage>('/v2/people?perPage=3')
    assert.equal(first.data.length, 3)
    const cursor = first.nextCursor ?? assert.fail()
    assert.deepEqual(await find('', `&perPage=3&cursor=${cursor}`), ['bob-4711'])
    const { status, text } = await server.call('GET', '/v2/people?cursor=WzFd')
    assert.equal(status, 400)
    assert.match(text, /cursor=WzFd is not understood/)
  })

  test('are summed up over their sessions, in the days of a time zone, also where its clocks change', async () => {
    const anna = await get<Person>('/v2/people/anna%40web?tz=Europe/Berlin')
    assert.deepEqual(anna, {
      id: 'anna@web',
      name: 'Anna Weiß',
      lastSeen: '2026-03-30T09:30:00.000Z',
      merged: false,
      participantIds: ['anna@web'],
      names: ['Anna Weiß', 'Ánna Müller'],
      firstSeen: '2026-03-28T22:30:00.000Z',
      inside: false,
      sessions: 2,
      rooms: 2,
      totalSeconds: 3.5 * 3600,
      timeZone: 'Europe/Berlin',
      groupBy: 'day',
      time: [
        { start: '2026-03-28', seconds: 1800, sessions: 1 },
        { start: '2026-03-29', seconds: 9000, sessions: 1 },
        { start: '2026-03-30', seconds: 1800, sessions: 1 },
      ],
    })
    const by = async (query: string) => (await get<Person>(`/v2/people/anna@web?${query}`)).time
    assert.deepEqual(
      (await by('groupBy=week&tz=Europe/Berlin')).map(({ start, seconds }) => [start, seconds]),
      [
        ['2026-03-23', 10_800],
        ['2026-03-30', 1800],
      ],
    )
    assert.deepEqual(
      (await by('groupBy=month&tz=Pacific/Kiritimati')).map(({ start, seconds }) => [start, seconds]),
      [['2026-03-01', 12_600]],
    )
    assert.deepEqual(
      (await by('from=2026-03-29T00:00:00Z&to=2026-03-29T01:00:00Z')).map(({ seconds }) => seconds),
      [3600],
    )
    const { status, text } = await server.call('GET', '/v2/people/anna@web?tz=Mars')
    assert.equal(status, 400)
    assert.match(text, /tz=Mars is not understood: it takes an IANA time zone/)
  })

  test('have a row of each day that they were inside, also years apart, and of no time at all as a day begins', async (t) => {
    const own = await startServer({}, { clock })
    t.after(() => own.stop())
    const { roomId } = await makeRoom(own)
    const key = await own.context.reads.keys.find(own.apiKey)
    const times = [
      ['2003-02-01T23:00', '2003-02-02T01:00'],
      ['2003-02-02T05:00', '2003-02-02T06:00'],
      ['2026-02-03T00:00', '2026-02-03T00:00'],
    ] as const
    for (const [start, end] of times) {
      const [joinedAt, leftAt] = [at(start), at(end)]
      const stays = [{ participantId: 'eve', joinedAt, leftAt }]
      await recordSession(own, { roomId, startAt: joinedAt, endAt: leftAt, stays })
    }
    while ((await own.context.writes.people.gather({ keyId: key?.keyId ?? 0 })) > 0);
    const { body } = await own.call<Person>('GET', '/v2/people/eve')
    assert.deepEqual(
      body.time.map(({ start, seconds, sessions }) => [start, seconds, sessions]),
      [
        ['2003-02-01', 3600, 1],
        ['2003-02-02', 7200, 2],
        ['2026-02-03', 0, 1],
      ],
    )
  })

  test('have their own times in each of their sessions', async () => {
    const { data, pageInfo } = await get<PersonSessionPage>('/v2/people/bob-4711/sessions')
    assert.equal(pageInfo.total, 1)
    const [one] = data
    assert.deepEqual([one?.sessionId, one?.customRoomId, one?.seconds], [sessions[0], 'math', 900])
    assert.deepEqual(
      one?.stays.map(({ start, end }) => [start, end]),
      [
        ['2026-03-28T22:00:00.000Z', '2026-03-28T22:10:00.000Z'],
        ['2026-03-28T22:20:00.000Z', '2026-03-28T22:25:00.000Z'],
      ],
    )
  })

  test('are one person once they are merged, and apart again once they are not; facts stay as they are', async () => {
    const merged = await server.call<Person>('PUT', '/v2/people/staff-7', {
      participantIds: ['anna@web', 'anna@phone'],
      name: 'Anna W',
    })
    assert.equal(merged.status, 200, merged.text)
    assert.deepEqual(merged.body.participantIds, ['anna@phone', 'anna@web'])
    assert.equal(merged.body.totalSeconds, 3 * 3600 + 3600, 'what overlaps counts once')
    assert.equal(merged.body.sessions, 2)
    assert.deepEqual(await find('anna'), ['staff-7'])
    assert.deepEqual(await find('muller'), ['staff-7'])
    assert.deepEqual(await find('staff'), ['staff-7'])
    assert.equal((await get<Person>('/v2/people/anna@web')).id, 'staff-7')
    assert.equal((await get<PersonSessionPage>('/v2/people/staff-7/sessions')).pageInfo.total, 3)
    const again = await server.call('PUT', '/v2/people/other', { participantIds: ['anna@web'] })
    assert.equal(again.status, 400)
    assert.match(again.text, /anna@web is merged into staff-7 already/)
    const misspelt = await server.call('PUT', '/v2/people/other', { participantIds: ['anna@web'], fullName: 'Anna' })
    assert.match(String(misspelt.body.error), /^fullName is not known: this takes /)
    const unknown = await server.call('PUT', '/v2/people/other', { participantIds: ['nobody'] })
    assert.equal(unknown.status, 404)

    const apart = await server.call<PeoplePage>('DELETE', '/v2/people/staff-7')
    assert.deepEqual(
      apart.body.data.map(({ id }) => id),
      ['anna@phone', 'anna@web'],
    )
    assert.deepEqual(await find('anna'), ['anna@phone', 'anna@web'])
    assert.deepEqual(await find('staff'), [])
    assert.equal((await server.call('GET', '/v2/people/staff-7')).status, 404)
    assert.equal((await server.call('DELETE', '/v2/people/staff-7')).status, 404)
  })

  test('are found beside rooms, by any part of these names too', async () => {
    const roomsWith = async (part: string) =>
      (await get<RoomPage>(`/v2/rooms?search=${part}`)).data.map(({ customRoomId }) => customRoomId)
    assert.deepEqual(await roomsWith('ATH'), ['math'])
    assert.deepEqual(await roomsWith('physics'), [])
  })

  test('of another key are not found', async () => {
    const neighbour = await addNeighbour(server)
    const token = await signToken(neighbour, { roles: ['crawler'] }, { now: clock.now(), lifetimeMs: 3_600_000 })
    const { body } = await server.call<PeoplePage>('GET', '/v2/people?search=anna', undefined, { token })
    assert.deepEqual(body.data, [])
  })

  test('who were in a session under two ids are listed there by when they came, the latest first', async () => {
    const neighbour = await addNeighbour(server)
    const token = await signToken(neighbour, { roles: ['crawler'] }, { now: clock.now(), lifetimeMs: 3_600_000 })
    const startAt = at('2026-04-01T09:00')
    const [first, second] = [
      { participantId: 'z', joinedAt: startAt + 1000 },
      { participantId: 'a', joinedAt: startAt + 2000 },
    ]
    const about = { roomId: 'both', startAt, endAt: startAt + 9000, stays: [second, first] }
    const [{ apiKey }, { context }] = [neighbour, server]
    await recordSession({ context, apiKey }, about)
    const owner = await context.reads.keys.find(apiKey)
    while ((await context.writes.people.gather({ keyId: owner?.keyId ?? 0 })) > 0);
    const body = { participantIds: ['a', 'z'], name: 'Both' }
    assert.equal((await server.call('PUT', '/v2/people/both', body, { token })).status, 200)
    const { data } = (await server.call<PersonSessionPage>('GET', '/v2/people/both/sessions', undefined, { token }))
      .body
    assert.deepEqual(
      data.map(({ participantId }) => participantId),
      ['a', 'z'],
    )
  })

  test('go with their last session: nothing that they were found by is left', async () => {
    const { roomId } = await makeRoom(server)
    const visit = {
      participantId: 'guest-1',
      name: 'Quirin',
      joinedAt: at('2020-01-01T09:00'),
      leftAt: at('2020-01-01T09:10'),
    }
    await recordSession(server, {
      roomId,
      startAt: at('2020-01-01T09:00'),
      endAt: at('2020-01-01T10:00'),
      stays: [visit],
    })
    await gather()
    assert.deepEqual(await find('quirin'), ['guest-1'])
    await server.context.writes.retention.eraseSessions({ old: [{ keyId, before: at('2020-02-01T00:00') }] })
    await gather()
    assert.deepEqual(await find('quirin'), [])
    assert.equal((await server.call('GET', '/v2/people/guest-1')).status, 404)
  })
})
