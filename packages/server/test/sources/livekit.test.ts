import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { Source } from '@rollcall/protocol'
import { AccessToken, WebhookReceiver } from 'livekit-server-sdk'
import {
  addSource,
  deliver,
  deliverAsLivekit,
  getSource,
  listSeen,
  livekitKey,
} from '../support/senders/source-client.ts'
import { shuffle } from '../support/shuffle.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// Bodies as LiveKit's server writes them: protobuf's JSON, zero values left out, 64-bit numbers as texts, enums by name.

const startSecond = 1771351800
const startMs = startSecond * 1000
/** The server's clock: so little later than all that is told that no silence is concluded. */
const nowSecond = startSecond + 3700

let server: TestServer
let source: Source
before(async () => {
  server = await startServer({}, { clock: { now: () => nowSecond * 1000 } })
  source = await addSource(server, 'livekit', livekitKey)
})
after(() => server.stop())

let events = 0

/** The room of one test: names of its own, and events about it at so many milliseconds after its start. */
function createRoom(name: string, sid = `RM_${name}`, second = startSecond) {
  const room = { sid, name, emptyTimeout: 300, departureTimeout: 20, creationTime: String(second) }
  const about = <More extends object>(event: string, atMs: number, more: More = {} as More) => ({
    event,
    room: { ...room, creationTimeMs: String(second * 1000 + 123) },
    ...more,
    id: `EV_${++events}`,
    createdAt: String(second + Math.floor(atMs / 1000)),
  })
  const person = (identity: string, joinedMs: number, more: object = {}) => ({
    sid: `PA_${name}_${identity}_${joinedMs}`,
    identity,
    name: identity.toUpperCase(),
    joinedAt: String(second + Math.floor(joinedMs / 1000)),
    joinedAtMs: String(second * 1000 + joinedMs),
    ...more,
  })
  return {
    /** With Redis a room may start again, under the same sid. */
    started: (atMs = 0) => about('room_started', atMs),
    finished: (atMs: number) => about('room_finished', atMs),
    joined: (identity: string, joinedMs: number, more: object = {}) =>
      about('participant_joined', joinedMs, { participant: { ...person(identity, joinedMs, more), state: 'ACTIVE' } }),
    left: (identity: string, joinedMs: number, atMs: number, more: object = {}) =>
      about('participant_left', atMs, {
        participant: {
          ...person(identity, joinedMs),
          state: 'DISCONNECTED',
          disconnectReason: 'CLIENT_INITIATED',
          ...more,
        },
      }),
    about,
    person,
  }
}

/** LiveKit sends it now, by a clock that is right. */
function send(to: Source, event: object): Promise<string | undefined> {
  return deliverAsLivekit(to, event, nowSecond * 1000)
}

async function deliverAll(all: object[]): Promise<void> {
  for (const event of all) await send(source, event)
}

/** What is seen of a room, times in milliseconds after the start. */
async function see(name: string) {
  const seen = (await listSeen(server)).filter(({ room }) => room === name)
  const since = (at: number | null) => (at === null ? null : at - startMs)
  return seen.map(({ start, end, people }) => ({
    start: since(start),
    end: since(end),
    people: people.map(({ id, kind, timelog }) => [
      id,
      kind,
      ...timelog.map(({ start, end, reason }) => `${since(start)}-${since(end) ?? ''} ${reason ?? ''}`.trim()),
    ]),
  }))
}

