import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { ReconcileLimits } from '../../src/sources/reconciling/limits.ts'
import { seeSoon } from '../support/senders/janus-events.ts'
import {
  type Capture,
  type Delivery,
  deliverCaptured,
  listInside,
  readCapture,
  readEvent,
  readTruth,
} from '../support/senders/livekit-capture.ts'
import { type LivekitRooms, serveLivekitRooms } from '../support/senders/livekit-rooms.ts'
import { addSource, listSeen, livekitKey } from '../support/senders/source-client.ts'
import { onSqlite, startServer, type TestServer } from '../support/start-server.ts'
import { compareStays, type RecordedStay, type TrueStay } from '../support/truth.ts'

// What a real LiveKit sent, sent again at the times of then, against what the clients themselves saw.

type Case = {
  name: string
  title: string
  /** How many sessions there were. */
  sessions: number
  /** Whom it is about. Default: everybody of whom anything came. */
  isAbout?: (id: string) => boolean
  /** What else a time may be than what the clients saw, and why. */
  widen?: (stay: TrueStay) => TrueStay
  /** Connections from before the clients' own record are in it. */
  isPart?: boolean
}

const cases: Case[] = [
  { name: 'normal', title: 'three who join and leave have a stay each', sessions: 1 },
  {
    name: 'duplicate-identity',
    title: 'whoever joins three times has three stays, one after another',
    sessions: 1,
    widen: (stay) => knownLate(stay, 'olga', 1000),
  },
  {
    name: 'client-killed',
    title: 'a client that is killed is gone when LiveKit takes it to be, about 20 s later',
    sessions: 1,
    widen: (stay) => knownLate(stay, 'anna', 100),
  },
  {
    name: 'reconnects',
    title: 'a resume changes nothing, and a full reconnection ends one stay and begins another',
    sessions: 1,
    isAbout: (id) => id !== 'anna-migration',
  },
  {
    name: 'reconnects',
    title: 'a migration ends one stay and begins another',
    sessions: 1,
    isAbout: (id) => id === 'anna-migration',
  },
  {
    name: 'migration-and-gone',
    title: 'whoever is gone while they migrate left then',
    sessions: 1,
  },
  {
    name: 'server-killed-clients-return',
    title:
      'a LiveKit that is killed had everybody inside until they were last known to be, and has them again when they come back',
    sessions: 2,
    // Nobody reports the kill, and without a url nobody is asked: an end that is inferred is that of the last evidence.
    widen: (stay) => (stay.end.from === Date.parse('2026-11-29T10:34:36.153Z') ? sinceLastKnown(stay) : stay),
  },
  {
    name: 'redis-server-killed',
    title: 'with Redis a room that starts a second time ends whoever was inside before, and goes on',
    sessions: 1,
    widen: (stay) => (stay.end.from === Date.parse('2026-11-29T10:39:21.168Z') ? sinceLastKnown(stay) : stay),
  },
  { name: 'name-reused', title: 'a name that is used three times has three sessions', sessions: 3 },
  { name: 'kinds', title: 'whoever joins has a stay, of whatever kind they are', sessions: 1 },
  { name: 'no-media', title: 'whoever never got in has no stay', sessions: 1 },
  {
    name: 'receiver-down',
    title: 'a leave makes the whole stay of somebody whose join was refused',
    sessions: 1,
    // Of Ben nothing ever came: LiveKit gave up each event of his after five tries.
    isAbout: (id) => id !== 'ben',
  },
  { name: 'version-1.9.11', title: 'LiveKit 1.9.11 is recorded as well', sessions: 2, isPart: true },
]

/** Of whom nothing came after their join. */
function sinceLastKnown(stay: TrueStay): TrueStay {
  return { ...stay, end: { from: stay.start.from, to: stay.end.to } }
}

/** The machine was busy: LiveKit had let them in for a second and this when their client knew. */
function knownLate(stay: TrueStay, id: string, byMs: number): TrueStay {
  return stay.id === id ? { ...stay, start: { ...stay.start, from: stay.start.from - byMs } } : stay
}

