import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { closeNameOf } from '@rollcall/protocol/close-codes'
import { rtcLimits } from '../../src/rooms/limits.ts'
import { openRaw, type RawClient } from '../support/clients/raw-client.ts'
import { connect, join, type RtcClient } from '../support/clients/rtc-client.ts'
import { onSqlite, startServer, type TestServer } from '../support/start-server.ts'

let server: TestServer
let roomId: string
/** Was inside before, and is still there after each attack. */
let witness: RtcClient
before(async () => {
  server = await startServer(
    {},
    { rtcLimits: { ...rtcLimits, joinTimeoutMs: 1000, pingIntervalMs: 100, closeMs: 300 } },
  )
  roomId = (await server.call<{ roomId: string }>('POST', '/v2/rooms')).body.roomId
  witness = await join(server, roomId, 'witness')
})
after(async () => {
  const { body } = await server.call<{ data: { participants: { timelog: { end: string | null }[] }[] }[] }>(
    'GET',
    `/v2/sessions?roomId=${roomId}&participantId=witness`,
  )
  assert.deepEqual(
    body.data[0]?.participants[0]?.timelog.map(({ end }) => end),
    [null],
  )
  await server.stop()
})

async function assertUnharmed(): Promise<void> {
  witness.send({ type: 'ping' })
  while ((await witness.any()).type !== 'pong');
  assert.equal((await server.call('GET', '/readyz')).status, 200)
}

const upgrade = [
  'GET /v2/rtc HTTP/1.1',
  'host: a',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  `sec-websocket-key: ${Buffer.from('any sixteen byte').toString('base64')}`,
]

type Frame = {
  opcode?: number
  fin?: boolean
  rsv?: number
  masked?: boolean
  payload?: string | Buffer
  claims?: bigint
}

/** One frame as it is on the wire; `claims` is a length that it says it has. */
function toFrame({ opcode = 1, fin = true, rsv = 0, masked = true, payload = '', claims }: Frame): Buffer {
  const bytes = Buffer.from(payload)
  const length = claims ?? BigInt(bytes.length)
  const size = length < 126n ? Buffer.of(Number(length)) : Buffer.alloc(length < 65_536n ? 3 : 9)
  if (size.length === 3) size.writeUInt16BE(Number(length), 1)
  if (size.length === 9) size.writeBigUInt64BE(length, 1)
  if (size.length > 1) size[0] = size.length === 3 ? 126 : 127
  const [first = 0] = size
  size[0] = first | (masked ? 0x80 : 0)
  // A mask of zeros changes nothing.
  const mask = Buffer.alloc(masked ? 4 : 0)
  return Buffer.concat([Buffer.of((fin ? 0x80 : 0) | (rsv << 4) | opcode), size, mask, bytes])
}

/** A socket that is open, and writes what it likes. */
async function openSocket(extra: string[] = []): Promise<RawClient> {
  const client = await openRaw(server)
  client.write(`${[...upgrade, ...extra].join('\r\n')}\r\n\r\n`)
  await client.until((received) => received.includes('\r\n\r\n'))
  return client
}

/** How the server closed a socket, by name or number: what its last frame says. */
async function closeOf(client: RawClient): Promise<string> {
  const received = await client.closed
  const frames = received.subarray(received.indexOf('\r\n\r\n') + 4)
  const close = frames.lastIndexOf(0x88)
  if (close === -1) return 'without a word'
  const code = frames.readUInt16BE(close + 2)
  return closeNameOf(code) ?? String(code)
}

