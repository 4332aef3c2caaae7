import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { Session, Source } from '@rollcall/protocol'
import { RoomServiceClient } from 'livekit-server-sdk'
import type { Clock } from '../../src/runtime/clock.ts'
import type { MediaServerCommandLimits } from '../../src/sources/commands/media-server-commands.ts'
import { toId } from '../../src/sources/engines/reported.ts'
import type { ReconcileLimits } from '../../src/sources/reconciling/limits.ts'
import { dataParent } from '../support/data-parent.ts'
import { seeSoon } from '../support/senders/janus-events.ts'
import { type LivekitPerson, type LivekitRooms, serveLivekitRooms } from '../support/senders/livekit-rooms.ts'
import { addSource, deliverAsLivekit, getSource, listSeen, livekitKey } from '../support/senders/source-client.ts'
import { shuffle } from '../support/shuffle.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

/** As often as can be: the rules count looks, not seconds. */
const quick: ReconcileLimits = { intervalMs: 100, settleMs: 20, renewMs: 300_000, gapMs: 120_000, concurrentMax: 20 }
const commands: MediaServerCommandLimits = { waitMs: 1000, retryMs: [100, 100, 100] }
const waitMs = 30_000

let server: TestServer
let livekit: LivekitRooms
let source: Source
before(async () => {
  livekit = await serveLivekitRooms()
  server = await start()
  source = await addSource(server, 'livekit', { ...livekitKey, url: livekit.url })
})
afterEach(() => {
  livekit.fault = undefined
  livekit.now = Date.now
  livekit.rooms.clear()
})
after(async () => {
  await server.stop()
  livekit.close()
})