describe('what a real LiveKit sent makes a record that holds against what its clients saw', () => {
  for (const { name, title, sessions, isAbout, widen, isPart } of cases) {
    test(`${name}: ${title}`, async (t) => {
      const capture = await readCapture(name)
      const { server } = await replay(t, capture)
      const truth = readTruth(capture.sights).map(widen ?? ((stay) => stay))
      const sinceMs = isPart === true ? (capture.sights[0]?.atMs ?? 0) - 1000 : 0
      const recorded = (await listStays(server)).filter(({ start }) => start >= sinceMs)
      const about = <Stay extends { id: string }>(stays: Stay[]) => stays.filter(({ id }) => isAbout?.(id) ?? true)
      assert.deepEqual(compareStays(about(recorded), about(truth)).wrong, [])
      assert.equal((await listSeen(server)).length, sessions)
    })
  }

  test('each with its reason, as LiveKit words it', async (t) => {
    const { server } = await replay(t, await readCapture('client-killed'))
    const reasons = (await listStays(server)).map(({ id, reason, inferred }) => [id, reason, inferred])
    assert.deepEqual(reasons, [
      ['olga', 'CLIENT_INITIATED', undefined],
      ['anna', 'CONNECTION_TIMEOUT', undefined],
    ])
  })

  const kinds = {
    person: 'person',
    hidden: 'recorder',
    recorder: 'recorder',
    hidrec: 'recorder',
    agentflag: 'agent',
    'kind-agent': 'agent',
    'kind-sip': 'sip',
    'kind-egress': 'egress',
    'kind-ingress': 'ingress',
    'kind-connector': 'sip',
    'kind-bridge': 'agent',
    // LiveKit itself takes a kind that it does not know for an ordinary person.
    'kind-odd': 'person',
    'kind-standard': 'person',
  }
  test('people, agents and recorders told apart, by the kind of their token or its permission', async (t) => {
    const { server } = await replay(t, await readCapture('kinds'))
    assert.deepEqual(await listKinds(server), kinds)
  })

  test('the passwords that its rooms come with are on no disk', onSqlite, async (t) => {
    const capture = await readCapture('normal')
    const { server } = await replay(t, capture)
    const passwords = new Set(capture.deliveries.map((one) => readEvent(one).room.turnPassword ?? ''))
    assert.equal(passwords.size, 1)
    const files = await readdir(server.dataFolder)
    const kept = await Promise.all(files.map((file) => readFile(join(server.dataFolder, file), 'latin1')))
    assert.ok(kept.some((text) => text.includes('team standup')))
    for (const password of passwords) assert.ok(!kept.some((text) => text.includes(password)))
  })
})

describe('what a real LiveKit sent, where its RoomService is asked too', () => {
  test('server-killed-clients-return: whoever was inside left at the last look before the kill', async (t) => {
    const capture = await readCapture('server-killed-clients-return')
    const killedMs = Date.parse('2026-11-29T10:34:36.153Z')
    const { server } = await replay(t, capture, { looks: (atMs) => listInside(capture, atMs, { killedMs }) })
    const truth = readTruth(capture.sights).map((stay) =>
      stay.end.from === killedMs ? { ...stay, end: { from: killedMs - lookEveryMs, to: killedMs } } : stay,
    )
    const recorded = await listStays(server)
    assert.deepEqual(compareStays(recorded, truth).wrong, [])
    assert.deepEqual(
      recorded.map(({ inferred }) => inferred),
      [true, true, undefined, undefined],
    )
  })

  test('redis-server-killed: whom LiveKit lists and who never came back left with the kill', async (t) => {
    const capture = await readCapture('redis-server-killed')
    const killedMs = Date.parse('2026-11-29T10:39:21.168Z')
    const { server } = await replay(t, capture, {
      looks: (atMs) => listInside(capture, atMs, { killedMs, listedStill: ['ben'] }),
    })
    const truth = readTruth(capture.sights).map((stay) =>
      stay.end.from === killedMs ? { ...stay, end: { from: killedMs - lookEveryMs, to: killedMs + 4200 } } : stay,
    )
    assert.deepEqual(compareStays(await listStays(server), truth).wrong, [])
  })

  test('receiver-down: whoever’s leave was lost left between the looks that have them and have not', async (t) => {
    const capture = await readCapture('receiver-down')
    const { server } = await replay(t, withJoinOfBen(capture), { looks: (atMs) => listInside(capture, atMs) })
    // That he joined is the last evidence of him.
    const truth = readTruth(capture.sights).map((stay) =>
      stay.id === 'ben' ? { ...stay, end: { from: stay.start.from, to: stay.end.to } } : stay,
    )
    const recorded = await listStays(server)
    assert.deepEqual(compareStays(recorded, truth).wrong, [])
    assert.equal(recorded.find(({ id }) => id === 'ben')?.inferred, true)
  })
})

