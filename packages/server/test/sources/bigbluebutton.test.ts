import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { SessionPage, Source } from '@rollcall/protocol'
import { bigbluebuttonSecret, deliverAsBigbluebutton } from '../support/senders/senders.ts'
import { addSource, deliver, listSeen } from '../support/senders/source-client.ts'
import { shuffle } from '../support/shuffle.ts'
import { onSqlite, startServer, type TestServer } from '../support/start-server.ts'

// Events as bbb-webhooks makes them (src/process/event.js of bigbluebutton/bbb-webhooks).

const start = 1708381133689
/** By the server's clock, and by BigBlueButton's. */
const now = start + 300_000

let server: TestServer
let source: Source
before(async () => {
  server = await startServer({ ROLLCALL_TRUST_PROXY: 'on' }, { clock: { now: () => now } })
  source = await addSource(server, 'bigbluebutton', { secret: bigbluebuttonSecret })
})
after(() => server.stop())

const passwords = ['moderators-only', 'viewers-too']

/** The events of one meeting, at so many milliseconds after the start. */
function createMeeting(name: string, internalId = `8043-${name}`) {
  const meeting = { 'internal-meeting-id': internalId, 'external-meeting-id': name }
  const event = (id: string, at: number, attributes: object) => ({
    data: { type: 'event', id, attributes: { meeting, ...attributes }, event: { ts: start + at } },
  })
  const user = (internal: string, external: string | undefined, name?: string) => ({
    user: {
      'internal-user-id': internal,
      'external-user-id': external,
      ...(name !== undefined && { name, role: 'MODERATOR', presenter: false, guest: false }),
    },
  })
  return {
    created: (at: number) =>
      event('meeting-created', at + 40, {
        meeting: {
          ...meeting,
          name,
          'is-breakout': false,
          duration: 0,
          'create-time': start + at,
          'create-date': 'Mon Feb 19 22:18:53 UTC 2024',
          'moderator-pass': passwords[0],
          'viewer-pass': passwords[1],
          record: false,
          'voice-conf': '71045',
          'dial-number': '613-555-1234',
          'max-users': 0,
          metadata: {},
        },
      }),
    joined: (internal: string, at: number, external?: string) =>
      event('user-joined', at, user(internal, external, `John ${external}`)),
    left: (internal: string, at: number, external?: string) => event('user-left', at, user(internal, external)),
    ended: (at: number) => event('meeting-ended', at, {}),
    event,
  }
}

async function send(...events: object[]): Promise<(string | undefined)[]> {
  const answer = await deliverAsBigbluebutton(source.url, events, { sentAt: now })
  assert.equal(answer.status, 200, answer.text)
  return (answer.body as { results: { outcome: string }[] }).results.map(({ outcome }) => outcome)
}

async function sendEach(events: object[]): Promise<void> {
  for (const event of events) await send(event)
}

/** What is seen of a meeting, in milliseconds after the start. */
async function see(name: string) {
  const since = (at: number | null) => (at === null ? '' : at - start)
  return (await listSeen(server))
    .filter(({ room }) => room === name)
    .map((session) => ({
      session: `${since(session.start)}-${since(session.end)}`,
      people: session.people.map(({ id, timelog }) => [
        id,
        ...timelog.map((entry) => `${since(entry.start)}-${since(entry.end)}`),
      ]),
    }))
}

