import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReadableStream } from 'node:stream/web'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { request } from 'undici'
import { ingestMaxBytes } from '../../src/api/limits.ts'
import { launchChromium } from '../support/chromium.ts'
import { openRaw } from '../support/clients/raw-client.ts'
import { type Came, testTooLarge, times, type Uploader, withProgram } from '../support/clients/upload/upload.ts'
import { addSource } from '../support/senders/source-client.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const run = promisify(execFile)
const programs = join(import.meta.dirname, '../support/clients/upload')

let server: TestServer
let folder: string
before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
  folder = await mkdtemp(join(tmpdir(), 'rollcall-upload-'))
})
after(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

async function count(send: () => Promise<string>): Promise<Came> {
  const came: Came = {}
  for (let i = 0; i < times; i++) {
    const status = await send().catch((error) => String(error.cause ?? error))
    came[status] = (came[status] ?? 0) + 1
  }
  return came
}

async function* pieces(sizeBytes: number) {
  const piece = Buffer.alloc(64 * 1024)
  for (let sent = 0; sent < sizeBytes; sent += piece.length) yield piece.subarray(0, sizeBytes - sent)
}

const uploaders: { [name: string]: Uploader } = {
  'fetch of Node': (_, { url, token, sizeBytes, isStreamed }) =>
    count(async () => {
      const headers = { authorization: token, 'content-type': 'application/json' }
      const body = isStreamed ? ReadableStream.from(pieces(sizeBytes)) : Buffer.alloc(sizeBytes)
      const answer = await fetch(url, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
      await answer.json()
      return String(answer.status)
    }),

  Undici: (_, { url, token, sizeBytes, isStreamed }) =>
    count(async () => {
      const headers = { authorization: token, 'content-type': 'application/json' }
      const body = isStreamed ? pieces(sizeBytes) : Buffer.alloc(sizeBytes)
      const answer = await request(url, { method: 'POST', headers, body: body as Buffer })
      await answer.body.json()
      return String(answer.statusCode)
    }),

  Python: withProgram('python3', join(programs, 'upload.py')),

  curl: (_, { url, token, sizeBytes, isStreamed }) =>
    count(async () => {
      const path = join(folder, `${sizeBytes}`)
      await writeFile(path, Buffer.alloc(sizeBytes))
      const head = ['-H', `authorization: ${token}`, '-H', 'content-type: application/json']
      const how = isStreamed ? ['-H', 'transfer-encoding: chunked'] : []
      const { stdout } = await run('curl', [
        '-sS',
        '-w',
        '\n%{http_code}',
        ...head,
        ...how,
        '--data-binary',
        `@${path}`,
        url,
      ])
      const [body = '', status = ''] = stdout.split('\n')
      assert.equal(JSON.parse(body).statusCode, Number(status))
      return status
    }),

  Chromium: async (t, { url, token, sizeBytes }) => {
    await using browser = await launchChromium(t)
    if (browser === undefined) return undefined
    const page = await browser.newPage()
    await page.goto(`${server.url}/docs`)
    return await count(() =>
      page.evaluate(
        async ({ url, token, sizeBytes }) => {
          const headers = { authorization: token, 'content-type': 'application/json' }
          const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(sizeBytes) })
          await answer.json()
          return String(answer.status)
        },
        { url, token, sizeBytes },
      ),
    )
  },
}

describe('an answer that is given while the client still sends arrives as that answer', () => {
  testTooLarge(uploaders, () => server)

  test('401, before a token is asked what it may do, and by a source before its body is read', async (t) => {
    const { url } = await addSource(server, 'generic')
    const upload = { token: 'bad', sizeBytes: 20_000_000, isStreamed: true }
    for (const to of [`${server.url}/v2/rooms`, url]) {
      for (const name of ['fetch of Node', 'Python'] as const) {
        assert.deepEqual(await uploaders[name]?.(t, { ...upload, url: to }), { '401': times }, `${name} ${to}`)
      }
    }
    const tooLarge = await uploaders.Python?.(t, {
      url,
      token: 'bad',
      sizeBytes: ingestMaxBytes + 1,
      isStreamed: false,
    })
    assert.deepEqual(tooLarge, { '401': times })
  })
})

test('a client that sends on and on is answered at once, and cut off after a bound', async () => {
  const client = await openRaw(server)
  client.write(`POST /v2/rooms HTTP/1.1\r\nhost: a\r\nauthorization: bad\r\ntransfer-encoding: chunked\r\n\r\n`)
  const answer = (await client.until((received) => received.includes('"code"'))).toString()
  assert.match(answer, /^HTTP\/1\.1 401 /)
  const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`
  while (!client.socket.destroyed) {
    if (!client.socket.write(chunk))
      await Promise.race([new Promise((resolve) => client.socket.once('drain', resolve)), client.closed])
  }
  assert.equal((await client.closed).toString(), answer)
})
