import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { Session, SessionPage, Source } from '@rollcall/protocol'
import fc from 'fast-check'
import { createSenderClock } from '../../src/sources/clocks/clock.ts'
import { dataParent } from '../support/data-parent.ts'
import { runProgram } from '../support/run-program.ts'
import { basic, createJanus, janusKey } from '../support/senders/janus-events.ts'
import { bigbluebuttonSecret, deliverAsBigbluebutton } from '../support/senders/senders.ts'
import { addSource, deliver, deliverAsLivekit, getSource, livekitKey } from '../support/senders/source-client.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const startMs = Date.UTC(2026, 0, 5, 9)
const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** A media server with a clock of its own. All times are true ones, in milliseconds from the start. */
type Teller = {
  source: Source
  /** Tells that somebody was in a room: their join as it happens, and their leave. Gives the outcomes. */
  join(room: string, who: string, atMs: number, cameMs?: number): Promise<unknown>
  leave(room: string, who: string, joinedMs: number, atMs: number, cameMs?: number): Promise<unknown>
}

let nowMs = startMs
const clock = {
  now: () => nowMs,
  set: (ms: number) => {
    nowMs = startMs + ms
  },
}

let shared: TestServer
before(async () => {
  shared = await startServer({}, { clock })
})
after(() => shared.stop())

/** The server, whose clock is right, for a key that nobody else has. */
async function start(): Promise<Started> {
  clock.set(0)
  const key = await shared.context.writes.keys.add({ name: null, email: null })
  const sign = () => signToken(key, { roles: ['crawler'] }, { now: nowMs, lifetimeMs: hour })
  return watch({ call: async (method, path, body) => shared.call(method, path, body, { token: await sign() }) })
}

/** A server of its own, which can be stopped and started again. */
async function startOwn(t: TestContext) {
  clock.set(0)
  const folder = await mkdtemp(join(dataParent, 'rollcall-'))
  const open = () => startServer({ ROLLCALL_DATA: folder }, { clock })
  let server = await open()
  t.after(() => server.stop())
  t.after(() => rm(folder, { recursive: true }))
  return {
    ...watch({ call: (method, path, body) => server.call(method, path, body) }),
    stop: () => server.stop(),
    storeEnv: server.storeEnv,
    /** Gives its new address. */
    async restart() {
      await server.stop()
      server = await open()
      return server.url
    },
  }
}

/** What a server has of a room. */
function watch(server: Pick<TestServer, 'call'>) {
  return {
    server,
    /** Each session: by how much it was corrected, and each stay in seconds from the start. */
    async see(room: string) {
      return (await this.seeAll()).filter(({ customRoomId }) => customRoomId === room)
    },
    async seeAll() {
      const { body } = await server.call<SessionPage>('GET', '/v2/sessions?perPage=1000')
      return body.data.toReversed().map((session) => ({
        customRoomId: session.customRoomId,
        corrected: session.clockCorrectedMs ?? 0,
        stays: staysOf(session),
      }))
    },
  }
}

type Started = ReturnType<typeof watch>

function staysOf({ participants }: Session): { [who: string]: number[][] } {
  const since = (time: string | null) => (time === null ? Number.NaN : (Date.parse(time) - startMs) / second)
  return Object.fromEntries(
    participants.map(({ participantId, timelog }) => [
      participantId,
      timelog.map(({ start, end }) => [since(start), since(end)]),
    ]),
  )
}

/** Whether stays are as they were, in seconds: a clock of whole seconds, and one that is measured, are a little off. */
function assertStays(seen: { [who: string]: number[][] } | undefined, truth: { [who: string]: number[][] }): void {
  assert.deepEqual(Object.keys(seen ?? {}).sort(), Object.keys(truth).sort())
  for (const [who, stays] of Object.entries(truth)) {
    const found = seen?.[who] ?? []
    const isRight = stays.every((stay, i) => stay.every((at, j) => Math.abs((found[i]?.[j] ?? Number.NaN) - at) <= 3))
    assert.ok(isRight && found.length === stays.length, `${who}: ${JSON.stringify(found)} for ${JSON.stringify(stays)}`)
  }
}