function start(
  limits: Partial<ReconcileLimits> = {},
  env: { [name: string]: string } = {},
  clock: Clock = { now: Date.now },
): Promise<TestServer> {
  return startServer(
    { ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on', ...env },
    { reconcileLimits: { ...quick, ...limits }, mediaServerCommandLimits: commands, clock },
  )
}

let events = 0

/** A life of a room, which LiveKit has and tells of as it pleases. */
function createRoom(name: string, sid = `RM_${name}`) {
  const room = { sid, name, creationTime: String(Math.floor(Date.now() / 1000) - 3600) }
  const about = (event: string, more: object = {}) => ({
    event,
    id: `EV_${++events}`,
    createdAt: String(Math.floor(Date.now() / 1000)),
    room,
    ...more,
  })
  const tell = ({ sid, identity, name, joinedAtMs }: LivekitPerson, state: string) => ({
    participant: {
      sid,
      identity,
      name,
      joinedAt: String(Math.floor(joinedAtMs / 1000)),
      joinedAtMs: String(joinedAtMs),
      state,
    },
  })
  const people = () => livekit.rooms.get(name)?.people ?? []
  livekit.rooms.set(name, { sid, name, people: [] })
  return {
    started: () => ({ ...about('room_started'), createdAt: room.creationTime }),
    /** They are in, by LiveKit. Gives what it tells of that. */
    join(identity: string, joinedAtMs = Date.now() - 60_000) {
      const person = { sid: `PA_${++events}`, identity, name: identity.toUpperCase(), joinedAtMs }
      people().push(person)
      return about('participant_joined', tell(person, 'ACTIVE'))
    },
    leave(identity: string) {
      const at = people().findIndex((one) => one.identity === identity)
      const [person] = people().splice(at, 1)
      assert.ok(person)
      return about('participant_left', { ...tell(person, 'DISCONNECTED') })
    },
    close() {
      livekit.rooms.delete(name)
      return about('room_finished')
    },
  }
}

/** Everybody of a room, and how each time of theirs ended; `ended` after those of a session that has. */
async function see(room: string, on = server) {
  return (await listSeen(on))
    .filter((session) => session.room === room)
    .map(({ people, end }) => [
      ...people.map(({ id, timelog }) => [
        id,
        ...timelog.map(({ end, reason, inferred }) =>
          end === null ? 'inside' : `${reason ?? 'left'}${inferred ? ' inferred' : ''}`,
        ),
      ]),
      ...(end === null ? [] : ['ended']),
    ])
}

async function looks(atLeast: number): Promise<void> {
  const before = livekit.calls.filter((call) => call === 'ListRooms').length
  await seeSoon(
    async () => livekit.calls.filter((call) => call === 'ListRooms').length >= before + 2 * atLeast,
    true,
    waitMs,
  )
}

async function countFacts(on = server): Promise<number> {
  const { text } = await on.call('GET', '/metrics', undefined, { token: null })
  return Number(/rollcall_facts_total\{source="media-server",outcome="recorded"\} (\d+)/.exec(text)?.[1])
}

describe('a LiveKit whose RoomService is asked', () => {
  test('is stood in for by what its own client takes for one', async () => {
    createRoom('stand-in').join('anna')
    const client = new RoomServiceClient(livekit.url, livekitKey.apiKey, livekitKey.secret)
    assert.deepEqual(
      (await client.listRooms()).map(({ name }) => name),
      ['stand-in'],
    )
    assert.deepEqual(
      (await client.listParticipants('stand-in')).map(({ identity }) => identity),
      ['anna'],
    )
    await client.removeParticipant('stand-in', 'anna')
    await client.deleteRoom('stand-in')
    assert.deepEqual(await client.listRooms(), [])
  })

  test('heals what webhooks lost: leaves, joins and the end', async () => {
    const room = createRoom('lossy')
    await deliverAsLivekit(source, room.started())
    await deliverAsLivekit(source, room.join('anna'))
    const cydJoinedAt = Date.now() - 30_000
    await deliverAsLivekit(source, room.join('bob'))
    room.join('cyd', cydJoinedAt)
    await seeSoon(
      () => see('lossy'),
      [
        [
          ['anna', 'inside'],
          ['bob', 'inside'],
          ['cyd', 'inside'],
        ],
      ],
      waitMs,
    )
    const session = (await listSeen(server)).find((one) => one.room === 'lossy')
    assert.equal(session?.people.find(({ id }) => id === 'cyd')?.timelog[0]?.start, cydJoinedAt)
    room.leave('bob')
    await seeSoon(
      () => see('lossy'),
      [
        [
          ['anna', 'inside'],
          ['bob', 'absent inferred'],
          ['cyd', 'inside'],
        ],
      ],
      waitMs,
    )
    room.close()
    const ended = 'session-ended inferred'
    await seeSoon(() => see('lossy'), [[['anna', ended], ['bob', 'absent inferred'], ['cyd', ended], 'ended']], waitMs)
  })

  test('knows who is inside though leaves are lost, and the other webhooks come twice, in any order', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const room = createRoom(`shuffled ${seed}`)
      const sent = [room.started(), room.join('anna'), room.join('bob'), room.join('cyd')]
      room.leave('anna')
      sent.push(room.leave('bob'), room.join('anna', Date.now() - 10_000))
      room.leave('cyd')
      for (const event of shuffle([...sent, ...sent], seed)) await deliverAsLivekit(source, event)
      const people = [
        ['anna', 'inside'],
        ['bob', 'left'],
        ['cyd', 'absent inferred'],
      ]
      const seen = async () =>
        (await see(`shuffled ${seed}`)).map((one) => one.map((person) => [person[0], person.at(-1)]).toSorted())
      await seeSoon(seen, [people], waitMs)
      await looks(3)
      assert.deepEqual(await seen(), [people])
    }
  })

  test('lets out, by their own connection, whoever’s leave was lost before they came back', async () => {
    const room = createRoom('rejoin')
    await deliverAsLivekit(source, room.join('anna'))
    room.leave('anna')
    await seeSoon(() => see('rejoin'), [[['anna', 'absent inferred']]], waitMs)
    room.join('anna', Date.now())
    await seeSoon(() => see('rejoin'), [[['anna', 'absent inferred', 'inside']]], waitMs)
  })

  test('has nobody inside who is on the way in or out', async () => {
    const room = createRoom('doors')
    await deliverAsLivekit(source, room.join('anna'))
    for (const [n, state] of ['JOINING', 'JOINED', 'DISCONNECTED'].entries()) {
      livekit.rooms.get('doors')?.people.push({ sid: `PA_x${n}`, identity: `x${n}`, joinedAtMs: 1, state })
    }
    await looks(4)
    assert.deepEqual(await see('doors'), [[['anna', 'inside']]])
  })

  test('leaves a room alone that has another life by the time its people were listed', async () => {
    const room = createRoom('quick', 'RM_old')
    await deliverAsLivekit(source, room.join('anna'))
    await looks(2)
    createRoom('quick', 'RM_new').join('ben')
    await seeSoon(() => see('quick'), [[['anna', 'session-ended inferred'], 'ended'], [['ben', 'inside']]], waitMs)
  })

  test('adds nothing to the log while nobody comes or goes, and tells of it now and then', async () => {
    const room = createRoom('quiet')
    await deliverAsLivekit(source, room.join('anna'))
    await looks(4)
    const before = await countFacts()
    await looks(8)
    assert.equal(await countFacts(), before)
    // Whoever is then gone was there until the last look.
    const lastSeenAfter = Date.now() - 5000
    room.leave('anna')
    await seeSoon(() => see('quiet'), [[['anna', 'absent inferred']]], waitMs)
    const end = (await listSeen(server)).find((one) => one.room === 'quiet')?.people[0]?.timelog[0]?.end ?? 0
    assert.ok(end > lastSeenAfter)
  })

  describe('and lists what people publish', () => {
    type Span = { start: number; end: number | null }
    const camerasOf = async (room: string): Promise<Span[]> => {
      const { body } = await server.call<{ data: Session[] }>('GET', `/v2/sessions?query=${room}`)
      const { participants = [] } = (await server.call<Session>('GET', `/v2/sessions/${body.data[0]?.id}`)).body
      const spans = participants[0]?.media?.camera ?? []
      return spans.map(({ start, end }) => ({ start: Date.parse(start), end: end === null ? null : Date.parse(end) }))
    }
    const publish = (room: string, tracks: [sid: string, source: string][]) => {
      const [person] = livekit.rooms.get(room)?.people ?? []
      assert.ok(person)
      person.tracks = new Map(tracks)
    }
    const isOpen = async (room: string) => (await camerasOf(room)).map(({ end }) => end === null)

    test('mends a start that was lost, at the first look that has it, and says so once', async () => {
      const before = Date.now()
      await deliverAsLivekit(source, createRoom('unheard').join('anna'))
      publish('unheard', [
        ['TR_1', 'CAMERA'],
        ['TR_2', 'UNKNOWN'],
      ])
      await seeSoon(() => isOpen('unheard'), [true], waitMs)
      const [camera] = await camerasOf('unheard')
      assert.ok(camera !== undefined && camera.start > before - 30_000, 'at the look, not at the join of a minute ago')
      // That look is over.
      await looks(2)
      const facts = await countFacts()
      await looks(4)
      assert.equal(await countFacts(), facts)
    })

    test('mends a stop that was lost, at the last look that had it, once two had not', async () => {
      // Its answers have no date: looks are dated by our clock, to the millisecond.
      livekit.now = () => undefined
      await deliverAsLivekit(source, createRoom('unstopped').join('anna'))
      publish('unstopped', [['TR_1', 'CAMERA']])
      await seeSoon(() => isOpen('unstopped'), [true], waitMs)
      const stoppedAt = Date.now()
      publish('unstopped', [])
      await seeSoon(() => isOpen('unstopped'), [false], waitMs)
      const [camera] = await camerasOf('unstopped')
      assert.ok(camera?.end != null && camera.end >= camera.start && camera.end <= stoppedAt)
    })

    for (const seed of [1, 2]) {
      test(`gives way to what is told after all, in any order: ${seed}`, async () => {
        const name = `late ${seed}`.replace(' ', '-')
        await deliverAsLivekit(source, createRoom(name).join('anna'))
        publish(name, [['TR_1', 'CAMERA']])
        await seeSoon(() => isOpen(name), [true], waitMs)
        publish(name, [])
        await seeSoon(() => isOpen(name), [false], waitMs)
        const second = Math.ceil(Date.now() / 1000)
        const [{ sid = '', identity = '' } = {}] = livekit.rooms.get(name)?.people ?? []
        const told = (event: string, at: number) => ({
          ...{ event, id: `EV_${++events}`, createdAt: String(at), room: { sid: `RM_${name}`, name } },
          ...{ participant: { sid, identity }, track: { sid: 'TR_1', source: 'CAMERA' } },
        })
        const both = [told('track_published', second - 30), told('track_unpublished', second)]
        for (const event of shuffle(both, seed)) await deliverAsLivekit(source, event)
        assert.deepEqual(await camerasOf(name), [{ start: (second - 30) * 1000, end: second * 1000 }])
      })
    }
  })

  test('has looks that are evidence though they change nothing, after a restart too', async () => {
    const dataFolder = await mkdtemp(join(dataParent, 'rollcall-test-'))
    const env = { ROLLCALL_DATA: dataFolder }
    let own = await start({}, env)
    try {
      const before = await addSource(own, 'livekit', { ...livekitKey, url: livekit.url })
      await deliverAsLivekit(before, createRoom('remembered', 'RM_before').join('anna'))
      await looks(2)
      const lookedAfter = Date.now() - 2000
      await looks(3)
      await own.stop()
      // Killed meanwhile, and begun anew: the first that is heard of it is a webhook.
      const newer = createRoom('remembered', 'RM_after')
      own = await start({ intervalMs: 3_600_000 }, env)
      await deliverAsLivekit(await getSource(own, before.id), newer.join('ben', Date.now()))
      await seeSoon(
        () => see('remembered', own),
        [[['anna', 'session-ended inferred'], 'ended'], [['ben', 'inside']]],
        waitMs,
      )
      const end = (await listSeen(own)).find((one) => one.room === 'remembered')?.people[0]?.timelog[0]?.end ?? 0
      assert.ok(end > lookedAfter, `${end} is after ${lookedAfter}`)
    } finally {
      await own.stop()
      await rm(dataFolder, { recursive: true })
    }
  })

  test('says again and again that somebody is inside, at most as often as the settings have it', async () => {
    const renewing = await start({ renewMs: 0 })
    try {
      const own = await addSource(renewing, 'livekit', { ...livekitKey, url: livekit.url })
      await deliverAsLivekit(own, createRoom('renewed').join('anna'))
      const before = await countFacts(renewing)
      await seeSoon(async () => (await countFacts(renewing)) > before + 2, true, waitMs)
      assert.deepEqual(await see('renewed', renewing), [[['anna', 'inside']]])
    } finally {
      await renewing.stop()
    }
  })

  test('is dated by the clock that the session began by, and by ours where it says none', async () => {
    const hourMs = 3_600_000
    for (const [name, now, from, to] of [
      ['behind', () => Date.now() - 50 * hourMs, -50 * hourMs - 60_000, -50 * hourMs + 60_000],
      ['dateless', () => undefined, -60_000, 60_000],
    ] as const) {
      // What a look under way found of the clock before is forgotten first: a clock that is not told is not measured anew.
      livekit.now = Date.now
      await looks(3)
      livekit.now = now
      const room = createRoom(name)
      const sentAt = now() ?? Date.now()
      await deliverAsLivekit(source, room.join('anna', sentAt - 30_000), sentAt)
      await looks(3)
      room.leave('anna')
      await seeSoon(async () => (await see(name))[0]?.[0], ['anna', 'absent inferred'], waitMs)
      const end = (await listSeen(server)).find((one) => one.room === name)?.people[0]?.timelog[0]?.end ?? 0
      assert.ok(end > Date.now() + from && end < Date.now() + to, name)
      livekit.rooms.delete(name)
    }
  })

  test('tells nothing of its clock where ours is set while it answers', async () => {
    for (const leapMs of [30_000, -30_000]) {
      const asked = await serveLivekitRooms()
      let nowMs = Date.now()
      // A look asks three times, and this one is the only one.
      asked.now = () => {
        if (asked.calls.length === 1) nowMs += leapMs
        if (asked.calls.length === 3) asked.fault = 'silent'
        return nowMs
      }
      const own = await start({}, {}, { now: () => nowMs })
      try {
        const added = await addSource(own, 'livekit', { ...livekitKey, url: asked.url })
        await seeSoon(async () => asked.calls.length > 3, true, waitMs)
        const joinedAtMs = nowMs - 1000
        await deliverAsLivekit(added, createRoom('leap').join('anna', joinedAtMs), nowMs)
        const [seen] = await listSeen(own)
        assert.equal(seen?.people[0]?.timelog[0]?.start, joinedAtMs, `${leapMs}`)
      } finally {
        await own.stop()
        asked.close()
      }
    }
  })

  test('harms nothing while it does not answer: its health and a metric say so, and nobody leaves', async () => {
    const room = createRoom('dark')
    await deliverAsLivekit(source, room.join('anna'))
    await looks(2)
    for (const fault of [503, 401, 404] as const) {
      livekit.fault = fault
      await looks(3)
      await seeSoon(
        async () => (await getSource(server, source.id)).health.lastError?.includes(String(fault)),
        true,
        waitMs,
      )
      assert.deepEqual(await see('dark'), [[['anna', 'inside']]])
    }
    const { text } = await server.call('GET', '/metrics', undefined, { token: null })
    assert.ok(Number(/rollcall_source_looks_total\{outcome="failed"\} (\d+)/.exec(text)?.[1]) > 3)
    room.leave('anna')
    livekit.fault = undefined
    await seeSoon(() => see('dark'), [[['anna', 'absent inferred']]], waitMs)
  })

  test('that hangs holds up neither another nor the server’s end', async () => {
    livekit.fault = 'silent'
    const asked = livekit.calls.length
    const other = await serveLivekitRooms()
    try {
      await addSource(server, 'livekit', { ...livekitKey, url: other.url })
      other.rooms.set('other', {
        sid: 'RM_other',
        name: 'other',
        people: [{ sid: 'PA_o', identity: 'ola', joinedAtMs: Date.now() }],
      })
      await seeSoon(() => see('other'), [[['ola', 'inside']]], waitMs)
      assert.ok(livekit.calls.length <= asked + 1)
    } finally {
      other.close()
    }
  })

  test('is asked as the server starts, and once it sends something after a silence, however rarely else', async () => {
    const dataFolder = await mkdtemp(join(dataParent, 'rollcall-test-'))
    const env = { ROLLCALL_DATA: dataFolder }
    const seldom = { intervalMs: 3_600_000, gapMs: -1 }
    let rare = await start(seldom, env)
    try {
      const { url } = await addSource(rare, 'livekit', { ...livekitKey, url: livekit.url })
      const room = createRoom('seldom')
      room.join('anna')
      await deliverAsLivekit({ url }, room.started())
      await seeSoon(() => see('seldom', rare), [[['anna', 'inside']]], waitMs)
      await rare.stop()
      room.join('bob')
      rare = await start(seldom, env)
      const both = [
        ['anna', 'inside'],
        ['bob', 'inside'],
      ]
      await seeSoon(() => see('seldom', rare), [both], waitMs)
    } finally {
      await rare.stop()
      await rm(dataFolder, { recursive: true })
    }
  })
})