describe('a LiveKit room', () => {
  test('is recorded with its people and times, to the millisecond where LiveKit tells it', async () => {
    const room = createRoom('stand-up')
    await deliverAll([
      room.started(),
      room.joined('anna', 1526),
      room.joined('bob', 4100),
      room.left('anna', 1526, 60_900),
      room.left('bob', 4100, 61_200, { disconnectReason: 'PARTICIPANT_REMOVED' }),
      room.finished(81_000),
    ])
    assert.deepEqual(await see('stand-up'), [
      {
        start: 123,
        end: 81_000,
        people: [
          ['anna', 'person', '1526-60000 CLIENT_INITIATED'],
          ['bob', 'person', '4100-61000 PARTICIPANT_REMOVED'],
        ],
      },
    ])
    const [session] = (await listSeen(server)).filter(({ room }) => room === 'stand-up')
    assert.deepEqual([session?.engine, session?.people.map(({ name }) => name)], ['livekit', ['ANNA', 'BOB']])
  })

  test('gives the same record in any order, each event twice', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const room = createRoom(`shuffled ${seed}`)
      const all = [
        room.started(),
        room.joined('anna', 1000),
        room.left('anna', 1000, 20_000, { disconnectReason: 'SIGNAL_CLOSE' }),
        room.joined('anna', 25_500),
        room.joined('bob', 2000),
        room.left('bob', 2000, 40_000),
        room.left('anna', 25_500, 50_000),
        room.finished(70_000),
      ]
      await deliverAll(shuffle([...all, ...all], seed))
      const people = [
        ['anna', 'person', '1000-20000 SIGNAL_CLOSE', '25500-50000 CLIENT_INITIATED'],
        ['bob', 'person', '2000-40000 CLIENT_INITIATED'],
      ]
      assert.deepEqual(await see(`shuffled ${seed}`), [{ start: 123, end: 70_000, people }], `seed ${seed}`)
    }
  })

  test('is right though joins are lost, and ends for everybody whose leave is lost', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const room = createRoom(`lossy ${seed}`)
      const all = [room.left('anna', 1526, 60_000), room.joined('bob', 4100), room.finished(81_000)]
      await deliverAll(shuffle([...all, ...all], seed))
      const people = [
        ['anna', 'person', '1526-60000 CLIENT_INITIATED'],
        ['bob', 'person', '4100-81000 session-ended'],
      ]
      assert.deepEqual(await see(`lossy ${seed}`), [{ start: 1526, end: 81_000, people }], `seed ${seed}`)
    }
  })

  test('keeps somebody in who is there on a second connection when the first goes', async () => {
    const room = createRoom('two devices')
    await deliverAll([
      room.joined('anna', 1000),
      room.joined('anna', 30_000),
      room.left('anna', 1000, 31_000, { disconnectReason: 'DUPLICATE_IDENTITY' }),
    ])
    assert.deepEqual(await see('two devices'), [{ start: 1000, end: null, people: [['anna', 'person', '1000-']] }])
  })

  test('never has somebody leave before they joined: whole seconds are cut off', async () => {
    const room = createRoom('brief')
    await deliverAll([room.joined('anna', 1900), room.left('anna', 1900, 1950)])
    assert.deepEqual((await see('brief'))[0]?.people, [['anna', 'person', '1900-1900 CLIENT_INITIATED']])
  })

  test('has nobody in it who never got in', async () => {
    const room = createRoom('aborted')
    await deliverAll([
      room.started(),
      room.about('participant_connection_aborted', 2000, { participant: room.person('anna', 1000) }),
      room.left('bob', 1000, 3000, { disconnectReason: 'JOIN_FAILURE' }),
    ])
    assert.deepEqual((await see('aborted'))[0]?.people, [])
  })

  test('flags recorders, agents and telephones, and takes nobody for a person whom it does not know to be one', async () => {
    const room = createRoom('kinds')
    await deliverAll([
      room.joined('standard', 1),
      room.joined('egress', 2, { kind: 'EGRESS' }),
      room.joined('ingress', 3, { kind: 'INGRESS' }),
      room.joined('agent', 4, { kind: 'AGENT' }),
      room.joined('sip', 5, { kind: 'SIP' }),
      room.joined('hologram', 6, { kind: 'HOLOGRAM' }),
      room.joined('number', 7, { kind: 17 }),
      room.joined('recorder', 8, { permission: { recorder: true, canPublish: true } }),
      room.joined('hidden', 9, { permission: { hidden: true } }),
    ])
    assert.deepEqual(
      (await see('kinds'))[0]?.people.map(([id, kind]) => `${id} ${kind}`),
      [
        'standard person',
        'egress egress',
        'ingress ingress',
        'agent agent',
        'sip sip',
        'hologram agent',
        'number agent',
        'recorder recorder',
        'hidden recorder',
      ],
    )
  })

  test('has whoever migrates leave, and join where they come back', async () => {
    const room = createRoom('migrated')
    await deliverAll([
      room.joined('anna', 1000),
      room.joined('ben', 1500),
      room.left('anna', 1000, 9000, { disconnectReason: 'MIGRATION' }),
      room.joined('anna', 9700),
      room.left('ben', 1500, 12_000, { disconnectReason: 'MIGRATION' }),
    ])
    assert.deepEqual((await see('migrated'))[0]?.people, [
      ['anna', 'person', '1000-9000 MIGRATION', '9700-'],
      ['ben', 'person', '1500-12000 MIGRATION'],
    ])
  })

  test('has nobody inside twice: a join by a new connection ends the older one at the last evidence of it', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const room = createRoom(`twice ${seed}`)
      await deliverAll(
        shuffle([room.joined('anna', 1000), room.joined('anna', 30_000), room.joined('ben', 2000)], seed),
      )
      const anna = (await see(`twice ${seed}`))[0]?.people.find(([id]) => id === 'anna')
      assert.deepEqual(anna, ['anna', 'person', '1000-1000 superseded', '30000-'], `seed ${seed}`)
    }
    // Its leave was only late.
    const room = createRoom('twice, late')
    const first = room.joined('anna', 1000)
    await deliverAll([first, room.joined('anna', 30_000), room.left('anna', 1000, 20_000)])
    const people = [['anna', 'person', '1000-20000 CLIENT_INITIATED', '30000-']]
    assert.deepEqual((await see('twice, late'))[0]?.people, people)
  })

  test('that starts again under its sid has nobody in it of before, and goes on', async () => {
    const room = createRoom('restarted')
    await deliverAll([
      room.started(),
      room.joined('anna', 1000),
      room.joined('ben', 2000),
      room.started(60_000),
      room.joined('anna', 60_300),
    ])
    assert.deepEqual(await see('restarted'), [
      {
        start: 123,
        end: null,
        people: [
          ['anna', 'person', '1000-2000 source-restarted', '60300-'],
          ['ben', 'person', '2000-2000 source-restarted'],
        ],
      },
    ])
  })

  test('is known by its tracks to have had people in it, and by any other event to have run', async () => {
    const older = createRoom('tracks', 'RM_tracks_older')
    const newer = createRoom('tracks', 'RM_tracks_newer', startSecond + 3600)
    const track = (event: string, atMs: number) =>
      older.about(event, atMs, {
        participant: { sid: 'PA_tracks_anna_1000', identity: 'anna' },
        track: { sid: 'TR_1' },
      })
    await deliverAll([
      older.joined('anna', 1500, { sid: 'PA_tracks_anna_1000' }),
      // Whole seconds: it is not before the join.
      track('track_published', 1600),
      // Soon after another, it waits: its time is not lost.
      track('track_published', 290_000),
      track('track_unpublished', 300_000),
      newer.started(),
    ])
    const people = [['anna', 'person', '1500-300000 session-ended']]
    assert.deepEqual((await see('tracks'))[0], { start: 1500, end: 300_000, people })

    const empty = createRoom('events of a room', 'RM_events_older')
    const next = createRoom('events of a room', 'RM_events_newer', startSecond + 3600)
    await deliverAll([
      empty.started(),
      empty.about('participant_connection_aborted', 80_000, { participant: empty.person('anna', 1000) }),
      next.started(),
    ])
    assert.deepEqual((await see('events of a room'))[0], { start: 123, end: 80_000, people: [] })
  })

  test('has somebody in it of whom only a track is reported', async () => {
    const room = createRoom('only tracks')
    await deliverAll([room.about('track_published', 5000, { participant: { sid: 'PA_only', identity: 'anna' } })])
    assert.deepEqual((await see('only tracks'))[0]?.people, [['anna', 'person', '5000-']])
    await deliverAll([room.left('anna', 2000, 9000, { sid: 'PA_only' })])
    assert.deepEqual((await see('only tracks'))[0]?.people, [['anna', 'person', '2000-9000 CLIENT_INITIATED']])
  })

  test('is written of no more often than every half minute where tracks come and go all the time', async () => {
    const room = createRoom('busy')
    const join = room.joined('anna', 0)
    await deliverAll([join])
    const track = (atMs: number) => room.about('track_published', atMs, { participant: join.participant })
    const outcomes = []
    for (let atMs = 1000; atMs <= 90_000; atMs += 1000) outcomes.push(await send(source, track(atMs)))
    assert.deepEqual(
      outcomes.filter((outcome) => outcome !== undefined),
      ['recorded', 'recorded', 'recorded'],
    )
  })

  test('is over, with everybody in it, when a newer one of its name shows that', async () => {
    const older = createRoom('reopened', 'RM_older')
    const newer = createRoom('reopened', 'RM_newer', startSecond + 3600)
    await deliverAll([older.started(), older.joined('anna', 1000), newer.started(), newer.joined('anna', 500)])
    const over = { start: 123, end: 1000, people: [['anna', 'person', '1000-1000 session-ended']] }
    const running = { start: 3_600_123, end: null, people: [['anna', 'person', '3600500-']] }
    assert.deepEqual(await see('reopened'), [over, running])

    // A leave that was only late moves the end.
    await deliverAll([older.left('anna', 1000, 60_000)])
    const later = { start: 123, end: 60_000, people: [['anna', 'person', '1000-60000 CLIENT_INITIATED']] }
    assert.deepEqual(await see('reopened'), [later, running])
  })

  test('is over when a newer one was heard of before it', async () => {
    const older = createRoom('reversed', 'RM_first')
    const newer = createRoom('reversed', 'RM_second', startSecond + 3600)
    await deliverAll([newer.started(), older.joined('anna', 1000)])
    assert.deepEqual(await see('reversed'), [
      { start: 1000, end: 1000, people: [['anna', 'person', '1000-1000 session-ended']] },
      { start: 3_600_123, end: null, people: [] },
    ])
  })

  test('goes on beside another of its name that has people in it since: two nodes may each have one', async () => {
    const one = createRoom('split', 'RM_one')
    const two = createRoom('split', 'RM_two', startSecond + 10)
    const ends = async () => (await see('split')).map(({ end }) => end)
    await deliverAll([one.joined('anna', 1000), two.joined('bob', 2000)])
    assert.deepEqual(await ends(), [1000, null])
    await deliverAll([one.joined('cat', 30_000)])
    assert.deepEqual(await ends(), [null, null])
    await deliverAll([one.finished(40_000)])
    assert.deepEqual(await ends(), [40_000, null])
  })

  test('has any name and identities that LiveKit takes, however long', async () => {
    const long = 'ü'.repeat(3000)
    const room = createRoom(long, 'RM_long')
    await deliverAll([room.joined(`a\u0000b`, 1000), room.joined(long, 2000), room.joined(`${long}!`, 3000)])
    const seen = (await listSeen(server)).find(({ room }) => room?.startsWith('üüü'))
    assert.ok((seen?.room?.length ?? 0) <= 256)
    assert.equal(seen?.people.length, 3)
    assert.equal(new Set(seen.people.map(({ id }) => id)).size, 3)
  })
})