const tellers = {
  async LiveKit({ server }: Started, aheadMs: number): Promise<Teller> {
    const source = await addSource(server, 'livekit', livekitKey)
    const toSecond = (ms: number) => String(Math.floor((startMs + ms + aheadMs) / second))
    const tell = (event: string, room: string, who: string, joinedMs: number, atMs: number, cameMs: number) => {
      clock.set(cameMs)
      const joinedAtMs = String(startMs + joinedMs + aheadMs)
      const body = {
        event: `participant_${event}`,
        id: `EV_${event} ${room} ${who} ${joinedMs}`,
        createdAt: toSecond(atMs),
        room: { sid: `RM_${room}`, name: room, creationTime: toSecond(0) },
        participant: { sid: `PA_${who}_${joinedMs}`, identity: who, joinedAt: toSecond(joinedMs), joinedAtMs },
      }
      return deliverAsLivekit(source, body, startMs + atMs + aheadMs)
    }
    return {
      source,
      join: (room, who, atMs, cameMs = atMs + 20) => tell('joined', room, who, atMs, atMs, cameMs),
      leave: (room, who, joinedMs, atMs, cameMs = atMs + 20) => tell('left', room, who, joinedMs, atMs, cameMs),
    }
  },

  async Jitsi({ server }: Started, aheadMs: number): Promise<Teller> {
    const secret = 'a secret that Prosody has too'
    const source = await addSource(server, 'jitsi', { secret })
    const toSecond = (ms: number) => Math.floor((startMs + ms + aheadMs) / second)
    const created = new Set<string>()
    const tell = async (path: string, room: string, body: object) => {
      const place = { room_name: room, room_jid: `${room}@conference.example.org` }
      const headers = { authorization: `Bearer ${secret}` }
      return (await deliver(`${source.url}/events/${path}`, JSON.stringify({ ...place, ...body }), headers)).body
    }
    const occupant = (who: string, joinedMs: number, leftMs?: number) => ({
      ...{ occupant_jid: `${who}-${joinedMs}@example.org/x`, id: who, joined_at: toSecond(joinedMs) },
      ...(leftMs !== undefined && { left_at: toSecond(leftMs) }),
    })
    return {
      source,
      async join(room, who, atMs, cameMs = atMs + 20) {
        clock.set(cameMs)
        const isNew = !created.has(room)
        created.add(room)
        if (isNew) {
          await tell('room/created', room, { event_name: 'muc-room-created', created_at: toSecond(atMs) })
        }
        return tell('occupant/joined', room, { event_name: 'muc-occupant-joined', occupant: occupant(who, atMs) })
      },
      leave(room, who, joinedMs, atMs, cameMs = atMs + 20) {
        clock.set(cameMs)
        const left = occupant(who, joinedMs, atMs)
        return tell('occupant/left', room, { event_name: 'muc-occupant-left', occupant: left })
      },
    }
  },

  async BigBlueButton({ server }: Started, aheadMs: number): Promise<Teller> {
    const source = await addSource(server, 'bigbluebutton', { secret: bigbluebuttonSecret })
    const tell = (id: string, room: string, who: string, joinedMs: number, atMs: number, cameMs: number) => {
      clock.set(cameMs)
      const ts = startMs + atMs + aheadMs
      const user = { 'internal-user-id': `w_${who}_${joinedMs}`, 'external-user-id': who, name: who }
      const meeting = { 'internal-meeting-id': `m-${room}`, 'external-meeting-id': room }
      const event = { data: { type: 'event', id, attributes: { meeting, user }, event: { ts } } }
      return deliverAsBigbluebutton(source.url, [event], { sentAt: ts })
    }
    return {
      source,
      join: (room, who, atMs, cameMs = atMs + 20) => tell('user-joined', room, who, atMs, atMs, cameMs),
      leave: (room, who, joinedMs, atMs, cameMs = atMs + 20) => tell('user-left', room, who, joinedMs, atMs, cameMs),
    }
  },

  async Janus({ server }: Started, aheadMs: number): Promise<Teller> {
    const source = await addSource(server, 'janus', janusKey)
    const janus = createJanus('janus-1', startMs + aheadMs)
    const tell = async (event: object, cameMs: number) => {
      clock.set(cameMs)
      return (await deliver(source.url, JSON.stringify([event]), basic)).body
    }
    return {
      source,
      join: (room, who, atMs, cameMs = atMs + 20) => tell(janus.joined(room, who, atMs), cameMs),
      leave: (room, who, _, atMs, cameMs = atMs + 20) => tell(janus.leaving(room, who, atMs), cameMs),
    }
  },
}
type TellerName = keyof typeof tellers
const tellerNames = Object.keys(tellers) as TellerName[]

