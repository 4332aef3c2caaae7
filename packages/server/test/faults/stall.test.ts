import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { Session, SessionPage } from '@rollcall/protocol'
import { rtcLimits } from '../../src/rooms/limits.ts'
import { startServer } from '../support/start-server.ts'
import type { SittingPeople } from './sitting-people.ts'

/** A fortieth of the real ones: what is 40 seconds there is one here. */
const limits = { ...rtcLimits, pingIntervalMs: rtcLimits.pingIntervalMs / 40, silenceMs: rtcLimits.silenceMs / 40 }
const stallMs = 40_000 / 40
const names = Array.from({ length: 30 }, (_, i) => `p${i}`)

test('an event loop that is stalled for longer than a silence declares nobody gone but who was silent', async (t) => {
  const server = await startServer({}, { rtcLimits: limits })
  t.after(() => server.stop())
  const { body: room } = await server.call<{ roomId: string }>('POST', '/v2/rooms')
  const workerData: SittingPeople = {
    wsUrl: server.wsUrl,
    token: await server.sign(),
    roomId: room.roomId,
    names,
    deaf: ['deaf'],
  }
  const people = new Worker(new URL('./sitting-people.ts', import.meta.url), { workerData })
  t.after(() => people.terminate())
  await once(people, 'message')

  const entryOf = ({ participants }: Session, name: string) =>
    participants.find(({ participantId }) => participantId === name)?.timelog.at(-1)
  const getSession = async () => {
    const [session] = (await server.call<SessionPage>('GET', `/v2/sessions?roomId=${room.roomId}`)).body.data
    return session ?? assert.fail('there is no session')
  }
  // Their pongs lie in the sockets meanwhile: nobody reads them.
  for (let i = 0; i < 2; i++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs)
    const session = await getSession()
    for (const name of names) assert.equal(entryOf(session, name)?.end, null, name)
  }
  // Whoever is silent while the loop is awake is gone all the same; by then the others were judged as well.
  let session = await getSession()
  while (entryOf(session, 'deaf')?.end === null) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    session = await getSession()
  }
  assert.equal(entryOf(session, 'deaf')?.reason, 'connection-silent')
  for (const name of names) assert.equal(entryOf(session, name)?.end, null, name)
  people.postMessage('leave')
  await once(people, 'exit')
})
