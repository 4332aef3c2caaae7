import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import type { Source } from '@rollcall/protocol'
import { createBodies } from '../../src/api/ingest/bodies.ts'
import { deliveryBytes, ingestMaxBytes, unprovenUnpackedMaxBytes } from '../../src/api/limits.ts'
import { createLog } from '../../src/runtime/log.ts'
import { openRaw } from '../support/clients/raw-client.ts'
import { servePublicKey } from '../support/senders/senders.ts'
import { addSource, deliver, deliverBytes, livekitKey, signAsLivekit } from '../support/senders/source-client.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

let server: TestServer
let logged = ''
let keys: Awaited<ReturnType<typeof servePublicKey>>
before(async () => {
  keys = await servePublicKey()
  const log = createLog('trace', {
    write(line) {
      logged += line
    },
  })
  server = await startServer({ ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' }, { log })
})
after(async () => {
  await server.stop()
  keys.close()
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const settings: { [type: string]: { [name: string]: string } } = {
  livekit: livekitKey,
  jitsi: {},
  janus: {},
  bigbluebutton: { secret: 'a secret of BigBlueButton' },
  videosdk: {},
  generic: {},
}

describe('before a delivery has proved anything', () => {
  for (const [type, given] of Object.entries(settings)) {
    test(`nothing of its body is waited for or unpacked: ${type}`, async () => {
      const { url } = await addSource(server, type, given)
      const forged = [
        '',
        'authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUEloTjV2cVoifQ.AAAA\r\n',
        'authorization: Basic cm9sbGNhbGw6eA==\r\n',
      ]
      for (const head of forged) {
        if (type === 'videosdk' && head !== '') continue
        const client = await openRaw(server)
        const packed = `content-encoding: gzip\r\ncontent-length: ${ingestMaxBytes}\r\n`
        client.write(`POST ${new URL(url).pathname} HTTP/1.1\r\nhost: a\r\n${packed}${head}\r\n`)
        const answer = (await client.until((received) => received.includes('"code"'))).toString()
        assert.match(answer, /^HTTP\/1\.1 401 [\s\S]*SIGNATURE_INVALID/, head)
        client.socket.destroy()
      }
    })
  }

  test('what its body alone can prove is unpacked one at a time, and only to a small size', async () => {
    const { url } = await addSource(server, 'videosdk', { publicKeyUrl: keys.url })
    const forged = (sizeBytes: number) => gzipSync(Buffer.alloc(sizeBytes))
    const deliverForged = (packed: Buffer) =>
      deliverBytes(url, packed, { 'content-encoding': 'gzip', 'videosdk-signature': 'AAAA' })
    const [largest, small] = [forged(ingestMaxBytes), forged(unprovenUnpackedMaxBytes)]
    collectGarbage()
    const before = process.memoryUsage().arrayBuffers
    const large = await Promise.all(Array.from({ length: 30 }, () => deliverForged(largest)))
    const grownBytes = process.memoryUsage().arrayBuffers - before
    assert.deepEqual(new Set(large), new Set([400]))
    assert.ok(grownBytes < ingestMaxBytes, `${grownBytes} bytes more`)
    assert.equal(await deliverForged(small), 401)
    const body = '{"webhookType":"participant-joined","data":{"meetingId":"m","sessionId":"s","participantId":"p"}}'
    assert.equal((await deliver(url, body, keys.sign(body))).status, 200)
    const packed = await deliverBytes(url, gzipSync(body), { ...keys.sign(body), 'content-encoding': 'gzip' })
    assert.equal(packed, 200)
  })
})

describe('the bodies that are in memory', () => {
  const ofBytes = (bytes: number) => ({ headers: {}, body: Readable.from([Buffer.alloc(bytes)]) })
  const bounds = { proven: { perSource: 100, all: 150 }, unproven: { perSource: 10, all: 15 } }

  test('are bounded for each source and for all, and are given back whatever becomes of them', async () => {
    const bodies = createBodies(bounds)
    const held = Promise.withResolvers<void>()
    const hold = (sourceId: string, bytes: number, isProven = true) =>
      bodies.use({ sourceId, isProven }, ofBytes(bytes), () => held.promise)
    const busy = { code: 'BUSY' }
    const kept = [hold('a', 80)]
    await assert.rejects(hold('a', 30), busy)
    kept.push(hold('b', 60))
    await assert.rejects(hold('c', 20), busy)
    kept.push(hold('c', 10, false))
    await assert.rejects(hold('d', 6, false), busy)
    held.resolve()
    await Promise.all(kept)
    await assert.rejects(
      bodies.use({ sourceId: 'a', isProven: true }, ofBytes(100), () => Promise.reject(new Error('refused'))),
      /refused/,
    )
    const failing = new Readable({ read() {} })
    const broken = bodies.use({ sourceId: 'a', isProven: true }, { headers: {}, body: failing }, async () => 0)
    failing.push(Buffer.alloc(90))
    failing.destroy(new Error('cut off'))
    await assert.rejects(broken)
    assert.equal(await bodies.use({ sourceId: 'a', isProven: true }, ofBytes(100), async ({ length }) => length), 100)
  })

  test('leave room for the largest one, also where nothing proved it yet', () => {
    for (const { perSource, all } of Object.values(deliveryBytes))
      assert.ok(ingestMaxBytes < perSource && perSource < all)
  })
})

describe('the log', () => {
  test('never names the address of a source, which is a secret, and names the source to whoever knows it', async () => {
    const { id, url }: Source = await addSource(server, 'livekit', livekitKey)
    const body = JSON.stringify({ event: 'room_started', createdAt: '1', room: { sid: 'RM_a', name: 'a' } })
    await deliver(url, body, await signAsLivekit(body))
    await deliver(url, body)
    await deliver(`${url}/`, '{}')
    await deliver(`${url}/events/room/created`, '{}')
    await deliver(url.replace('/v2/ingest/', '//v2//ingest//'), '{}')
    await deliver(url.replace('/v2/', '/'), '{}')
    const secret = id.slice(id.indexOf('-') + 5)
    assert.ok(secret.length > 16 && !logged.includes(secret), logged)
    assert.ok(logged.includes(`"path":"/v2/ingest/${id.slice(0, -secret.length)}…"`))
  })
})