for (const name of tellerNames) {
  describe(`a ${name} whose clock is ahead`, () => {
    test('gives the right stays by ten seconds, ten minutes, an hour or ten years, and the record says by how much', async () => {
      for (const aheadMs of [10 * second, 10 * minute, hour, 3650 * 24 * hour]) {
        const started = await start()
        const { join, leave } = await tellers[name](started, aheadMs)
        await join('room', 'ben', 1300)
        await join('room', 'anna', 61_200)
        await leave('room', 'ben', 1300, 64_700)
        await leave('room', 'anna', 61_200, 361_800)
        const [session, ...others] = await started.see('room')
        assert.deepEqual(others, [])
        assertStays(session?.stays, { ben: [[1.3, 64.7]], anna: [[61.2, 361.8]] })
        assert.ok(Math.abs((session?.corrected ?? 0) + aheadMs) <= 2 * second, `${session?.corrected}`)
      }
    })

    test('sends again what was recorded: it is the same, though its clock is known better by then', async () => {
      const started = await start()
      const { source, join, leave } = await tellers[name](started, hour)
      // For 30 s on its way, of which nothing is known until another came at once.
      await join('room', 'ben', 0, 30_000)
      await join('room', 'anna', 40_000)
      await join('room', 'ben', 0, 41_000)
      await leave('room', 'anna', 40_000, 50_000)
      await leave('room', 'anna', 40_000, 50_000, 58_000)
      const [session] = await started.see('room')
      assert.deepEqual(
        Object.values(session?.stays ?? {}).map((stays) => stays.length),
        [1, 1],
      )
      assert.equal((await getSource(started.server, source.id)).health.refused, 0)
    })
  })

  describe(`a ${name} whose clock is an hour behind`, () => {
    test('is believed to be once all that it sent for twenty minutes came late by as much: from the next session on', async () => {
      const started = await start()
      const { join, leave } = await tellers[name](started, -hour)
      await join('running', 'ben', 0)
      for (let at = minute; at < 31 * minute; at += 2 * minute) {
        await join(`short ${at}`, 'cyd', at)
        await leave(`short ${at}`, 'cyd', at, at + minute)
      }
      await join('next', 'anna', 32 * minute)
      await leave('next', 'anna', 32 * minute, 40 * minute)
      await leave('running', 'ben', 0, 41 * minute)
      const [next] = await started.see('next')
      assertStays(next?.stays, { anna: [[32 * 60, 40 * 60]] })
      assert.ok(Math.abs((next?.corrected ?? 0) - hour) <= 2 * second)
      const [running] = await started.see('running')
      // A stay that began by the wrong clock ends by it: it has its length.
      assertStays(running?.stays, { ben: [[-3600, 41 * 60 - 3600]] })
      assert.equal(running?.corrected, 0)
    })
  })

  describe(`a ${name} whose clock is behind, and that sends often,`, () => {
    test('is believed to be after five minutes: from the next session on', async () => {
      const started = await start()
      const { join, leave } = await tellers[name](started, -10 * minute)
      for (let at = 0; at < 5 * minute; at += 20 * second) {
        await join(`short ${at}`, 'cyd', at)
        await leave(`short ${at}`, 'cyd', at, at + 10_000)
      }
      await join('next', 'anna', 6 * minute)
      await leave('next', 'anna', 6 * minute, 8 * minute)
      const [next] = await started.see('next')
      assertStays(next?.stays, { anna: [[6 * 60, 8 * 60]] })
      assert.ok(Math.abs((next?.corrected ?? 0) - 10 * minute) <= 2 * second, `${next?.corrected}`)
    })
  })

  describe(`a ${name} whose clock is right`, () => {
    test('is not taken to be wrong for what came late: by a minute, by hours, one after the other or all at once', async () => {
      const started = await start()
      const { join, leave } = await tellers[name](started, 0)
      for (let n = 0; n < 40; n += 1) {
        const [joinedAt, leftAt] = [n * minute, n * minute + 30_000]
        // Rollcall was away for twenty minutes; what follows comes late by less and less.
        const cameMs = Math.max(leftAt, 20 * minute + n * 100) + (n % 3) * 25_000
        await join(`room ${n}`, 'anna', joinedAt, cameMs)
        await leave(`room ${n}`, 'anna', joinedAt, leftAt, cameMs + 10)
      }
      const seen = await started.seeAll()
      for (let n = 0; n < 40; n += 1) {
        const session = seen.find(({ customRoomId }) => customRoomId === `room ${n}`)
        assertStays(session?.stays, { anna: [[n * 60, n * 60 + 30]] })
        assert.equal(session?.corrected, 0)
      }
    })
  })
}

