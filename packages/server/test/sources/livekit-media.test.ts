import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Session, Source } from '@rollcall/protocol'
import { addSource, deliverAsLivekit, livekitKey } from '../support/senders/source-client.ts'
import { shuffle } from '../support/shuffle.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// What people publish and what is recorded, by events as LiveKit's server writes them.

const startSecond = 1771351800
const startMs = startSecond * 1000
/** Of both clocks, the server's and LiveKit's: so little later than all that is told that no silence is concluded. */
const nowMs = startMs + 3_700_000

let server: TestServer
let source: Source
before(async () => {
  server = await startServer({}, { clock: { now: () => nowMs } })
  source = await addSource(server, 'livekit', livekitKey)
})
after(() => server.stop())

let events = 0

function createRoom(name: string) {
  const room = { sid: `RM_${name}`, name, creationTime: String(startSecond), creationTimeMs: String(startMs) }
  const event = (type: string, second: number, more: object) => ({
    event: type,
    room,
    ...more,
    id: `EV_${++events}`,
    createdAt: String(startSecond + second),
  })
  const person = (identity: string, joinedSecond: number) => ({
    sid: `PA_${identity}_${joinedSecond}`,
    identity,
    joinedAtMs: String(startMs + joinedSecond * 1000),
  })
  const track = (type: string) => (identity: string, joined: number, second: number, sid: string, source?: string) =>
    event(type, second, { participant: person(identity, joined), track: { sid, ...(source && { source }) } })
  const egress = (type: string, second: number, info: object) => ({
    event: type,
    egressInfo: { egressId: 'EG_1', roomId: room.sid, roomName: name, ...info },
    id: `EV_${++events}`,
    createdAt: String(startSecond + second),
  })
  return {
    started: () => event('room_started', 0, {}),
    finished: (second: number) => event('room_finished', second, {}),
    joined: (identity: string, second: number, more: object = {}) =>
      event('participant_joined', second, { participant: { ...person(identity, second), state: 'ACTIVE', ...more } }),
    left: (identity: string, joined: number, second: number) =>
      event('participant_left', second, { participant: { ...person(identity, joined), state: 'DISCONNECTED' } }),
    published: track('track_published'),
    unpublished: track('track_unpublished'),
    egress,
  }
}

async function deliverAll(all: object[]): Promise<void> {
  for (const event of all) await deliverAsLivekit(source, event, nowMs)
}

async function show(name: string): Promise<Session> {
  const { body } = await server.call<{ data: Session[] }>('GET', `/v2/sessions?query=${encodeURIComponent(name)}`)
  return (await server.call<Session>('GET', `/v2/sessions/${body.data[0]?.id}`)).body
}

const nanoseconds = (second: number) => `${startMs + second * 1000}000000`
type Span = { start: string; end: string | null }
const secondsOf = (at: string | null) => (at === null ? '' : (Date.parse(at) - startMs) / 1000)
const toText = ({ start, end }: Span) => `${secondsOf(start)}-${secondsOf(end)}`

/** When each published what, in seconds. */
async function see(name: string) {
  const { participants } = await show(name)
  return Object.fromEntries(
    participants.map(({ participantId, media = {} }) => [
      participantId,
      Object.fromEntries(Object.entries(media).map(([kind, spans]) => [kind, spans.map(toText)])),
    ]),
  )
}

