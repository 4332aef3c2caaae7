import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { WebhookDelivery, WebhookEndpoint } from '@rollcall/protocol'
import { reconcileLimits } from '../../src/sources/reconciling/limits.ts'
import { webhookLimits } from '../../src/webhooks/limits.ts'
import { listSessions, makeRoom } from '../support/api-calls.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { serveLivekitRooms } from '../support/senders/livekit-rooms.ts'
import { addSource, livekitKey } from '../support/senders/source-client.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { until } from '../support/until.ts'

const settings = { ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on', ROLLCALL_RATE_LIMIT: '0' }

/** A server of bytes; counts its connections. */
async function startBytes(answer: (socket: Socket, connection: number) => void) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    const connection = sockets.length
    socket.once('data', () => answer(socket, connection))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sockets,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

async function addEndpoint(server: TestServer, endPoint: string): Promise<WebhookEndpoint> {
  const { status, text, body } = await server.call<WebhookEndpoint>('POST', '/v2/webhooks', { endPoint, events: ['*'] })
  assert.equal(status, 200, text)
  return body
}

async function record(server: TestServer, sessions: number): Promise<void> {
  const { roomId } = await makeRoom(server)
  for (let i = 0; i < sessions; i++) {
    const startAt = Date.now() - 100_000 + i
    await recordSession(server, { roomId, startAt, endAt: startAt + 10 })
  }
}

describe('a webhook endpoint', () => {
  test('that changes to another protocol each time goes on being sent to: each attempt is settled', async () => {
    using hook = await startBytes((socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n'))
    const server = await startServer(settings, { webhookLimits: { ...webhookLimits, perEndpoint: 2, pollMs: 20 } })
    try {
      const { id } = await addEndpoint(server, hook.url)
      await record(server, 6)
      await until(() => hook.sockets.length >= 6)
      const { body } = await server.call<{ data: WebhookDelivery[] }>('GET', `/v2/webhooks/${id}/deliveries`)
      assert.ok(
        body.data.some(({ lastError }) => lastError === 'it answered 101'),
        JSON.stringify(body.data),
      )
    } finally {
      await server.stop()
    }
  })

  test('that is an ingest of the same record is refused what it is sent, says why, and no session is made of it', async () => {
    const server = await startServer(settings, { webhookLimits: { ...webhookLimits, perEndpoint: 2, pollMs: 20 } })
    try {
      const source = await addSource(server, 'videosdk', { publicKeyUrl: `${server.url}/v2/public/rsa-public-key` })
      const { id } = await addEndpoint(server, source.url)
      const { roomId } = await makeRoom(server)
      const startAt = Date.now() - 10_000
      await recordSession(server, { roomId, startAt, endAt: startAt + 10 })
      let told: WebhookDelivery[] = []
      while (!told.some(({ attempts }) => attempts > 0)) {
        told = (await server.call<{ data: WebhookDelivery[] }>('GET', `/v2/webhooks/${id}/deliveries`)).body.data
      }
      const tried = told.find(({ attempts }) => attempts > 0)
      assert.match(JSON.stringify(tried), /This is a webhook of this server itself.*it answered 403/s)
      assert.equal((await listSessions(server, roomId)).length, 1)
      assert.equal((await server.call<{ data: unknown[] }>('GET', '/v2/sessions')).body.data.length, 1)
    } finally {
      await server.stop()
    }
  })
})

describe('webhooks from record to record', () => {
  const limits = { webhookLimits: { ...webhookLimits, pollMs: 20 } }
  const sessionsOf = async (server: TestServer) =>
    (await server.call<{ data: { roomId: string }[] }>('GET', '/v2/sessions')).body.data
  /** Has one server tell another what it records. Gives the id of the endpoint. */
  const tell = async (from: TestServer, to: TestServer): Promise<string> => {
    const source = await addSource(to, 'videosdk', { publicKeyUrl: `${from.url}/v2/public/rsa-public-key` })
    return (await addEndpoint(from, source.url)).id
  }
  const triedOf = async (server: TestServer, id: string): Promise<WebhookDelivery[]> => {
    const { data } = (await server.call<{ data: WebhookDelivery[] }>('GET', `/v2/webhooks/${id}/deliveries`)).body
    return data.filter(({ attempts }) => attempts > 0)
  }

  for (const count of [2, 3]) {
    test(`go around a circle of ${count} once: the record that they began in refuses them and says why, and makes no session of them`, async (t) => {
      const servers = await Promise.all(Array.from({ length: count }, () => startServer(settings, limits)))
      t.after(() => Promise.all(servers.map((server) => server.stop())))
      const ids = await Promise.all(servers.map((server, n) => tell(server, servers[(n + 1) % count] ?? server)))
      const [first] = servers
      const last = servers.at(-1)
      assert.ok(first && last)
      await record(first, 1)
      let refused: WebhookDelivery[] = []
      while (refused.length === 0) refused = await triedOf(last, ids.at(-1) ?? '')
      assert.match(
        JSON.stringify(refused),
        /it came back by \d others?, of which the last has to send it elsewhere.*it answered 403/s,
      )
      for (const server of servers) assert.equal((await sessionsOf(server)).length, 1)
    })
  }

  test('that come from more records than are counted are refused, and so is a source that brings those of too many', async (t) => {
    const server = await startServer(settings, limits)
    t.after(() => server.stop())
    const source = await addSource(server, 'generic', { secret: 'a secret of the tests' })
    const send = (origins: string[]) => {
      const headers = { 'rollcall-origin': origins.join(', '), authorization: 'Bearer a secret of the tests' }
      return fetch(source.url, { method: 'POST', headers, body: '{"events":[]}' })
    }
    const some = (count: number, name = 'record') => Array.from({ length: count }, (_, n) => `${name}-${n}`)
    const tooLong = await send(some(17))
    assert.equal(tooLong.status, 403)
    assert.match(await tooLong.text(), /comes from 17 servers: it may be 16 at most/)
    const tooMany = await Promise.all([send(some(8)), send(some(8, 'another'))])
    const [refused] = tooMany.filter(({ status }) => status === 403)
    assert.match((await refused?.text()) ?? '', /brings webhooks that come from 15 servers already/)
  })
})

test('media servers of one key that do not answer hold up no other key’s', async () => {
  using silent = await startBytes(() => {})
  const livekit = await serveLivekitRooms()
  const server = await startServer(settings, {
    reconcileLimits: { ...reconcileLimits, intervalMs: 20, concurrentMax: 4 },
  })
  try {
    for (let i = 0; i < 6; i++) await addSource(server, 'livekit', { ...livekitKey, url: silent.url })
    await until(() => silent.sockets.length >= 2)
    const neighbour = await addNeighbour(server)
    const now = server.context.clock.now()
    const token = await signToken(neighbour, { roles: ['crawler'] }, { now, lifetimeMs: 60_000 })
    const added = await server.call(
      'POST',
      '/v2/sources',
      { type: 'livekit', name: 'b', ...livekitKey, url: livekit.url },
      { token },
    )
    assert.equal(added.status, 200, added.text)
    await until(() => livekit.calls.length > 0)
    assert.ok(
      silent.sockets.every(({ closed }) => !closed),
      'the others were still being asked',
    )
  } finally {
    await server.stop()
    livekit.close()
  }
})