describe('a handshake', () => {
  const without = (name: string) => upgrade.filter((line) => !line.startsWith(name))
  const withInstead = (name: string, line: string) => upgrade.map((one) => (one.startsWith(name) ? line : one))
  const handshakes: [what: string, lines: string[]][] = [
    ['without a key', without('sec-websocket-key')],
    ['with a key that is too short', withInstead('sec-websocket-key', 'sec-websocket-key: eA==')],
    ['with a key that is none', withInstead('sec-websocket-key', 'sec-websocket-key: <script>')],
    ['without a version', without('sec-websocket-version')],
    ['of version 8 of somebody’s own', withInstead('sec-websocket-version', 'sec-websocket-version: 99')],
    ['by POST', withInstead('GET', 'POST /v2/rtc HTTP/1.1')],
    ['with a protocol list that is none', [...upgrade, 'sec-websocket-protocol: a,,b']],
    ['that is no upgrade', without('connection')],
    ['to something else', withInstead('upgrade', 'upgrade: tls/1.0')],
    ['on a path of the API', withInstead('GET', 'GET /v2/sessions HTTP/1.1')],
    ['on a path above', withInstead('GET', 'GET /v2/rtc/../rtc HTTP/1.1')],
  ]
  for (const [what, [request = '', ...lines]] of handshakes) {
    test(`${what} is refused, as any request is`, async () => {
      const client = await openRaw(server)
      client.write(`${[request, ...lines].join('\r\n')}\r\n\r\n`)
      const answer = (await client.until((received) => received.includes('}'))).toString()
      const [, status, id] = /^HTTP\/1\.1 (4\d\d) .*^x-request-id: (\S+)/ms.exec(answer) ?? []
      const { statusCode, error, code, requestId } = JSON.parse(answer.slice(answer.indexOf('{')))
      assert.deepEqual([statusCode, requestId], [Number(status), id])
      assert.match(`${code}: ${error}`, /^[A-Z_]+: \S/)
      client.socket.destroy()
      await assertUnharmed()
    })
  }

  for (const path of ['/v2/rtc', '/v2/ingest/none', '/v2/none']) {
    test(`of a peer that hangs up before it is answered harms nothing: ${path}`, async () => {
      for (let i = 0; i < 200; i++) {
        const client = await openRaw(server)
        client.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`)
        // Now before the server has read it, now after.
        if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
        client.socket.resetAndDestroy()
      }
      await assertUnharmed()
    })
  }

  test('that offers compression gets none, so that no message is larger than it came', async () => {
    const client = await openSocket(['sec-websocket-extensions: permessage-deflate; client_max_window_bits'])
    assert.doesNotMatch(client.received().toString(), /sec-websocket-extensions/i)
    client.write(toFrame({ rsv: 4, payload: Buffer.alloc(100, 'deflated') }))
    assert.equal(await closeOf(client), '1002')
  })
})

describe('a frame', () => {
  const frames: [what: string, close: string, frames: Frame[]][] = [
    ['that is not masked', '1002', [{ masked: false, payload: '{}' }]],
    ['with bits that mean nothing', '1002', [{ rsv: 1, payload: '{}' }]],
    ['of no known kind', '1002', [{ opcode: 3 }]],
    ['of no known kind, for control', '1002', [{ opcode: 11 }]],
    ['that continues nothing', '1002', [{ opcode: 0, payload: '{}' }]],
    ['that begins before the last has ended', '1002', [{ fin: false, payload: '{' }, { payload: '}' }]],
    ['of control, in pieces', '1002', [{ opcode: 9, fin: false }]],
    ['of control, too long', '1002', [{ opcode: 9, payload: 'x'.repeat(126) }]],
    ['of control, that says it is endless', '1002', [{ opcode: 9, claims: 1n << 40n }]],
    ['that closes with half a code', '1002', [{ opcode: 8, payload: '\x03' }]],
    ['that closes with a code of nobody’s', '1002', [{ opcode: 8, payload: Buffer.of(0, 1) }]],
    ['of text that is none', '1007', [{ payload: Buffer.of(0xc0, 0xaf, 0xff) }]],
    ['that closes with text that is none', '1007', [{ opcode: 8, payload: Buffer.of(3, 0xe8, 0xff, 0xff) }]],
    ['that says it is huge', '1009', [{ claims: 1n << 40n }]],
    ['that says it is larger than numbers go', '1009', [{ claims: (1n << 63n) - 1n }]],
    [
      'in pieces without end',
      '1009',
      Array.from({ length: 300 }, (_, i) => ({ opcode: i === 0 ? 1 : 0, fin: false, payload: 'x'.repeat(1000) })),
    ],
    [
      'in tiny pieces without end',
      '1008',
      Array.from({ length: 20_000 }, (_, i) => ({ opcode: i === 0 ? 1 : 0, fin: false, payload: 'x' })),
    ],
    ['of bytes', 'INVALID_MESSAGE', [{ opcode: 2, payload: '{"type":"ping"}' }]],
    ['too many at once', 'TOO_MANY_MESSAGES', Array.from({ length: 300 }, () => ({ payload: '{"type":"ping"}' }))],
    [
      'of ping, more than answers are taken',
      'without a word',
      Array.from({ length: 300 }, () => ({ opcode: 9, payload: 'x'.repeat(125) })),
    ],
    ['in pieces that stop', 'JOIN_TIMEOUT', [{ fin: false, payload: '{"type":' }]],
    ['that stops', 'JOIN_TIMEOUT', [{ payload: 'x', claims: 1000n }]],
  ]
  for (const [what, close, sent] of frames) {
    test(`${what} closes the socket (${close})`, async () => {
      const client = await openSocket()
      client.write(Buffer.concat(sent.map(toFrame)))
      assert.equal(await closeOf(client), close)
      await assertUnharmed()
    })
  }
})

test('pings count as messages', async () => {
  const client = await connect(server)
  let pongs = 0
  client.socket.on('pong', () => {
    pongs += 1
    client.socket.ping()
  })
  client.socket.ping()
  assert.equal(await client.closed, 'TOO_MANY_MESSAGES')
  assert.ok(pongs >= rtcLimits.messageBurst, String(pongs))
})

describe('a message', () => {
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`

  test('nested deeper than the stack closes the socket of its sender alone', async () => {
    const token = await server.sign()
    const stranger = await connect(server)
    stranger.send(`{"type":"join","token":"${token}","roomId":"${roomId}","participantId":"deep","metadata":${deep}}`)
    assert.equal(await stranger.closed, 'INVALID_MESSAGE')
    const peer = await join(server, roomId, 'peer')
    peer.send(`{"type":"signal","to":"${peer.joined.connectionId}","data":${deep}}`)
    assert.equal(await peer.closed, 'INVALID_MESSAGE')
    await assertUnharmed()
  })

  test('named like what every object has is of no known type', async () => {
    for (const text of [
      '{"type":"__proto__"}',
      '{"type":"constructor"}',
      '{"__proto__":{"type":"leave"}}',
      '{"type":["leave"]}',
      '{"type":{"toString":"leave"}}',
    ]) {
      const client = await connect(server)
      client.send(text)
      assert.equal(await client.closed, 'INVALID_MESSAGE', text)
    }
    const token = await server.sign()
    const odd = await connect(server)
    const metadata = '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}'
    odd.send(
      `{"type":"join","token":"${token}","roomId":"${roomId}","participantId":"__proto__","metadata":${metadata}}`,
    )
    await odd.next('joined')
    assert.equal(({} as { polluted?: string }).polluted, undefined)
    odd.socket.terminate()
    await assertUnharmed()
  })
})

test('what cannot be handed to the thread that writes is refused alone', onSqlite, async () => {
  const key = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
  const started = (id: string, sessionKey: string) => ({
    id,
    type: 'session-started' as const,
    source: 'events',
    roomId,
    sessionKey,
    at: Date.now(),
    receivedAt: Date.now(),
  })
  const [bad, good] = await Promise.allSettled([
    server.context.record(key.keyId, [started('bad', 1n as unknown as string)]),
    server.context.record(key.keyId, [started('good', 'one')]),
  ])
  assert.equal(bad.status, 'rejected')
  assert.equal(good.status === 'fulfilled' && good.value[0]?.outcome, 'recorded')
})

test('strangers who never say who they are make room for whoever does', async () => {
  const small = await startServer({}, { rtcLimits: { ...rtcLimits, pendingMax: 10, joinTimeoutMs: 60_000 } })
  try {
    const room = (await small.call<{ roomId: string }>('POST', '/v2/rooms')).body.roomId
    const strangers = []
    for (let i = 0; i < 30; i++) strangers.push(await connect(small))
    const ann = await join(small, room, 'ann')
    for (const cut of strangers.slice(0, 20)) await cut.closed
    ann.send({ type: 'ping' })
    await ann.next('pong')
  } finally {
    await small.stop()
  }
})