describe('a BigBlueButton meeting', () => {
  test('is recorded with its people, by the ids that their own application gave them', async () => {
    const meeting = createMeeting('algebra')
    await sendEach([
      meeting.created(0),
      meeting.joined('w_1', 1000, '170'),
      meeting.joined('w_2', 2000, '165'),
      meeting.left('w_1', 30_000, '170'),
      meeting.joined('w_3', 40_000, '170'),
      meeting.left('w_2', 50_000, '165'),
      meeting.left('w_3', 60_000, '170'),
      meeting.ended(61_000),
    ])
    assert.deepEqual(await see('algebra'), [
      {
        session: '0-61000',
        people: [
          ['170', '1000-30000', '40000-60000'],
          ['165', '2000-50000'],
        ],
      },
    ])
    const [session] = (await listSeen(server)).filter(({ room }) => room === 'algebra')
    assert.deepEqual([session?.engine, session?.people[0]?.name], ['bigbluebutton', 'John 170'])
  })

  test('gives the same record in any order, each event twice, in one request or in many', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const meeting = createMeeting(`shuffled ${seed}`)
      const all = [
        meeting.created(0),
        meeting.joined('w_1', 1000, '170'),
        meeting.joined('w_2', 2000, '165'),
        meeting.left('w_1', 30_000, '170'),
        meeting.left('w_2', 50_000, '165'),
        meeting.ended(61_000),
      ]
      const shuffled = shuffle([...all, ...all], seed)
      if (seed % 2 === 0) await send(...shuffled)
      else await sendEach(shuffled)
      const people = [
        ['170', '1000-30000'],
        ['165', '2000-50000'],
      ]
      assert.deepEqual(await see(`shuffled ${seed}`), [{ session: '0-61000', people }], `seed ${seed}`)
    }
  })

  test('lets out who joined under that internal id, whomever a leave names besides', async () => {
    const meeting = createMeeting('mistaken')
    await sendEach([meeting.joined('w_1', 1000, '170'), meeting.joined('w_2', 2000, '165')])
    await send(meeting.left('w_1', 30_000, '165'))
    await send(meeting.left('w_2', 50_000, ''))
    await send(meeting.joined('w_4', 60_000, '171'), meeting.left('w_4', 61_000, '165'))
    assert.deepEqual(await see('mistaken'), [
      {
        session: '1000-',
        people: [
          ['170', '1000-30000'],
          ['165', '2000-50000'],
          ['171', '60000-61000'],
        ],
      },
    ])
  })

  test('closes at its end whoever has not left, though their leaves are often missing', async () => {
    const meeting = createMeeting('unfinished')
    await sendEach([
      meeting.joined('w_1', 1000, '170'),
      meeting.joined('w_2', 2000),
      meeting.joined('w_3', 2500, ''),
      meeting.ended(9000),
    ])
    const people = [
      ['170', '1000-9000'],
      ['w_2', '2000-9000'],
      ['w_3', '2500-9000'],
    ]
    assert.deepEqual(await see('unfinished'), [{ session: '1000-9000', people }])
  })

  test('is over when another of its name is created', async () => {
    const first = createMeeting('weekly', 'first')
    const second = createMeeting('weekly', 'second')
    await sendEach([first.created(0), first.joined('w_1', 1000, '170'), second.created(90_000)])
    assert.deepEqual(await see('weekly'), [
      { session: '0-1000', people: [['170', '1000-1000']] },
      { session: '90000-', people: [] },
    ])
  })
})

describe('a BigBlueButton breakout room', () => {
  const externalId = `${'0a'.repeat(20)}-${start}`
  const inBreakout = (name: string) => {
    const breakout = createMeeting(externalId.replace('0a', name.slice(0, 2)), `breakout of ${name}`)
    const { data } = breakout.created(5000)
    const { attributes } = data as { attributes: { meeting: object } }
    const meeting = { ...attributes.meeting, name: 'Group 1', 'is-breakout': true, 'parent-id': `8043-${name}` }
    return { ...breakout, created: () => ({ data: { ...data, attributes: { meeting } } }) }
  }

  test('is recorded below its main room, with the people as they are known there', async () => {
    const main = createMeeting('ab main')
    const breakout = inBreakout('ab main')
    await sendEach([
      main.created(0),
      main.joined('w_1', 1000, '170'),
      main.joined('w_2', 2000),
      breakout.created(),
      breakout.joined('w_8', 6000, 'w_1-1'),
      breakout.joined('w_9', 6500, 'w_2-2'),
      breakout.left('w_8', 9000, 'w_1-1'),
      breakout.ended(10_000),
    ])
    assert.deepEqual(await see('ab main/Group 1'), [
      {
        session: '5000-10000',
        people: [
          ['170', '6000-9000'],
          ['w_2', '6500-10000'],
        ],
      },
    ])
    assert.deepEqual(await see('ab main'), [
      {
        session: '0-',
        people: [
          ['170', '1000-'],
          ['w_2', '2000-'],
        ],
      },
    ])
  })

  test('is so in one callback, and under its own id where its creation was lost', async () => {
    const main = createMeeting('cd main')
    const breakout = inBreakout('cd main')
    await send(main.joined('w_1', 1000, '170'))
    await send(breakout.created(), breakout.joined('w_8', 6000, 'w_1-1'), breakout.left('w_8', 9000))
    assert.deepEqual((await see('cd main/Group 1'))[0]?.people, [['170', '6000-9000']])
    const { body } = await server.call<SessionPage>('GET', '/v2/sessions?perPage=1000')
    const sessionOf = (room: string) => body.data.find(({ customRoomId }) => customRoomId === room)
    const parent = sessionOf('cd main')
    const { parentRoomId, parentSessionId } = sessionOf('cd main/Group 1') ?? {}
    assert.deepEqual([parentRoomId, parentSessionId], [parent?.roomId, parent?.id])
    const lost = inBreakout('ef main')
    await send(lost.joined('w_8', 6000, 'w_1-1'))
    assert.deepEqual((await see(externalId.replace('0a', 'ef')))[0]?.people, [['w_1-1', '6000-']])
  })
})