describe('a leave of LiveKit, which tells whole seconds', () => {
  /** A server whose clock is `aheadMs` ahead of LiveKit's, and what comes there so long after it happened. */
  async function start(aheadMs: number) {
    let nowMs = startMs
    const own = await startServer({}, { clock: { now: () => nowMs } })
    const ownSource = await addSource(own, 'livekit', livekitKey)
    const come = (atMs: number, event: object, delayMs = 20) => {
      nowMs = startMs + aheadMs + atMs + delayMs
      return deliverAsLivekit(ownSource, event, startMs + atMs)
    }
    const stays = async () => {
      const [session] = await listSeen(own)
      return session?.people.map(({ timelog }) =>
        timelog.map(({ start, end }) => [start - startMs, (end ?? 0) - startMs]),
      )
    }
    return { own, ownSource, come, stays }
  }

  test('is dated inside its second by when it came, whatever its clock says: brief stays have their length', async () => {
    for (const aheadMs of [0, 40_000, -40_000]) {
      const { own, come, stays } = await start(aheadMs)
      try {
        const room = createRoom(`dated ${aheadMs}`)
        await come(123, room.started())
        await come(1400, room.joined('anna', 1100))
        await come(1600, room.joined('ben', 1500))
        await come(1880, room.left('ben', 1500, 1880))
        await come(60_650, room.left('anna', 1100, 60_650))
        // By our clock where LiveKit's is ahead, to the second: by its own it cannot be.
        const [[[joinedAt = 0] = []] = []] = (await stays()) ?? []
        const movedMs = joinedAt - 1100
        assert.ok(Math.abs(movedMs - Math.min(aheadMs, 0)) < 1000, `${aheadMs} ${movedMs}`)
        const expected = [[[1100, 60_650]], [[1500, 1880]]]
        assert.deepEqual(
          (await stays())?.map((ofOne) => ofOne.map((stay) => stay.map((ms) => ms - movedMs))),
          expected,
          `${aheadMs}`,
        )
      } finally {
        await own.stop()
      }
    }
  })

  test('that is sent again is the same, and that it is late tells nothing of the clock', async () => {
    const { own, ownSource, come, stays } = await start(0)
    try {
      const room = createRoom('sent again')
      await come(123, room.started())
      await come(1400, room.joined('anna', 1100))
      const left = room.left('anna', 1100, 60_650)
      assert.equal(await come(60_650, left), 'recorded')
      assert.equal(await come(60_650, left, 15_000), 'duplicate')
      await come(80_000, room.joined('ben', 80_000))
      // All that came of it came late.
      await come(90_300, room.left('ben', 80_000, 90_300), 15_000)
      assert.deepEqual(await stays(), [[[1100, 60_650]], [[80_000, 90_000]]])
      assert.equal((await getSource(own, ownSource.id)).health.refused, 0)
    } finally {
      await own.stop()
    }
  })

  test('that is lost while the end of the room comes ends the stay then, and the record says that it is inferred', async () => {
    const room = createRoom('leave lost')
    await deliverAll([
      room.joined('anna', 1000),
      room.joined('ben', 1100),
      room.left('ben', 1100, 5000),
      room.finished(25_000),
    ])
    const seen = (await listSeen(server)).find(({ room }) => room === 'leave lost')
    assert.deepEqual(
      seen?.people.map(({ timelog }) =>
        timelog.map(({ end, reason, inferred }) => [(end ?? 0) - startMs, reason, inferred]),
      ),
      [[[25_000, 'session-ended', true]], [[5000, 'CLIENT_INITIATED', undefined]]],
    )
  })
})

