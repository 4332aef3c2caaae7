import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { EventResults, Source } from '@rollcall/protocol'
import { addSource, deliver, listSeen } from '../support/senders/source-client.ts'
import { type Answer, startServer, type TestServer } from '../support/start-server.ts'

const secret = 'a secret that my media server has'
const start = Date.UTC(2026, 0, 5, 9)

let server: TestServer
let source: Source
before(async () => {
  server = await startServer({}, { clock: { now: () => start + 60_000 } })
  source = await addSource(server, 'generic', { secret })
})
after(() => server.stop())

function send(body: object, authorization = `Bearer ${secret}`): Promise<Answer<EventResults>> {
  return deliver(source.url, JSON.stringify(body), { authorization, 'content-type': 'application/json' })
}

const joined = {
  id: '1',
  type: 'participant-joined',
  at: start,
  roomId: 'standup',
  participantId: 'anna',
  name: 'Anna',
}

describe('a generic source', () => {
  test('takes what POST /v2/events takes, under its own name whatever the body says', async () => {
    const left = { ...joined, id: '2', type: 'participant-left', at: new Date(start + 9000).toISOString() }
    const { status, body } = await send({ source: 'hosted', events: [joined, left, joined] })
    assert.equal(status, 200)
    assert.deepEqual(body.results, [
      { id: '1', outcome: 'recorded' },
      { id: '2', outcome: 'recorded' },
      { id: '1', outcome: 'duplicate' },
    ])
    const [session] = await listSeen(server)
    assert.deepEqual([session?.room, session?.engine], ['standup', 'generic'])
    assert.deepEqual(session?.people[0]?.timelog, [{ start, end: start + 9000 }])
  })

  test('keeps what it does not understand, says why, and takes the rest', async () => {
    const { body } = await send({
      events: [
        { ...joined, id: '3', at: 'soon' },
        7,
        { ...joined, id: '4', participantId: 'bob' },
        { ...joined, id: 'rollcall:x' },
      ],
    })
    assert.deepEqual(
      body.results.map(({ outcome }) => outcome),
      ['ignored', 'ignored', 'recorded', 'ignored'],
    )
    assert.match(body.results[0]?.reason ?? '', /^at=… is not understood: it takes epoch milliseconds/)
    const { status, body: odd } = await send({ nothing: [] })
    assert.deepEqual([status, odd.results[0]?.outcome], [200, 'ignored'])
  })

  test('is known by its secret alone, which opens nothing else', async () => {
    assert.equal((await send({ events: [] }, `Bearer ${secret}x`)).status, 401)
    assert.equal((await send({ events: [] }, secret)).status, 401)
    assert.equal((await server.call('GET', '/v2/sessions', undefined, { token: secret })).status, 401)
    assert.equal((await server.call('POST', '/v2/events', { events: [joined] }, { token: secret })).status, 401)
  })
})