describe('what people publish in a LiveKit room', () => {
  test('is recorded with its times: who had a camera on, when', async () => {
    const room = createRoom('cameras')
    await deliverAll([
      room.started(),
      room.joined('ann', 1),
      room.joined('ben', 2),
      room.published('ann', 1, 3, 'TR_1', 'CAMERA'),
      room.published('ann', 1, 3, 'TR_2', 'MICROPHONE'),
      room.published('ben', 2, 5, 'TR_3', 'SCREEN_SHARE'),
      room.published('ben', 2, 5, 'TR_4', 'SCREEN_SHARE_AUDIO'),
      room.unpublished('ann', 1, 20, 'TR_1', 'CAMERA'),
      room.published('ann', 1, 40, 'TR_5', 'CAMERA'),
      room.published('ann', 1, 41, 'TR_6'),
      room.left('ann', 1, 60),
    ])
    assert.deepEqual(await see('cameras'), {
      ann: { camera: ['3-20', '40-60'], microphone: ['3-60'] },
      ben: { screen: ['5-'], screenAudio: ['5-'] },
    })
  })

  test('is the same in any order, each event twice', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const name = `shuffled ${seed}`
      const room = createRoom(name)
      const all = [
        room.started(),
        room.joined('ann', 1),
        room.published('ann', 1, 3, 'TR_1', 'CAMERA'),
        room.unpublished('ann', 1, 20, 'TR_1', 'CAMERA'),
        room.published('ann', 1, 25, 'TR_2', 'CAMERA'),
        room.egress('egress_started', 5, { startedAt: nanoseconds(5) }),
        room.egress('egress_ended', 31, { startedAt: nanoseconds(5), endedAt: nanoseconds(30) }),
        room.left('ann', 1, 60),
        room.joined('ann', 100),
        room.published('ann', 100, 101, 'TR_3', 'MICROPHONE'),
        room.unpublished('ann', 100, 110, 'TR_3', 'MICROPHONE'),
        room.left('ann', 100, 120),
        room.finished(140),
      ]
      await deliverAll(shuffle([...all, ...all], seed))
      assert.deepEqual(await see(name), { ann: { camera: ['3-20', '25-60'], microphone: ['101-110'] } }, `seed ${seed}`)
      assert.deepEqual((await show(name)).recordings?.map(toText), ['5-30'], `seed ${seed}`)
    }
  })

  test('ends with the connection where nobody told that it stopped, also when the session ends it', async () => {
    const room = createRoom('unstopped')
    await deliverAll([
      room.started(),
      room.joined('ann', 1),
      room.published('ann', 1, 2, 'TR_1', 'CAMERA'),
      room.finished(50),
    ])
    assert.deepEqual(await see('unstopped'), { ann: { camera: ['2-50'] } })
  })

  test('lies within the times inside, whatever whole seconds say', async () => {
    const room = createRoom('whole seconds')
    await deliverAll([
      room.started(),
      room.joined('ann', 1.6),
      room.published('ann', 1.6, 1, 'TR_1', 'CAMERA'),
      room.left('ann', 1.6, 9),
      room.unpublished('ann', 1.6, 10, 'TR_1', 'CAMERA'),
    ])
    assert.deepEqual(await see('whole seconds'), { ann: { camera: ['1.6-9'] } })
  })

  test('is evidence that its participant was inside', async () => {
    const room = createRoom('evidence')
    await deliverAll([room.started(), room.published('ann', 1, 3, 'TR_1', 'CAMERA')])
    const { participants } = await show('evidence')
    assert.deepEqual(
      participants.map(({ timelog }) => timelog.map(toText)),
      [['3-']],
    )
  })

  test('is bounded: of each kind a hundred of one person are kept, the same in any order', async () => {
    const seen = []
    for (const [i, seed] of [3, 4].entries()) {
      const room = createRoom(`many ${i}`)
      const tracks = Array.from({ length: 130 }, (_, n) =>
        room.published('ann', 1, 10 + n * 2, `TR_${String(n).padStart(3, '0')}`, 'CAMERA'),
      )
      const stops = Array.from({ length: 130 }, (_, n) =>
        room.unpublished('ann', 1, 11 + n * 2, `TR_${String(n).padStart(3, '0')}`, 'CAMERA'),
      )
      await deliverAll([room.started(), room.joined('ann', 1), ...shuffle([...tracks, ...stops], seed)])
      seen.push(await see(`many ${i}`))
    }
    assert.equal(seen[0]?.ann?.camera?.length, 100)
    assert.equal(seen[0]?.ann?.camera?.[0], '10-11')
    assert.deepEqual(seen[0], seen[1])
  })
})

describe('the details of a LiveKit session', () => {
  test('name the connections of each person by LiveKit’s participant sids, with their times', async () => {
    const room = createRoom('connections')
    await deliverAll([
      room.started(),
      room.joined('ann', 1),
      room.left('ann', 1, 10),
      room.joined('ann', 20),
      room.finished(60),
    ])
    const [ann] = (await show('connections')).participants
    assert.deepEqual(
      ann?.connections?.map((one) => `${one.id} ${toText(one)}`),
      ['PA_ann_1 1-10', 'PA_ann_20 20-60'],
    )
  })

  test('tell the region where LiveKit sent one: the latest', async () => {
    const room = createRoom('regions')
    const joins = [
      room.joined('ann', 1, { region: 'eu-central' }),
      room.joined('ann', 20, { region: 'us-east' }),
      room.joined('ben', 2),
    ]
    await deliverAll([room.started(), ...joins.reverse()])
    const { participants } = await show('regions')
    assert.deepEqual(
      participants.map(({ participantId, region }) => [participantId, region]),
      [
        ['ann', 'us-east'],
        ['ben', undefined],
      ],
    )
  })

  test('tell of a recording, also where it is told before the session is', async () => {
    const room = createRoom('recorded')
    const started = room.egress('egress_started', 5, { startedAt: nanoseconds(5) })
    assert.equal(await deliverAsLivekit(source, started, nowMs), 'waiting')
    await deliverAll([room.started(), room.joined('ann', 1)])
    assert.deepEqual(
      (await show('recorded')).recordings?.map((one) => `${one.id} ${toText(one)}`),
      ['EG_1 5-'],
    )
    await deliverAll([room.finished(60)])
    assert.deepEqual((await show('recorded')).recordings?.map(toText), ['5-60'])
  })

  test('tell of no recording that failed before it began', async () => {
    const room = createRoom('failed')
    await deliverAll([
      room.started(),
      room.joined('ann', 1),
      room.egress('egress_ended', 9, { endedAt: nanoseconds(9), status: 'EGRESS_FAILED' }),
    ])
    assert.equal((await show('failed')).recordings, undefined)
  })

  test('are not in lists, which stay as small as they were', async () => {
    const { body } = await server.call<{ data: Session[] }>('GET', '/v2/sessions?query=cameras')
    const [session] = body.data
    assert.equal(session?.participants.length, 2)
    for (const person of session?.participants ?? []) {
      assert.deepEqual([person.media, person.connections, person.region], [undefined, undefined, undefined])
    }
  })
})
