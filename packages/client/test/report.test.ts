import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, afterEach, before, describe, mock, test } from 'node:test'
import { type EventResult, type ReportedEvent, Rollcall, RollcallError } from '@rollcall/client'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

/** No waiting for what the tests do not wait for. */
const limits = { lingerMs: 1, backoff: { baseMs: 1, capMs: 2 } }
const start = Date.parse('2026-01-15T12:00:00.000Z')

type Answer = { status: number; headers?: { [name: string]: string }; body?: string }
/** What becomes of one request: it is answered so, passed on, or passed on with its answer lost. */
type Fate = Answer | 'passes' | 'loses its answer' | 'is not answered'

/** What stands before the server, and decides what becomes of each request; of those beyond its fates, the last one's. */
async function startFront(...fates: Fate[]) {
  const bodies: { source?: string; events: ReportedEvent[] }[] = []
  const front = createServer(async (incoming, outgoing) => {
    const body = await text(incoming)
    bodies.push(JSON.parse(body))
    const fate = (fates.length > 1 ? fates.shift() : fates[0]) ?? 'passes'
    if (fate === 'is not answered') return outgoing.destroy()
    if (typeof fate === 'object') return outgoing.writeHead(fate.status, fate.headers).end(fate.body ?? 'busy')
    const answer = await fetch(server.url + incoming.url, { method: 'POST', headers: pick(incoming.headers), body })
    if (fate === 'loses its answer') return outgoing.destroy()
    outgoing.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  return {
    bodies,
    /** From here on every request has this fate. */
    decide: (fate: Fate) => fates.splice(0, fates.length, fate),
    rollcall: new Rollcall({
      apiKey: server.apiKey,
      secret: server.secret,
      url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    }),
    [Symbol.asyncDispose]: () => {
      front.closeAllConnections()
      return new Promise<void>((resolve) => front.close(() => resolve()))
    },
  }
}

function pick({ authorization = '', 'content-type': type = '' }: IncomingHttpHeaders) {
  return { authorization, 'content-type': type }
}

let rooms = 0
function newRoom(): string {
  rooms += 1
  return `room ${rooms}`
}

function join(roomId: string, n: number) {
  const type = 'participant-joined' as const
  return { id: `${roomId}:${n}:in`, type, at: start + n, roomId, participantId: `p${n}` }
}

async function peopleIn(roomId: string): Promise<string[]> {
  const { data } = await new Rollcall(server).sessions.list({ customRoomId: roomId }).page()
  return data.flatMap(({ participants }) => participants.map(({ participantId }) => participantId)).sort()
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

describe('a reporter', () => {
  test('sends what comes in a moment together, in order, and flush resolves when it is in the record', async () => {
    await using front = await startFront()
    const roomId = newRoom()
    const outcomes: [string, string][] = []
    const reporter = front.rollcall.report({
      source: 'sfu-eu-1',
      onOutcome: ({ outcome }, event) => outcomes.push([event.id, outcome]),
    })
    const events = [1, 2, 3].map((n) => join(roomId, n))
    for (const event of events) await reporter.add(event)
    await reporter.flush()
    assert.deepEqual(front.bodies, [{ source: 'sfu-eu-1', events }])
    assert.deepEqual(await peopleIn(roomId), ['p1', 'p2', 'p3'])
    assert.deepEqual(
      outcomes,
      events.map(({ id }) => [id, 'recorded']),
    )
    await reporter.close()
  })

  test('sends at most 1000 events a request, and at most so many bytes', async () => {
    await using front = await startFront()
    const roomId = newRoom()
    const events = Array.from({ length: 2500 }, (_, n) => join(roomId, n))
    const reporter = front.rollcall.report()
    for (const event of events) await reporter.add(event)
    await reporter.close()
    assert.deepEqual(
      front.bodies.map(({ events }) => events.length),
      [1000, 1000, 500],
    )
    assert.deepEqual(
      front.bodies.flatMap(({ events }) => events),
      events,
    )
    const length = JSON.stringify(events[0]).length
    const small = front.rollcall.report({ limits: { ...limits, requestMaxLength: 2.5 * length } })
    const other = newRoom()
    const more = [1, 2, 3].map((n) => ({ ...join(other, n), name: 'x'.repeat(n === 2 ? 3 * length : 0) }))
    for (const event of more) await small.add(event)
    await small.close()
    assert.deepEqual(
      front.bodies.slice(3).map(({ events }) => events.length),
      [1, 1, 1],
    )
  })

  test('sends an event as it was when it was added', async () => {
    await using front = await startFront()
    const roomId = newRoom()
    const reporter = front.rollcall.report()
    const event = join(roomId, 1)
    await reporter.add(event)
    event.id = 'changed'
    await reporter.close()
    assert.deepEqual(front.bodies[0]?.events, [join(roomId, 1)])
  })

  test('sends the same again with the same ids until it is answered, and it is counted once', async () => {
    await using front = await startFront(
      'is not answered',
      'loses its answer',
      { status: 503, headers: { 'retry-after': '0' } },
      { status: 429 },
      { status: 502 },
      { status: 500 },
      { status: 200, body: '<html>' },
      { status: 200, body: '{"results":[]}' },
      'loses its answer',
      'passes',
    )
    const roomId = newRoom()
    const [outcomes, failures]: [string[], (string | undefined)[]] = [[], []]
    const reporter = front.rollcall.report({
      limits,
      onOutcome: ({ outcome }) => outcomes.push(outcome),
      onFailure: (error) => failures.push((error as RollcallError).code),
    })
    await reporter.add(join(roomId, 1))
    await reporter.add(join(roomId, 2))
    await reporter.flush()
    assert.equal(front.bodies.length, 10)
    for (const body of front.bodies) assert.deepEqual(body, { events: [join(roomId, 1), join(roomId, 2)] })
    assert.deepEqual(outcomes, ['duplicate', 'duplicate'])
    assert.equal(failures.length, 9)
    assert.deepEqual([failures[0], failures[7]], ['UNREACHABLE', 'UNEXPECTED_ANSWER'])
    assert.deepEqual(await peopleIn(roomId), ['p1', 'p2'])
    await reporter.close()
  })

  test('waits as long as Retry-After says', async () => {
    await using front = await startFront({ status: 503, headers: { 'retry-after': '7' } }, 'passes')
    const waits: number[] = []
    const { setTimeout } = globalThis
    mock.method(globalThis, 'setTimeout', (work: () => void, ms = 0, ...rest: unknown[]) => {
      waits.push(ms)
      return setTimeout(work, Math.min(ms, 1), ...rest)
    })
    try {
      const reporter = front.rollcall.report({ limits })
      await reporter.add(join(newRoom(), 1))
      await reporter.flush()
    } finally {
      mock.restoreAll()
    }
    assert.ok(waits.includes(7000), String(waits))
  })

  test('goes on after events that are refused, and tells of each which and why', async () => {
    const roomId = newRoom()
    const refused: [string, string | undefined][] = []
    const onOutcome = ({ outcome, reason }: EventResult, { id }: ReportedEvent) => {
      if (outcome === 'refused') refused.push([id, reason])
    }
    const reporter = new Rollcall(server).report({ limits, onOutcome })
    await reporter.add({ ...join(roomId, 1), at: 'yesterday' })
    await reporter.add(join(roomId, 2))
    await reporter.flush()
    await reporter.add({ ...join(roomId, 3), metadata: 'x'.repeat(9 * 1024 * 1024) })
    await reporter.add(join(roomId, 4))
    await reporter.close()
    assert.deepEqual(await peopleIn(roomId), ['p2', 'p4'])
    assert.deepEqual(
      refused.map(([id]) => id),
      [`${roomId}:1:in`, `${roomId}:3:in`],
    )
    assert.match(refused[0]?.[1] ?? '', /^at=yesterday is not understood/)
    assert.equal(refused[1]?.[1], 'The body is larger than 8388608 bytes')
    const wrong = new Rollcall(server).report({ source: 'hosted', limits, onOutcome })
    await wrong.add(join(roomId, 5))
    await wrong.close()
    assert.match(refused[2]?.[1] ?? '', /^source=hosted is not understood/)
  })

  test('warns of what is refused on the console, where nobody else is told', async () => {
    const warn = mock.method(console, 'warn', () => {})
    try {
      const reporter = new Rollcall(server).report({ limits })
      await reporter.add({ ...join(newRoom(), 1), id: 'wrong', at: 'yesterday' })
      await reporter.close()
    } finally {
      mock.restoreAll()
    }
    assert.match(String(warn.mock.calls[0]?.arguments[0]), /^Rollcall refused the event wrong: at=yesterday/)
    assert.equal(warn.mock.callCount(), 1)
  })
})

describe('what waits', () => {
  test('is bounded: who adds without waiting is refused by name, and nothing that was taken is lost', async () => {
    await using front = await startFront({ status: 503, body: '{"error":"busy","code":"BUSY"}' })
    const roomId = newRoom()
    const reporter = front.rollcall.report({ limits: { ...limits, waitingMaxLength: 1000 } })
    const taken: number[] = []
    const refusals: unknown[] = []
    for (let n = 1; n <= 100; n++) {
      if (n === 50) await until(() => front.bodies.length > 1)
      reporter.add(join(roomId, n)).then(
        () => taken.push(n),
        (error) => refusals.push(error),
      )
    }
    await until(() => refusals.length > 0)
    const error = refusals.at(-1)
    const takenCount = 100 - refusals.length
    assert.ok(error instanceof RollcallError && takenCount > 5)
    assert.equal(error.code, 'REPORTER_FULL')
    assert.equal(error.message, `${takenCount} events wait already, as many as may: busy`)
    front.decide('passes')
    await reporter.flush()
    assert.equal(taken.length, takenCount)
    assert.equal((await peopleIn(roomId)).length, takenCount)
    await reporter.close()
  })

  test('is bounded: who awaits each add is slowed down, and refused nothing', async () => {
    await using front = await startFront()
    const roomId = newRoom()
    const reporter = front.rollcall.report({ limits: { ...limits, waitingMaxLength: 1000 } })
    for (let n = 0; n < 200; n++) await reporter.add(join(roomId, n))
    await reporter.close()
    assert.equal((await peopleIn(roomId)).length, 200)
    for (const { events } of front.bodies) assert.ok(events.length < 20)
  })

  test('is sent before close resolves; after it nothing is taken', async () => {
    const roomId = newRoom()
    const reporter = new Rollcall(server).report()
    reporter.add(join(roomId, 1))
    await reporter.close()
    assert.deepEqual(await peopleIn(roomId), ['p1'])
    await assert.rejects(reporter.add(join(roomId, 2)), { name: 'RollcallError', code: 'REPORTER_CLOSED' })
    await reporter.close()
  })

  test('that close has no time for is told: how many, and why', async () => {
    await using front = await startFront('is not answered')
    const reporter = front.rollcall.report({ limits: { ...limits, backoff: { baseMs: 1e6, capMs: 1e6 } } })
    await reporter.add(join(newRoom(), 1))
    await reporter.add(join(newRoom(), 2))
    const flushed = assert.rejects(reporter.flush(), { code: 'NOT_REPORTED' })
    await until(() => front.bodies.length > 0)
    await assert.rejects(reporter.close({ timeoutMs: 50 }), {
      code: 'NOT_REPORTED',
      message: /^2 events were not answered, and are given up: POST .+ was not answered: /,
    })
    await flushed
  })
})

describe('add', () => {
  afterEach(() => mock.restoreAll())

  test('refuses what is no event', async () => {
    const reporter = new Rollcall(server).report()
    for (const event of [undefined, null, 'x']) {
      await assert.rejects(reporter.add(event as unknown as ReportedEvent), {
        name: 'TypeError',
        message: `event is ${event}: it takes an object`,
      })
    }
    await reporter.close()
  })
})