describe('a BigBlueButton event without the external id of its meeting', () => {
  test('is placed where the meeting of its internal id is, and under that id where nothing is known of it', async () => {
    const meeting = createMeeting('nameless')
    const without = (event: object) =>
      JSON.parse(JSON.stringify(event).replaceAll('"external-meeting-id":"nameless"', '"x":1'))
    await send(meeting.created(0), without(meeting.joined('w_1', 10, '170')))
    await send(without(meeting.joined('w_2', 2000, '165')))
    await send(without(meeting.left('w_1', 3000, '170')))
    const people = [
      ['170', '10-3000'],
      ['165', '2000-'],
    ]
    assert.deepEqual(await see('nameless'), [{ session: '0-', people }])
    await send(without(createMeeting('nameless', 'never-heard').joined('w_3', 5000, '1')))
    assert.deepEqual((await see('never-heard'))[0]?.people, [['1', '5000-']])
  })
})

describe('who comes into a BigBlueButton meeting', () => {
  test('is a telephone where they dialled in, and a program where it says that it is a bot', async () => {
    const meeting = createMeeting('kinds')
    const bot = meeting.event('user-joined', 3000, { user: { 'internal-user-id': 'w_3', name: 'Notes', bot: true } })
    await send(meeting.joined('w_1', 1000, '170'), meeting.joined('v_2', 2000, ''), bot)
    const [session] = (await listSeen(server)).filter(({ room }) => room === 'kinds')
    assert.deepEqual(
      session?.people.map(({ id, kind }) => [id, kind]),
      [
        ['170', 'person'],
        ['v_2', 'sip'],
        ['w_3', 'bot'],
      ],
    )
  })
})

describe('a BigBlueButton callback', () => {
  test('leaves no password and nothing that was said in the log, whatever it is', onSqlite, async () => {
    const meeting = createMeeting('secretive')
    const chat = { 'chat-message': { id: '1', message: 'a private joke' }, 'chat-id': 'MAIN-PUBLIC-GROUP-CHAT' }
    const { data } = meeting.created(0)
    const raw = {
      envelope: { name: 'MeetingCreatedEvtMsg' },
      core: { body: { password: { moderatorPass: passwords[0] } } },
    }
    assert.deepEqual(await send(meeting.created(0)), ['recorded'])
    assert.deepEqual(await send(meeting.event('chat-group-message-sent', 1000, chat), raw), [])
    assert.deepEqual(await send({ data: { ...data, id: 'meeting-painted' } }), ['ignored'])
    assert.deepEqual(await send({ data: { ...data, event: 'now' } }), ['ignored'])
    const db = new DatabaseSync(join(server.dataFolder, 'rollcall.db'), { readOnly: true })
    const kept = db.prepare('select fact_json as text from facts').all() as { text: string }[]
    db.close()
    assert.equal(kept.filter(({ text }) => text.includes('meeting-painted')).length, 1)
    for (const { text } of kept) {
      for (const secret of [...passwords, 'a private joke']) assert.ok(!text.includes(secret), text)
    }
  })

  test('that passes by shows who is inside, under the id of their join, and that the meeting runs', async () => {
    const older = createMeeting('passing by', 'older')
    const events = [
      older.created(0),
      older.joined('w_1', 1000, '170'),
      // Without the external id.
      older.event('user-audio-unmuted', 90_000, { user: { 'internal-user-id': 'w_1' } }),
      // Soon after another, it waits: its time is not lost.
      older.event('user-audio-unmuted', 100_000, { user: { 'internal-user-id': 'w_1' } }),
      // Comes as somebody leaves.
      older.event('user-audio-voice-disabled', 110_000, { user: { 'internal-user-id': 'w_1' } }),
    ]
    await sendEach([...events, createMeeting('passing by', 'newer').created(200_000)])
    const [session] = await see('passing by')
    assert.deepEqual(session?.people, [['170', '1000-100000']])
  })

  test('may be a bare list, as some settings make it, and hold what nobody understands', async () => {
    const meeting = createMeeting('bare')
    const authorization = `Bearer ${bigbluebuttonSecret}`
    const body = JSON.stringify([meeting.joined('w_1', 1000, '170'), meeting.event('poll-started', 1, {}), null, 7])
    const answer = await deliver(source.url, body, { authorization })
    assert.deepEqual(
      [answer.status, answer.body.results.map(({ outcome }) => outcome)],
      [200, ['recorded', 'ignored', 'duplicate', 'recorded']],
    )
    assert.equal((await see('bare')).length, 1)
    for (const odd of ['', '[', 'event=[', 'event=77', 'domain=xy']) {
      const { status, body: answered } = await deliver(source.url, odd, { authorization })
      assert.deepEqual([status, answered.results[0]?.outcome], [200, 'ignored'], odd)
    }
  })
})

