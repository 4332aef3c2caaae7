import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { Room, Session } from '@rollcall/protocol'
import { requireProgram } from '../../../client/test/system-program.ts'
import { makeRoom } from '../support/api-calls.ts'
import { recordSession } from '../support/record-session.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

type Sent = { method: string; path: string; data?: unknown; as?: 'json' | 'form'; prefix?: string }
type Body = { code?: string; error?: string; roomId?: string }

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

/** The path of PHP; empty where there is none, and the test is skipped. */
async function findPhp(t: TestContext): Promise<string> {
  return (await requireProgram(t, { names: ['php'], packages: ['php-cli', 'php-curl'] })) ?? ''
}

/** Sends what Laravel's client sends: an empty map of PHP, at any depth, is the JSON `[]`. */
async function send<T = Body>(
  php: string,
  { method, path, data = [], as = 'json', prefix = '' }: Sent,
): Promise<{ status: number; body: T }> {
  const child = spawn(php, [join(import.meta.dirname, 'php/laravel.php')])
  const token = prefix + (await server.sign())
  child.stdin.end(JSON.stringify({ method, url: `${server.url}${path}`, token, data, as }))
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as { status: number; body: T }
}

async function sendRight<T = Body>(php: string, sent: Sent): Promise<T> {
  const { status, body } = await send<T>(php, sent)
  assert.equal(status, 200, `${JSON.stringify(sent)}: ${JSON.stringify(body)}`)
  return body
}

describe('Laravel’s HTTP client', () => {
  test('makes a room and ends a session, by JSON and by form, with its token bare and as Bearer', async (t) => {
    const php = await findPhp(t)
    if (php === '') return
    for (const as of ['json', 'form'] as const) {
      for (const prefix of ['', 'Bearer ']) {
        const data = { customRoomId: `laravel ${as}${prefix}` }
        const { roomId, customRoomId } = await sendRight<Room>(php, {
          method: 'POST',
          path: '/v2/rooms',
          data,
          as,
          prefix,
        })
        assert.equal(customRoomId, data.customRoomId)
        const id = await recordSession(server, { roomId, startAt: Date.now() - 60_000 })
        const query = { customRoomId, page: 1, perPage: 20 }
        const list = { method: 'GET', path: '/v2/sessions', data: query, as, prefix }
        assert.equal((await sendRight<{ data: Session[] }>(php, list)).data[0]?.id, id)
        const end = { method: 'POST', path: '/v2/sessions/end', data: { roomId, sessionId: id }, as, prefix }
        assert.equal((await sendRight<Session>(php, end)).status, 'ended')
      }
    }
  })

  test('makes a room with an empty body, which it sends as []', async (t) => {
    const php = await findPhp(t)
    if (php === '') return
    assert.ok((await sendRight(php, { method: 'POST', path: '/v2/rooms' })).roomId)
    assert.ok((await sendRight(php, { method: 'POST', path: '/v2/rooms', as: 'form' })).roomId)
    const { roomId } = await makeRoom(server)
    assert.equal((await sendRight(php, { method: 'POST', path: `/v2/rooms/validate/${roomId}` })).roomId, roomId)
  })

  test('is answered for an empty map within a body, which it sends as [], as anybody is for {}', async (t) => {
    const php = await findPhp(t)
    if (php === '') return
    for (const [field, empty] of [
      ['webhook', {}],
      ['autoCloseConfig', {}],
      ['autoStartConfig', {}],
      ['multiComposition', {}],
      ['allowedParticipantIds', []],
    ] as const) {
      const { status, body } = await send(php, { method: 'POST', path: '/v2/rooms', data: { [field]: [] } })
      const other = await server.call('POST', '/v2/rooms', { [field]: empty })
      assert.deepEqual([field, status, body.code], [field, other.status, other.body.code])
    }
  })

  test('is told what is missing where it sends [] for a body that takes fields', async (t) => {
    const php = await findPhp(t)
    if (php === '') return
    for (const path of ['/v2/sessions/end', '/v2/rooms/deactivate', '/v2/sessions/participants/remove']) {
      const { status, body } = await send(php, { method: 'POST', path })
      assert.deepEqual([status, body.code], [400, 'BAD_REQUEST'])
      assert.match(body.error ?? '', /roomId|participantId/)
    }
  })

  test('is understood where it sends a form: nested fields, and true as 1', async (t) => {
    const php = await findPhp(t)
    if (php === '') return
    const settings = {
      webhook: { endPoint: 'https://example.org/hook', events: ['session-started'] },
      autoCloseConfig: { type: 'session-ends', duration: 60 },
    }
    const room = await sendRight<Room>(php, { method: 'POST', path: '/v2/rooms', data: settings, as: 'form' })
    const id = await recordSession(server, { roomId: room.roomId, startAt: Date.now() - 60_000, endAt: Date.now() })
    const data = { roomId: room.roomId, ignoreClosed: true }
    const ended = await sendRight<Session>(php, { method: 'POST', path: '/v2/sessions/end', data, as: 'form' })
    assert.equal(ended.id, id)
    assert.deepEqual({ webhook: room.webhook, autoCloseConfig: room.autoCloseConfig }, settings)
  })
})
