import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../../support/start-server.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

async function fetchText(url: string, headers: { [name: string]: string }) {
  const answer = await fetch(url, { headers })
  return { headers: answer.headers, text: await answer.text() }
}

describe('/docs', () => {
  test('may call the public address of the settings, where it was opened under another', async () => {
    const settled = await startServer({ ROLLCALL_PUBLIC_URL: 'https://rooms.example/rollcall' })
    try {
      const { headers } = await settled.call('GET', '/docs', undefined, { token: null })
      assert.match(String(headers['content-security-policy']), /connect-src 'self' https:\/\/rooms\.example;/)
    } finally {
      await settled.stop()
    }
  })

  test('has its script packed for whoever takes it so, and as it is for whoever does not', async () => {
    const ask = async (encoding: string) => {
      const { headers, text } = await fetchText(`${server.url}/docs/scalar.js`, { 'accept-encoding': encoding })
      return { encoding: headers.get('content-encoding'), type: headers.get('content-type'), text }
    }
    const plain = await ask('identity')
    assert.deepEqual([plain.encoding, plain.type], [null, 'text/javascript; charset=utf-8'])
    assert.deepEqual(await ask('br, gzip'), { ...plain, encoding: 'gzip' })
  })
})
