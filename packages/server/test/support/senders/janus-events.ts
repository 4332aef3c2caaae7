import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Source } from '@rollcall/protocol'
import type { TestServer } from '../start-server.ts'
import { deliver, listSeen } from './source-client.ts'

export const janusKey = { user: 'janus', password: 'a password that Janus has too' }

/** What sampleevh sends with basic authentication. */
export const basic = {
  'content-type': 'application/json',
  authorization: `Basic ${Buffer.from(`${janusKey.user}:${janusKey.password}`).toString('base64')}`,
}

/** One request of sampleevh; gives the outcomes. */
export async function post({ url }: Source, ...events: object[]): Promise<string[]> {
  const { status, body, text } = await deliver(url, JSON.stringify(events), basic)
  assert.equal(status, 200, text)
  return body.results.map(({ outcome }) => outcome)
}

/** A Janus of one name, whose events are `at` milliseconds after its start. */
export function createJanus(emitter: string, startMs: number) {
  const core = (at: number, type: number, event: object, ids: object = {}) => ({
    emitter,
    type,
    timestamp: (startMs + at) * 1000,
    ...ids,
    event,
  })
  const videoroom = (at: number, data: object, ids: object = {}) =>
    core(at, 64, { plugin: 'janus.plugin.videoroom', data }, ids)
  const handleOf = (id: number | string) => ({ session_id: 5640645262449808, handle_id: `of ${id}`, opaque_id: 'x' })
  return {
    videoroom,
    handleOf,
    joined: (room: number | string, id: number | string, at: number, ids: object = handleOf(id)) =>
      videoroom(at, { event: 'joined', room, id, private_id: 1065877280, display: `Name of ${id}` }, ids),
    leaving: (room: number | string, id: number | string, at: number) => videoroom(at, { event: 'leaving', room, id }),
    kicked: (room: number | string, id: number | string, at: number) => videoroom(at, { event: 'kicked', room, id }),
    destroyed: (room: number | string, at: number) => videoroom(at, { event: 'destroyed', room }),
    detached: (id: number | string, at: number) =>
      core(at, 2, { name: 'detached', plugin: 'janus.plugin.videoroom' }, handleOf(id)),
    session: (name: string, sessionId: number, at: number) => core(at, 1, { name }, { session_id: sessionId }),
    media: (at: number) => core(at, 32, { media: 'audio', rtt: 3 }, { session_id: 5640645262449808, handle_id: 1 }),
    audiobridge: (at: number, data: object, ids: object = {}) =>
      core(at, 64, { plugin: 'janus.plugin.audiobridge', data }, ids),
    mediaOf: (id: number | string, at: number, event: object = { media: 'audio', 'packets-received': 7 }) =>
      core(at, 32, event, handleOf(id)),
    started: (at: number) => core(at, 256, { status: 'started', info: { server: {} } }),
    loaded: (plugin: string, at: number) => core(at, 64, { plugin, data: { event: 'loaded' } }),
    shutdown: (at: number) => core(at, 256, { status: 'shutdown', signum: 15 }),
  }
}

/** What is seen of a room, in milliseconds after `startMs`: the session, and who was inside. */
export async function see(server: TestServer, room: string, startMs: number) {
  const since = (at: number | null) => (at === null ? '' : at - startMs)
  return (await listSeen(server))
    .filter((session) => session.room === room)
    .map((session) => ({
      session: `${since(session.start)}-${since(session.end)}`,
      people: session.people.map(({ id, timelog }) => [
        id,
        ...timelog.map(
          ({ start, end, reason, inferred }) =>
            `${since(start)}-${since(end)}${reason ? ` ${reason}` : ''}${inferred ? ' inferred' : ''}`,
        ),
      ]),
    }))
}

/** Looks until it is so; what was seen last is compared, so that a failure shows it. */
export async function seeSoon<T>(look: () => Promise<T>, expected: T, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const seen = await look()
    try {
      return assert.deepEqual(seen, expected)
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await delay(50)
  }
}
