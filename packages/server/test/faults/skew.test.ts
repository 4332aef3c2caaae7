import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { EventResults, Session, SessionPage } from '@rollcall/protocol'
import { createLog } from '../../src/runtime/log.ts'
import { startSourceHealth } from '../../src/sources/health.ts'
import { parseMetrics } from '../support/clients/prometheus.ts'
import { join } from '../support/clients/rtc-client.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const hourMs = 3_600_000

/** A server whose clock can be set, and what it warned of. */
async function start(t: TestContext, env: { [name: string]: string } = {}) {
  const clock = { aheadMs: 0, now: () => Date.now() + clock.aheadMs }
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  const server = await startServer(env, { clock, log })
  t.after(() => server.stop())
  const logged = (text: string) => lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg.includes(text))
  return { server, clock, logged }
}

async function listSessions(server: TestServer, roomId: string): Promise<Session[]> {
  return (await server.call<SessionPage>('GET', `/v2/sessions?roomId=${roomId}`)).body.data
}

async function untilSession(server: TestServer, roomId: string, isSo: (session: Session) => boolean): Promise<Session> {
  for (;;) {
    const [session] = await listSessions(server, roomId)
    if (session !== undefined && isSo(session)) return session
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('a clock that steps back an hour while people are in a hosted room', () => {
  test('loses nobody, ends nobody, and dates nothing before what happened before', async (t) => {
    const { server, clock } = await start(t, { ROLLCALL_GRACE_SECONDS: '1' })
    const { body: room } = await server.call<{ roomId: string }>('POST', '/v2/rooms')
    const [ann, bob] = [await join(server, room.roomId, 'ann'), await join(server, room.roomId, 'bob')]
    const steppedAt = clock.now()
    clock.aheadMs = -hourMs

    const cas = await join(server, room.roomId, 'cas')
    assert.equal(cas.joined.sessionId, ann.joined.sessionId)
    ann.send({ type: 'leave' })
    assert.equal(await ann.closed, '1000')
    const during = await untilSession(server, room.roomId, ({ participants }) =>
      participants.some(({ participantId, timelog }) => participantId === 'ann' && timelog[0]?.end !== null),
    )
    const timelogs = new Map(during.participants.map(({ participantId, timelog }) => [participantId, timelog]))
    assert.deepEqual([...timelogs.keys()].sort(), ['ann', 'bob', 'cas'])
    for (const [name, timelog] of timelogs) {
      assert.equal(timelog.length, 1, name)
      for (const { start, end, inferred } of timelog) {
        assert.ok(Date.parse(during.start) <= Date.parse(start), `${name} joined after the start`)
        assert.ok(end === null || Date.parse(start) <= Date.parse(end), `${name} left after the join`)
        assert.equal(inferred, undefined)
      }
      assert.equal(timelog[0]?.end === null, name !== 'ann', name)
    }
    assert.ok(Math.abs(Date.parse(during.start) - steppedAt) < hourMs / 2, 'the session starts when it did')
    assert.equal(
      Date.parse(timelogs.get('cas')?.[0]?.start ?? '') >= Date.parse(timelogs.get('bob')?.[0]?.start ?? ''),
      true,
    )

    for (const client of [bob, cas]) {
      client.send({ type: 'leave' })
      assert.equal(await client.closed, '1000')
    }
    // Somebody looks when the clock is where it was.
    clock.aheadMs = 10_000
    const after = await untilSession(server, room.roomId, ({ status }) => status === 'ended')
    assert.equal((await listSessions(server, room.roomId)).length, 1)
    const ends = after.participants.flatMap(({ timelog }) => timelog.map(({ end }) => end))
    assert.equal(after.end, ends.sort().at(-1))
  })
})

describe('a sender’s clock that is far from ours', () => {
  const event = (id: string, at: number) => ({ id, type: 'session-started', at, roomId: 'r', sessionKey: id })
  const send = async (server: TestServer, source: string, ...events: object[]) =>
    (await server.call<EventResults>('POST', '/v2/events', { source, events })).body.results

  async function readSkewed(server: TestServer): Promise<{ [source: string]: number }> {
    const { text } = await server.call('GET', '/metrics', undefined, { token: null })
    const samples = parseMetrics(text).get('rollcall_sources_skewed')?.samples ?? []
    return Object.fromEntries(samples.map(({ labels, value }) => [labels.source, value]))
  }

  test('is warned of once when it is found, and once when it is right again; a metric counts such sources', async (t) => {
    let now = Date.UTC(2026, 0, 5, 9)
    const lines: string[] = []
    const counted: string[][] = []
    const health = startSourceHealth({
      writes: { noteSources: async () => {} } as never,
      clock: { now: () => now },
      log: createLog('info', { write: (line) => void lines.push(line) }),
      metrics: { noteSkewed: (sources: string[]) => counted.push(sources) } as never,
    })
    t.after(() => health.stop())
    const told = async (...latenessMs: number[]) => {
      for (const ms of latenessMs) health.noteReported(1, 'events/sfu', now - ms)
      await health.flush()
      now += 10_000
      const said = lines.splice(0).map((line) => JSON.parse(line))
      return [said.map(({ level, source, skewMs }) => [level, source, skewMs]), counted.at(-1)]
    }
    const [warn, info] = [40, 30]
    assert.deepEqual(await told(0, 900, 5000), [[], []])
    // One delivery that took its time tells nothing of the clock while others are prompt.
    assert.deepEqual(await told(60_000, 40), [[], []])
    assert.deepEqual(await told(6000, 7000), [[[warn, 'events/sfu', 6000]], ['events/sfu']])
    assert.deepEqual(await told(6100), [[], ['events/sfu']])
    assert.deepEqual(await told(), [[], ['events/sfu']])
    assert.deepEqual(await told(200), [[[info, 'events/sfu', 200]], []])
    // Whoever tells of last week tells nothing of a clock.
    assert.deepEqual(await told(7 * 24 * hourMs), [[], []])
    assert.deepEqual(await told(-5001), [[[warn, 'events/sfu', -5001]], ['events/sfu']])
  })

  test('shows of a reporter of POST /v2/events, in the log and in the metric', async (t) => {
    const { server, clock, logged } = await start(t)
    await send(server, 'good', event('1', clock.now()))
    await send(server, 'slow', event('1', clock.now() - 20_000), event('2', clock.now() - 10_000))
    await send(server, 'fast', event('1', clock.now() + 20_000))
    // Whoever looks at the sources has what is known of them by then.
    await server.call('GET', '/v2/sources')
    assert.deepEqual(await readSkewed(server), { events: 2, 'media-server': 0 })
    const told = logged('source clock wrong')
    assert.deepEqual(told.map(({ source }) => source).sort(), ['events/fast', 'events/slow'])
    assert.match(told.find(({ source }) => source === 'events/slow').msg, /its clock is 10 s behind ours/)
  })
})
