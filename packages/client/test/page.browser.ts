import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join, normalize } from 'node:path'
import { after, before, test } from 'node:test'
import { launchChromium } from '../../server/test/support/chromium.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'

const packages = join(import.meta.dirname, '../..')

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

test('in a browser: a page signs a token, joins a room, is called, and reads the record', async (t) => {
  await using browser = await launchChromium(t)
  if (browser === undefined) return
  await using site = await startSite()
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(site.url)
  const told = await page.evaluate(
    async ({ url, apiKey, secret }) => {
      const { joinRoom, Rollcall, signToken } = await import('@rollcall/client')
      const rollcall = new Rollcall({ url, apiKey, secret })
      const { roomId } = await rollcall.rooms.create({ customRoomId: 'in a browser' })
      const token = () => signToken({ apiKey, secret }, { roles: ['rtc'] })
      const ann = await joinRoom({ url, token, roomId, participantId: 'ann' }).joined
      const bob = await joinRoom({ url, token, roomId, participantId: 'bob' }).joined
      const heard = new Promise((resolve) => ann.on('signal', ({ data }) => resolve(data)))
      bob.signal(bob.participants.get('ann')?.connectionId ?? '', { text: 'hello Ω' })
      const signal = await heard
      await Promise.all([ann.leave(), bob.leave()])
      const refused = await rollcall.sessions.get('none').catch(({ statusCode, code }) => ({ statusCode, code }))
      const [session] = (await rollcall.sessions.list({ roomId }).page()).data
      return {
        signal,
        refused,
        people: session?.participants.map(({ participantId, timelog }) => [participantId, timelog[0]?.reason]),
      }
    },
    { url: server.url, apiKey: server.apiKey, secret: server.secret },
  )
  assert.deepEqual(told, {
    signal: { text: 'hello Ω' },
    refused: { statusCode: 404, code: 'SESSION_NOT_FOUND' },
    people: [
      ['ann', 'left'],
      ['bob', 'left'],
    ],
  })
  assert.deepEqual(complaints, [])
})

/** A page of another origin than the server, with the client's own files, their types taken off. */
async function startSite() {
  const imports = {
    '@rollcall/client': '/client/src/index.ts',
    '@rollcall/protocol/close-codes': '/protocol/src/close-codes.ts',
    '@rollcall/protocol/ids': '/protocol/src/ids.ts',
    '@rollcall/protocol/person': '/protocol/src/person.ts',
  }
  const page = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script>`
  const site = createServer(async (request, response) => {
    const path = normalize(request.url ?? '/')
    if (path === '/') return response.setHeader('content-type', 'text/html').end(page)
    if (!path.endsWith('.ts')) return response.writeHead(404).end()
    const source = await readFile(join(packages, path), 'utf8')
    response.setHeader('content-type', 'text/javascript').end(stripTypeScriptTypes(source))
  })
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(site.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      site.closeAllConnections()
      await new Promise((resolve) => site.close(resolve))
    },
  }
}
