import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildPages } from '../../../../build/build.ts'
import { webFolder } from '../../src/api/web.ts'
import { openRaw } from '../support/clients/raw-client.ts'
import { send, startServer, type TestServer } from '../support/start-server.ts'

describe('pages and their files', () => {
  let server: TestServer
  before(async () => {
    await buildPages()
    server = await startServer()
  })
  after(() => server.stop())

  const get = (path: string, headers = {}) => send<string>(`${server.url}${path}`, 'GET', headers)

  test('share no limit with strangers: a class behind one address opens them all at once', async () => {
    const names = (await readdir(join(webFolder, 'assets'))).filter((name) => !/\.(br|gz)$/.test(name))
    const opened = ['/', '/docs', '/docs/scalar.js', '/favicon.svg', ...names.map((name) => `/assets/${name}`)]
    for (let pupil = 0; pupil < 30; pupil++) {
      const statuses = await Promise.all(opened.map(async (path) => (await get(path)).status))
      assert.deepEqual(new Set(statuses), new Set([200]))
    }
  })

  test('that are none count for their address', async () => {
    const asked = await Promise.all(Array.from({ length: 300 }, () => get('/assets/none.js')))
    assert.deepEqual(new Set(asked.map(({ status }) => status)), new Set([404, 429]))
  })

  test('come in the form that the reader takes, and not again where it has them', async () => {
    const names = await readdir(join(webFolder, 'assets'))
    const path = `/assets/${names.find((name) => name.endsWith('.js'))}`
    const plain = await get(path)
    const bytesOf = async (encoding: string) => {
      const answer = await fetch(`${server.url}${path}`, { headers: { 'accept-encoding': encoding } })
      return { encoding: answer.headers.get('content-encoding'), text: await answer.text() }
    }
    assert.deepEqual(await bytesOf('gzip, deflate, br'), { encoding: 'br', text: plain.text })
    assert.deepEqual(await bytesOf('gzip, br;q=0'), { encoding: 'gzip', text: plain.text })
    assert.deepEqual(await bytesOf('identity'), { encoding: null, text: plain.text })
    assert.match(String(plain.headers['cache-control']), /immutable/)
    const again = await get(path, { 'if-none-match': String(plain.headers.etag) })
    // As a proxy has it that packs answers, and a client that has several.
    for (const named of [`W/${plain.headers.etag}`, `"another", ${plain.headers.etag}`, '*']) {
      assert.equal((await get(path, { 'if-none-match': named })).status, 304)
    }
    assert.deepEqual([again.status, again.text], [304, ''])
  })

  test('are one buffer for all who ask, however many ask and take nothing', async () => {
    await get('/docs/scalar.js')
    const sizeBytes = Number((await get('/docs/scalar.js')).headers['content-length'])
    const before = process.memoryUsage().external
    const readers = await Promise.all(Array.from({ length: 3 }, () => openRaw(server)))
    const asked = ['/docs/scalar.js', '/openapi.json']
    for (const reader of readers) {
      reader.socket.pause()
      const lines = Array.from({ length: 50 }, (_, i) => `GET ${asked[i % 2]} HTTP/1.1\r\nhost: a${i}\r\n\r\n`)
      reader.write(lines.join(''))
    }
    // An answer to another comes after all of those were made.
    for (let i = 0; i < 3; i++) await get('/livez')
    const grownBytes = process.memoryUsage().external - before
    for (const { socket } of readers) socket.destroy()
    assert.ok(sizeBytes > 1_000_000 && grownBytes < 5 * sizeBytes, `${grownBytes} bytes more, of ${sizeBytes} each`)
  })
})