describe('a LiveKit room', () => {
  test('whose name looks like an id of ours is still shown and found by that name', async () => {
    const room = createRoom('abcd-efgh-ijkl')
    await deliverAll([room.started(), room.joined('anna', 1000)])
    assert.equal((await see('abcd-efgh-ijkl')).length, 1)
    for (const filter of ['customRoomId', 'roomId', 'query']) {
      const { body } = await server.call<{ data: object[] }>('GET', `/v2/sessions?${filter}=abcd-efgh-ijkl`)
      assert.equal(body.data.length, 1, filter)
    }
  })
})

describe('a LiveKit event', () => {
  test('that says nothing of attendance is taken and not kept; one that nobody knows is kept as ignored', async () => {
    const room = createRoom('events')
    const known = ['track_published', 'egress_started', 'ingress_ended', 'agent_job_started']
    for (const name of known) assert.equal(await send(source, omitRoom(room.about(name, 0))), undefined)
    assert.equal(await send(source, room.about('room_painted', 0)), 'ignored')
    const { participant: _, ...nobody } = room.joined('anna', 0)
    assert.equal(await send(source, nobody), 'ignored')
    assert.equal(await send(source, { ...room.started(), createdAt: 'soon' }), 'ignored')
    assert.deepEqual(await see('events'), [])
  })

  test('reads numbers as texts or as numbers, and what is left out as zero', async () => {
    const room = createRoom('numbers')
    const event = room.joined('anna', 5000)
    const { joinedAtMs: _, ...participant } = event.participant
    await send(source, {
      ...event,
      createdAt: Number(event.createdAt),
      participant: { ...participant, joinedAt: Number(participant.joinedAt) },
    })
    assert.deepEqual((await see('numbers'))[0]?.people, [['anna', 'person', '5000-']])
    const noTime = room.joined('bob', 7000)
    const { joinedAt: __, joinedAtMs: ___, ...bob } = noTime.participant
    await send(source, { ...noTime, participant: bob })
    assert.deepEqual((await see('numbers'))[0]?.people[1], ['bob', 'person', '7000-'])
  })
})