describe('a clock that is wrong', () => {
  test('of a Jitsi makes one session of a room, also where its creation comes after who joined', async () => {
    const started = await start()
    const secret = 'a secret that Prosody has too'
    const source = await addSource(started.server, 'jitsi', { secret })
    const toSecond = (ms: number) => Math.floor((startMs + ms + hour) / second)
    const tell = async (path: string, cameMs: number, body: object) => {
      clock.set(cameMs)
      const place = { room_name: 'room', room_jid: 'room@conference.example.org' }
      const headers = { authorization: `Bearer ${secret}` }
      return deliver(`${source.url}/events/${path}`, JSON.stringify({ ...place, ...body }), headers)
    }
    const anna = { occupant_jid: 'anna@example.org/x', id: 'anna', joined_at: toSecond(1000) }
    const left = { ...anna, left_at: toSecond(600_000) }
    const created_at = toSecond(0)
    await tell('occupant/joined', 1100, { event_name: 'muc-occupant-joined', occupant: anna })
    await tell('room/created', 9000, { event_name: 'muc-room-created', created_at })
    await tell('occupant/left', 600_100, { event_name: 'muc-occupant-left', occupant: left })
    const end = { created_at, destroyed_at: toSecond(600_000), all_occupants: [left] }
    await tell('room/destroyed', 600_200, { event_name: 'muc-room-destroyed', ...end })
    const [session, ...others] = await started.see('room')
    assert.deepEqual(others, [])
    assertStays(session?.stays, { anna: [[1, 600]] })
  })

  test('is known after a restart by the sessions that run: they go on by it, though what comes first comes late', async (t) => {
    for (const aheadMs of [-hour, hour]) {
      const started = await startOwn(t)
      const teller = await tellers.BigBlueButton(started, aheadMs)
      for (let at = 0; at < 31 * minute; at += minute) {
        await teller.join(`short ${at}`, 'cyd', at)
        await teller.leave(`short ${at}`, 'cyd', at, at + second)
      }
      await teller.join('room', 'anna', 32 * minute)
      const { port } = new URL(await started.restart())
      teller.source.url = teller.source.url.replace(/:\d+/, `:${port}`)
      await teller.leave('room', 'anna', 32 * minute, 40 * minute, 40 * minute + 45 * second)
      const [session] = await started.see('room')
      assertStays(session?.stays, { anna: [[32 * 60, 40 * 60]] })
    }
  })

  test('and is set right is right at once', async () => {
    const started = await start()
    const wrong = await tellers.Janus(started, hour)
    await wrong.join('room', 'anna', 0)
    const right = createJanus('janus-1', startMs)
    const send = async (event: object, atMs: number) => {
      clock.set(atMs)
      assert.equal((await deliver(wrong.source.url, JSON.stringify([event]), basic)).status, 200)
    }
    await send(right.joined('room', 'ben', 60_000), 60_020)
    await send(right.leaving('room', 'ben', 90_000), 90_020)
    await send(right.leaving('room', 'anna', 95_000), 95_020)
    const [session] = await started.see('room')
    assertStays(session?.stays, { anna: [[0, 95]], ben: [[60, 90]] })
  })

  test('in one delivery moves no other', async () => {
    const started = await start()
    const { source, join, leave } = await tellers.BigBlueButton(started, 0)
    await join('room', 'anna', 0)
    const odd = await deliverAsBigbluebutton(source.url, [], { sentAt: startMs + 5 * hour })
    assert.equal(odd.status, 200)
    await leave('room', 'anna', 0, 60_000)
    assertStays((await started.see('room'))[0]?.stays, { anna: [[0, 60]] })
  })
})