type Commanded = Session & { enforced: unknown }

describe('a command about a session on LiveKit', () => {
  const end = (body: object) => server.call<Commanded>('POST', '/v2/sessions/end', body)
  const remove = (body: object) => server.call<Commanded>('POST', '/v2/sessions/participants/remove', body)
  let roomId: string
  let room: ReturnType<typeof createRoom>
  let name: string
  beforeEach(async () => {
    name = `commanded ${++events}`
    room = createRoom(name)
    await deliverAsLivekit(source, room.join('anna'))
    await deliverAsLivekit(source, room.join('bob'))
    const { body } = await server.call<{ roomId: string }>('GET', `/v2/rooms/${encodeURIComponent(name)}`)
    roomId = body.roomId
  })

  test('removes whom it names there too, and nobody else', async () => {
    const { body } = await remove({ roomId, participantId: 'anna' })
    assert.equal(body.enforced, true)
    assert.deepEqual(
      livekit.rooms.get(name)?.people.map(({ identity }) => identity),
      ['bob'],
    )
    assert.deepEqual(await see(name), [
      [
        ['anna', 'removed inferred'],
        ['bob', 'inside'],
      ],
    ])
  })

  test('ends the room there too', async () => {
    const { body } = await end({ roomId })
    assert.deepEqual([body.enforced, body.status], [true, 'ended'])
    assert.equal(livekit.rooms.size, 0)
  })

  test('is carried out where what it is about is gone by then', async () => {
    room.leave('anna')
    assert.equal((await remove({ roomId, participantId: 'anna' })).body.enforced, true)
    // Another life of the room is none of the session’s.
    createRoom(name, 'RM_newer').join('cyd')
    assert.equal((await end({ roomId })).body.enforced, true)
    assert.equal(livekit.rooms.get(name)?.people.length, 1)
  })

  test('that LiveKit refuses is not enforced, and recorded all the same; its health says why', async () => {
    livekit.fault = 403
    assert.equal((await remove({ roomId, participantId: 'anna' })).body.enforced, false)
    assert.match((await getSource(server, source.id)).health.lastError ?? '', /403/)
    assert.deepEqual((await see(name))[0]?.[0], ['anna', 'removed inferred'])
  })

  test('that LiveKit does not answer is pending, and given again until it does', async () => {
    livekit.fault = 503
    assert.equal((await end({ roomId })).body.enforced, 'pending')
    assert.equal(livekit.rooms.size, 1)
    livekit.fault = undefined
    await seeSoon(async () => livekit.rooms.size, 0, waitMs)
  })

  test('that is given again removes nobody who came back since', async () => {
    livekit.fault = 503
    const listed = () => livekit.calls.filter((call) => call === `ListRooms ${name}`).length
    assert.equal((await remove({ roomId, participantId: 'anna' })).body.enforced, 'pending')
    const tries = listed()
    const givenAgain = () => listed() > tries && livekit.fault === undefined
    room.leave('anna')
    await deliverAsLivekit(source, room.join('anna', Date.now()))
    livekit.fault = undefined
    await seeSoon(async () => givenAgain(), true, waitMs)
    await looks(3)
    assert.equal(livekit.rooms.get(name)?.people.length, 2)
  })

  test('holds until LiveKit reports the leave, which holds from then on', async () => {
    assert.equal((await remove({ roomId, participantId: 'anna' })).body.enforced, true)
    assert.deepEqual((await see(name))[0]?.[0], ['anna', 'removed inferred'])
    const blind = await addSource(server, 'livekit', livekitKey)
    const away = createRoom(`away ${name}`)
    const [joined, left] = [away.join('anna'), away.leave('anna')]
    // Not there for the source that is asked.
    livekit.rooms.delete(`away ${name}`)
    await deliverAsLivekit(blind, joined)
    const { body } = await server.call<{ roomId: string }>('GET', `/v2/rooms/${encodeURIComponent(`away ${name}`)}`)
    assert.equal((await remove({ roomId: body.roomId, participantId: 'anna' })).body.enforced, false)
    const stayed = { ...left, createdAt: String(Math.floor(Date.now() / 1000) + 86) }
    assert.equal(await deliverAsLivekit(blind, stayed), 'recorded')
    const seen = (await listSeen(server)).find((one) => one.room === `away ${name}`)
    const [{ end, inferred } = { end: null }] = seen?.people[0]?.timelog ?? []
    assert.deepEqual([end, inferred], [Number(stayed.createdAt) * 1000, undefined])
  })

  test('reaches a room and a participant whose names cannot be stored as they are', async () => {
    const odd = { room: `a\u0001 room ${name}`, identity: 'an\u0002na' }
    await deliverAsLivekit(source, createRoom(odd.room).join(odd.identity))
    const { body } = await server.call<{ data: Session[] }>('GET', '/v2/sessions?perPage=1000')
    const session = body.data.find(({ customRoomId }) => customRoomId === toId(odd.room))
    assert.ok(session)
    const removed = await remove({ roomId: session.roomId, participantId: toId(odd.identity) })
    assert.deepEqual([removed.body.enforced, livekit.rooms.get(odd.room)?.people], [true, []])
    assert.equal((await end({ roomId: session.roomId })).body.enforced, true)
    assert.equal(livekit.rooms.has(odd.room), false)
  })

  test('is given a bounded number of times', async () => {
    livekit.fault = 503
    await end({ roomId })
    const given = () => livekit.calls.filter((call) => call === `ListRooms ${name}`).length
    await seeSoon(async () => given(), 1 + commands.retryMs.length, waitMs)
    livekit.fault = undefined
    await looks(4)
    assert.deepEqual([given(), livekit.rooms.size], [1 + commands.retryMs.length, 1])
  })
})