function omitRoom({ room: _, ...event }: { room: object }): object {
  return event
}

/** A JWT made here, not by LiveKit's library. */
function sign(header: object, claims: object, secret: string): string {
  const [head, payload] = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  return `${head}.${payload}.${createHmac('sha256', secret).update(`${head}.${payload}`).digest('base64url')}`
}

describe('the signature of a LiveKit webhook', () => {
  const body = JSON.stringify(createRoom('signed').started())
  const { apiKey, secret } = livekitKey
  const sha256 = createHash('sha256').update(body).digest('base64')
  const now = Math.floor(Date.now() / 1000)
  const header = { alg: 'HS256', typ: 'JWT' }
  const claims = { iss: apiKey, nbf: now, exp: now + 300, sha256 }
  const good = sign(header, claims, secret)
  const [head, payload, signature = ''] = good.split('.')
  const cases: [string, { authorization?: string; body?: string }, boolean][] = [
    ['as LiveKit makes it', { authorization: good }, true],
    ['with a body of one byte more', { authorization: good, body: `${body} ` }, false],
    ['by another secret', { authorization: sign(header, claims, 'another secret') }, false],
    ['by no secret', { authorization: sign(header, claims, '') }, false],
    ['for another API key', { authorization: sign(header, { ...claims, iss: 'another' }, secret) }, false],
    ['for no API key', { authorization: sign(header, { ...claims, iss: undefined }, secret) }, false],
    ['for no body', { authorization: sign(header, { ...claims, sha256: undefined }, secret) }, false],
    ['for the digest in hex', { authorization: sign(header, { ...claims, sha256: toHex(body) }, secret) }, false],
    ['of algorithm none', { authorization: `${toPart({ alg: 'none' })}.${payload}.` }, false],
    ['of algorithm HS512', { authorization: sign({ alg: 'HS512' }, claims, secret) }, false],
    ['cut short', { authorization: `${head}.${payload}.${signature.slice(0, -2)}` }, false],
    ['of nothing', { authorization: '..' }, false],
    ['that is no JWT', { authorization: 'x' }, false],
    ['with Bearer before it', { authorization: `Bearer ${good}` }, false],
    ['that is not there', {}, false],
  ]

  for (const [title, { authorization, body: sent = body }, isGood] of cases) {
    test(`${title} is ${isGood ? 'taken' : 'refused'}, here as by LiveKit's own receiver`, async () => {
      const { status } = await deliver(source.url, sent, authorization === undefined ? {} : { authorization })
      const theirs = new WebhookReceiver(apiKey, secret).receive(sent, authorization)
      const isTheirsGood = await theirs.then(
        () => true,
        () => false,
      )
      assert.deepEqual([status, isTheirsGood], [isGood ? 200 : 401, isGood])
    })
  }

  test('is taken whatever the clocks say, since LiveKit drops what is refused; how wrong they are shows', async () => {
    const named = await addSource(server, 'livekit', livekitKey)
    for (const [i, skewSeconds] of [-400 * 86_400, -3600, 3600, 400 * 86_400].entries()) {
      const event = JSON.stringify(createRoom(`skewed ${i}`).joined('anna', 1000))
      const at = nowSecond + skewSeconds
      const digest = createHash('sha256').update(event).digest('base64')
      const authorization = sign(header, { iss: apiKey, nbf: at, exp: at + 300, sha256: digest }, secret)
      assert.equal((await deliver(named.url, event, { authorization })).status, 200)
      const { health } = await getSource(server, named.id)
      assert.ok(Math.abs((health.clockSkewMs ?? 0) + skewSeconds * 1000) < 60_000)
    }
    const { health } = await getSource(server, named.id)
    assert.match(health.lastError ?? '', /its clock is \d+ s (ahead of|behind) ours/)
  })

  test('by another key is refused with that key’s name', async () => {
    const other = sign(header, { ...claims, iss: 'APIanother' }, 'another secret')
    const { status, text } = await deliver(source.url, body, { authorization: other })
    assert.equal(status, 401)
    assert.match(text, /names the API key APIanother/)
  })

  test('that was made for an earlier try tells nothing of the clock', async () => {
    const named = await addSource(server, 'livekit', livekitKey)
    const send = async (lateSeconds: number) => {
      const event = JSON.stringify(createRoom(`late ${lateSeconds}`).joined('anna', 1000))
      const at = nowSecond - lateSeconds
      const digest = createHash('sha256').update(event).digest('base64')
      const authorization = sign(header, { iss: apiKey, nbf: at, exp: at + 300, sha256: digest }, secret)
      assert.equal((await deliver(named.url, event, { authorization })).status, 200)
    }
    await send(0)
    await send(15)
    const { health } = await getSource(server, named.id)
    assert.deepEqual([health.lastError, health.clockSkewMs], [null, 0])
  })

  test('by LiveKit’s own library is taken', async () => {
    const token = new AccessToken(livekitKey.apiKey, livekitKey.secret, { ttl: '5m' })
    token.sha256 = createHash('sha256').update(body).digest('base64')
    assert.equal((await deliver(source.url, body, { authorization: await token.toJwt() })).status, 200)
  })
})

function toHex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function toPart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