test('the record of clocks that are wrong has no fault, and folded again it is the same', async (t) => {
  const started = await startOwn(t)
  for (const name of tellerNames) {
    const { join, leave } = await tellers[name](started, hour)
    await join(name, 'anna', 0, 10_000)
    await join(name, 'ben', 11_000)
    await leave(name, 'anna', 0, 20_000)
    await leave(name, 'ben', 11_000, 30_000)
  }
  await started.stop()
  const env = started.storeEnv
  for (const command of [['verify'], ['rebuild', '--dry-run']]) {
    const { code, stdout, stderr } = await runProgram('cli.js', env, command).ended
    assert.equal(code, 0, stdout + stderr)
  }
})

describe('what is made of how late deliveries come', () => {
  const ways = fc.array(
    fc.record({
      gapMs: fc.integer({ min: 0, max: 5 * minute }),
      wayMs: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 0, max: 900 }) },
        { weight: 2, arbitrary: fc.integer({ min: 1000, max: minute }) },
        { weight: 1, arbitrary: fc.integer({ min: minute, max: 72 * hour }) },
      ),
    }),
    { minLength: 1, maxLength: 60 },
  )
  const seed = Number(process.env.HISTORIES_SEED ?? 1)

  test('of a clock that is right: nothing, however late they are, and in whatever order', () => {
    fc.assert(
      fc.property(ways, (deliveries) => {
        const clock = createSenderClock()
        let now = startMs
        clock.note(0, now)
        for (const { gapMs, wayMs } of deliveries) {
          now += gapMs
          assert.equal(clock.note(wayMs, now), 0)
          // One that comes at once: a sender of which everything is late for long is not told from one with a clock behind.
          clock.note(20, now)
        }
      }),
      { numRuns: 2000, seed },
    )
  })

  test('of a clock that is right: nothing, where all that waited while nobody took it is worked off, however slowly', () => {
    const queue = fc.record({
      awayMs: fc.integer({ min: minute, max: 60 * minute }),
      everyMs: fc.integer({ min: second, max: 20 * second }),
      /** How long one takes, of the time in which one comes. */
      share: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
    })
    fc.assert(
      fc.property(queue, ({ awayMs, everyMs, share }) => {
        const clock = createSenderClock()
        let freeAt = startMs + awayMs
        for (let sentAt = startMs; sentAt < startMs + 4 * awayMs; sentAt += everyMs) {
          freeAt = Math.max(freeAt, sentAt) + everyMs * share
          assert.equal(clock.note(freeAt - sentAt, freeAt), 0)
        }
      }),
      { numRuns: 200, seed },
    )
  })

  test('of a clock that is ahead: that it is, from the first that came at once, by no more than it is', () => {
    fc.assert(
      fc.property(ways, fc.integer({ min: 8 * second, max: 100 * 24 * hour }), (deliveries, aheadMs) => {
        const clock = createSenderClock()
        let now = startMs
        clock.note(20 - aheadMs, now)
        for (const { gapMs, wayMs } of deliveries) {
          now += gapMs
          const isAsIfSetRight = Math.abs(wayMs - aheadMs) <= 5 * second
          if (isAsIfSetRight) continue
          assert.ok(Math.abs(clock.note(wayMs - aheadMs, now) + aheadMs) <= 2 * second)
          clock.note(20 - aheadMs, now)
        }
      }),
      { numRuns: 2000, seed },
    )
  })

  test('of a clock that is behind: nothing or as much as it is, and that for good', () => {
    fc.assert(
      fc.property(ways, fc.integer({ min: 62 * second, max: 100 * 24 * hour }), (deliveries, behindMs) => {
        const clock = createSenderClock()
        let now = startMs
        let known = 0
        for (const { gapMs, wayMs } of deliveries) {
          now += gapMs
          clock.note(behindMs + 20, now)
          const found = clock.note(behindMs + wayMs, now)
          assert.ok(found === 0 ? known === 0 : Math.abs(found - behindMs) <= 2 * second, `${found}`)
          known = found
        }
        if (now - startMs > 40 * minute) assert.notEqual(known, 0)
      }),
      { numRuns: 2000, seed },
    )
  })
})
