import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { after, before, describe, test } from 'node:test'
import type { Session } from '@rollcall/protocol'
import { WebSocket } from 'ws'
import { buildPages } from '../../../../build/build.ts'
import { lackOf } from '../../../client/test/system-program.ts'
import { createLink } from '../../src/api/auth/sign-in-link.ts'
import { launchChromium } from '../support/chromium.ts'
import { findFreePort } from '../support/ports.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { packageOf, proxyPrograms, type RunningProxy, startProxy } from './proxy-programs.ts'

type Answer = { status: number; headers: { [name: string]: string }; text: string }

/** A request over HTTP/2, as browsers send them. */
async function ask(
  session: ClientHttp2Session,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: { [name: string]: string }; body?: Buffer } = {},
): Promise<Answer> {
  const stream = session.request({ ':path': path, ':method': method, ...headers }, { endStream: body === undefined })
  stream.on('error', () => {})
  if (body !== undefined) stream.end(body)
  const [answered] = await once(stream, 'response')
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  const { ':status': status, ...others } = answered
  return { status, headers: others, text }
}

for (const [name, program] of Object.entries(proxyPrograms)) {
  describe(`behind ${name}, with TLS, HTTP/2 and a prefix`, () => {
    let server: TestServer
    let proxy: RunningProxy | undefined
    let session: ClientHttp2Session | undefined
    before(async () => {
      await buildPages()
      const port = await findFreePort()
      const publicUrl = `https://127.0.0.1:${port}/rollcall/`
      server = await startServer({ ROLLCALL_PUBLIC_URL: publicUrl, ROLLCALL_TRUST_PROXY: '127.0.0.1' })
      proxy = await startProxy(program, { upstream: new URL(server.url).host, port })
      if (proxy !== undefined) session = connect(proxy.origin, { ca: proxy.certificate })
    })
    after(async () => {
      session?.destroy()
      await proxy?.stop()
      await server.stop()
    })

    const through = (title: string, work: (session: ClientHttp2Session, proxy: RunningProxy) => Promise<void>) =>
      test(title, async (t) => {
        if (session === undefined || proxy === undefined) return t.skip(lackOf(packageOf(program)))
        await work(session, proxy)
      })

    through('the API is answered, with links that lead back through it', async (session, proxy) => {
      const authorization = await server.sign()
      const made = await ask(session, '/rollcall/v2/rooms', { method: 'POST', headers: { authorization } })
      const room = JSON.parse(made.text) as { roomId: string; links: Session['links'] }
      assert.equal(room.links.get_room, `${proxy.origin}/rollcall/v2/rooms/${room.roomId}`)
      const path = new URL(room.links.get_room).pathname
      assert.equal((await ask(session, path, { headers: { authorization } })).status, 200)
    })

    through('what is too large is refused as too large', async (session) => {
      const headers = { authorization: await server.sign(), 'content-type': 'application/json' }
      const body = Buffer.alloc(8_000_000)
      const { status, text } = await ask(session, '/rollcall/v2/rooms', { method: 'POST', headers, body })
      assert.deepEqual([status, JSON.parse(text).code], [413, 'TOO_LARGE'])
    })

    through('the stream arrives as it is written', async (session) => {
      const authorization = await server.sign()
      const stream = session.request({ ':path': '/rollcall/v2/stream?after=0', authorization })
      await once(stream, 'response')
      const [first] = await once(stream.setEncoding('utf8'), 'data')
      assert.match(String(first), /^retry: /)
      stream.destroy()
    })

    through('a room is joined over a WebSocket', async (_, proxy) => {
      const token = await server.sign()
      const { body: room } = await server.call<{ roomId: string }>('POST', '/v2/rooms')
      const socket = new WebSocket(`${proxy.origin.replace('https', 'wss')}/rollcall/v2/rtc`, { ca: proxy.certificate })
      const heard = Promise.race([
        once(socket, 'message').then(([message]) => JSON.parse(String(message))),
        once(socket, 'close').then(([code]) => ({ type: `closed with ${code}` })),
      ])
      await once(socket, 'open')
      socket.send(JSON.stringify({ type: 'join', token, roomId: room.roomId, name: 'Anna' }))
      assert.equal((await heard).type, 'joined')
      socket.terminate()
    })

    test('the pages are drawn in a browser, and find their files, the API, the stream and each other', async (t) => {
      if (proxy === undefined) return t.skip(lackOf(packageOf(program)))
      await using browser = await launchChromium(t, ['--ignore-certificate-errors'])
      if (browser === undefined) return
      const page = await browser.newPage({ ignoreHTTPSErrors: true })
      page.setDefaultTimeout(120_000)
      const complaints: string[] = []
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('response', (response) => {
        if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`)
      })
      const token = await server.sign({ roles: ['crawler'] })
      const key = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
      await page.goto(await createLink(key, `${proxy.origin}/rollcall`, server.context))
      await page.getByRole('link', { name: 'Rooms' }).click()
      await page.waitForURL('**/rollcall/rooms')
      await page.getByRole('heading', { name: 'Rooms' }).waitFor()
      await page.reload()
      await page.getByRole('heading', { name: 'Rooms' }).waitFor()
      assert.deepEqual(complaints, [])
      const followed = await page.evaluate(async (token) => {
        const made = await fetch('./v2/stream/cookie', { method: 'POST', headers: { authorization: token } })
        const { path } = (await made.json()) as { path: string }
        const source = new EventSource(path)
        await new Promise((resolve, reject) => {
          source.onopen = resolve
          source.onerror = reject
        })
        source.close()
        return { path, cookie: document.cookie }
      }, token)
      assert.deepEqual(followed, { path: '/rollcall/v2/stream', cookie: '' })
      await page.goto(`${proxy.origin}/rollcall/room/some-room`)
      await page.locator('#root').getByText(/invit/i).first().waitFor()
      assert.deepEqual(complaints, [])
    })
  })
}