describe('the signature of a BigBlueButton callback', () => {
  const events = [createMeeting('signed').created(0)]
  const statusOf = async (options: object, url = source.url) =>
    (await deliverAsBigbluebutton(url, events, options)).status

  test('is taken in each of the four algorithms, and in no other', async () => {
    for (const algorithm of ['sha1', 'sha256', 'sha384', 'sha512']) assert.equal(await statusOf({ algorithm }), 200)
    for (const algorithm of ['md5', 'sha224']) assert.equal(await statusOf({ algorithm }), 401)
  })

  test('is refused with another secret, another body, another address, or none at all', async () => {
    assert.equal(await statusOf({ secret: 'another' }), 401)
    assert.equal(await statusOf({ signedUrl: `${source.url}x` }), 401)
    assert.equal(await statusOf({ signedUrl: '' }), 401)
    assert.equal((await deliver(source.url, 'event=[]')).status, 401)
    assert.equal((await deliver(`${source.url}?checksum=`, 'event=[]')).status, 401)
    const checksum = createHash('sha1').update(`${source.url}event=[]${bigbluebuttonSecret}`).digest('hex')
    assert.equal((await deliver(`${source.url}?checksum=${checksum}`, 'event=[]')).status, 200)
    assert.equal((await deliver(`${source.url}?checksum=${checksum}`, 'event=[7]')).status, 401)
  })

  test('is that of the address as it was called, with a query of its own and behind a proxy', async () => {
    const url = `${source.url}?site=eu`
    assert.equal(await statusOf({ signedUrl: url }, url), 200)
    const body = 'event=[]'
    const called = `https://rooms.example.org/v2/ingest/${source.id}`
    const checksum = createHash('sha256').update(`${called}${body}${bigbluebuttonSecret}`).digest('hex')
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'rooms.example.org' }
    assert.equal((await deliver(`${source.url}?checksum=${checksum}`, body, forwarded)).status, 200)
    assert.equal((await deliver(`${source.url}?checksum=${checksum}`, body)).status, 401)
  })

  test('is that of the address it was told to call, where a proxy in between changes it', async () => {
    const callbackUrl = 'https://hooks.example.org/bbb?x=1'
    const named = await addSource(server, 'bigbluebutton', { secret: bigbluebuttonSecret, callbackUrl })
    assert.equal(await statusOf({ signedUrl: callbackUrl }, named.url), 200)
    assert.equal(await statusOf({ signedUrl: callbackUrl }), 401)
  })

  test('may be the secret itself in a header', async () => {
    const statusWith = async (authorization: string) => (await deliver(source.url, '[]', { authorization })).status
    assert.equal(await statusWith(`Bearer ${bigbluebuttonSecret}`), 200)
    assert.equal(await statusWith('Bearer another'), 401)
    assert.equal(await statusWith(bigbluebuttonSecret), 401)
  })
})
