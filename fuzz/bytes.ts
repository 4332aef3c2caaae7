import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../chaos/random.ts'
import { openRaw } from '../packages/server/test/support/clients/raw-client.ts'
import type { Described } from '../packages/server/test/support/documents/openapi-check.ts'
import { checkEnvelope } from './check.ts'
import { bytesOf } from './random.ts'
import { readAnswers } from './read-answers.ts'
import { oddTexts } from './values.ts'
import type { World } from './world.ts'

/** How long an answer to what may be no request is waited for, in milliseconds. */
const answerMs = 100

/** Sends bytes that are no HTTP, or not for long. Fails where they are answered wrongly, or the connection is kept for ever. */
export async function sendBytes(world: World, described: Described, random: Random, limitMs: number): Promise<void> {
  const sent: Buffer[] = []
  try {
    const client = await openRaw(world)
    for (let i = random.below(4); i >= 0; i--) {
      const bytes = makeBytes(random, world.tokens.good)
      sent.push(bytes)
      client.write(bytes)
    }
    await Promise.race([client.closed, delay(random.below(answerMs))])
    if (random.chance(0.2)) {
      client.socket.resetAndDestroy()
      return
    }
    client.socket.end()
    const isClosed = await Promise.race([client.closed.then(() => true), delay(limitMs, false, { ref: false })])
    if (!isClosed) throw new Error(`the connection is open ${limitMs} ms after its other end was closed`)
    for (const { status, headers, text } of readAnswers(client.received())) {
      const isJson = headers['content-type']?.startsWith('application/json') === true
      checkEnvelope(described, { status, headers, text, body: isJson ? JSON.parse(text) : text })
    }
  } catch (error) {
    const base64 = Buffer.concat(sent).toString('base64')
    throw new Error(
      `${(error as Error).message}\n  echo ${base64} | base64 -d | nc ${new URL(world.url).host.replace(':', ' ')}`,
    )
  }
}

const methods = ['GET', 'POST', 'PUT', 'OPTIONS', 'CONNECT', 'get', '']
const targets = ['/v2/sessions', '/v2/rtc', '/v2/ingest/none', '/v2/none', '/', '*', 'a:443', 'http://a/v2/rooms', '']
const versions = ['1.1', '1.0', '2', '0.9', '']
const headerLines = [
  'content-length: 5',
  'content-length: 99999999999999999999',
  'content-length: -1',
  'transfer-encoding: chunked',
  'transfer-encoding: gzip, chunked',
  'connection: upgrade',
  'connection: keep-alive',
  'upgrade: websocket',
  'upgrade: h2c',
  'sec-websocket-version: 13',
  'sec-websocket-key: AQIDBAUGBwgJCgsMDQ4PEA==',
  'expect: 100-continue',
  'expect: nothing',
  'content-type: application/json',
  ' folded',
  ': none',
]
const bodies = ['', '{"a":1}', '5\r\nabcde\r\n0\r\n\r\n', 'ffffffffffffffff\r\n', '5;x=y\r\nabcde\r\n0\r\na: b\r\n\r\n']

function makeBytes(random: Random, token: string): Buffer {
  if (random.chance(0.2)) return bytesOf(random, random.below(2000))
  const oddLine = () => random.pick([...headerLines, `x: ${'y'.repeat(random.below(5000))}`, random.pick(oddTexts)])
  const lines = [
    `${random.pick(methods)} ${random.pick(targets)} HTTP/${random.pick(versions)}`,
    'host: a',
    `authorization: ${token}`,
    ...[0, 1, 2].map(oddLine),
    '',
    random.pick([...bodies, bytesOf(random, 50).toString('latin1')]),
  ]
  const bytes = Buffer.from(lines.join(random.chance(0.9) ? '\r\n' : '\n'), 'latin1')
  for (let i = random.below(3); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256)
  return bytes.subarray(0, random.chance(0.9) ? bytes.length : random.below(bytes.length))
}