describe('what a real LiveKit sent, but one leave', () => {
  test('receiver-down: the end of the room closes that stay, and it is inferred', async (t) => {
    const { server } = await replay(t, withJoinOfBen(await readCapture('receiver-down')))
    const ben = (await listStays(server)).find(({ id }) => id === 'ben')
    assert.ok(ben !== undefined && ben.end !== null)
    assert.equal(ben.inferred, true)
  })
})

/** As it would have been had his join come at its first try. */
function withJoinOfBen({ deliveries, sights }: Capture): Capture {
  const first = deliveries.findIndex((one) => readEvent(one).participant?.identity === 'ben')
  return { deliveries: deliveries.map((one, n) => (n === first ? { ...one, mode: 'pass' } : one)), sights }
}

/** By the times of the capture, in milliseconds. */
const lookEveryMs = 30_000

/** As often as can be: the looks are counted, and the clock stands still between them. */
const quick: ReconcileLimits = { intervalMs: 50, settleMs: 10, renewMs: 300_000, gapMs: 120_000, concurrentMax: 20 }

/**
 * Sends what came, at the times of then; where `looks` says what LiveKit lists at a time, a look every half minute too, as
 * the server would take it by its own clock. Undefined: it does not answer.
 */
async function replay(
  t: TestContext,
  { deliveries }: Capture,
  { looks }: { looks?: (atMs: number) => LivekitRooms['rooms'] | undefined } = {},
): Promise<{ server: TestServer }> {
  let nowMs = deliveries[0]?.at ?? 0
  const clock = { now: () => nowMs }
  const livekit = await serveLivekitRooms()
  livekit.now = clock.now
  t.after(() => livekit.close())
  const server = await startServer({ ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' }, { clock, reconcileLimits: quick })
  t.after(() => server.stop())
  const url = looks === undefined ? {} : { url: livekit.url }
  const source = await addSource(server, 'livekit', { ...livekitKey, ...url })

  const passed = deliveries.filter(({ mode }) => mode === 'pass')
  const endMs = (passed.at(-1)?.at ?? 0) + 2 * lookEveryMs
  const lookTimes = Array.from({ length: Math.ceil((endMs - nowMs) / lookEveryMs) }, (_, n) => nowMs + n * lookEveryMs)
  const steps: (Delivery | number)[] = [...passed, ...(looks === undefined ? [] : lookTimes)]
  for (const step of steps.toSorted((a, b) => timeOf(a) - timeOf(b))) {
    nowMs = timeOf(step)
    if (typeof step === 'object') assert.equal(await deliverCaptured(source, step), 200)
    if (looks !== undefined) await look(livekit, looks(nowMs))
  }
  nowMs = endMs
  return { server }
}

function timeOf(step: Delivery | number): number {
  return typeof step === 'number' ? step : step.at
}

/** Two whole looks by what it lists now. */
async function look(livekit: LivekitRooms, rooms: LivekitRooms['rooms'] | undefined): Promise<void> {
  livekit.fault = rooms === undefined ? 503 : undefined
  if (rooms !== undefined) livekit.rooms = rooms
  const before = livekit.calls.length
  const enough = rooms === undefined ? 2 : 6 + 2 * rooms.size
  await seeSoon(async () => livekit.calls.length >= before + enough, true, 30_000)
}

async function listStays(server: TestServer): Promise<RecordedStay[]> {
  const people = (await listSeen(server)).flatMap((session) => session.people)
  return people.flatMap(({ id, timelog }) => timelog.map((entry) => ({ id, ...entry }) as RecordedStay))
}

async function listKinds(server: TestServer): Promise<{ [id: string]: string | undefined }> {
  const people = (await listSeen(server)).flatMap((session) => session.people)
  return Object.fromEntries(people.map(({ id, kind }) => [id, kind]))
}
