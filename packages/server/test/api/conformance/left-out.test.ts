import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Room } from '@rollcall/protocol'
import type { OpenApiDocument, Operation } from '../../../src/api/openapi/openapi-document.ts'
import type { Schema } from '../../../src/api/openapi/openapi-schemas.ts'
import { makeRoom } from '../../support/api-calls.ts'
import { recordSession } from '../../support/record-session.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'

// Typed clients write null for a field that they leave out, forms write an empty text, and PHP writes [] for an empty map.

let server: TestServer
let document: OpenApiDocument
let room: Room
let sessionId: string

before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
  document = (await server.call<OpenApiDocument>('GET', '/openapi.json')).body
  room = await makeRoom(server)
  const startAt = Date.now() - 60_000
  const stays = [{ participantId: 'anna', joinedAt: startAt, leftAt: startAt + 1000 }]
  sessionId = await recordSession(server, { roomId: room.roomId, startAt, endAt: startAt + 2000, stays })
})
after(() => server.stop())

/** What a call came to, without what is of that call alone. */
async function outcomeOf(method: string, path: string, body?: unknown): Promise<unknown[]> {
  const answer = await server.call(method.toUpperCase(), path, body)
  return answer.status < 400 ? [answer.status] : [answer.status, answer.body.code, answer.body.error]
}

function fill(path: string): string {
  const id = path.includes('sessions') ? sessionId : /rooms|meetings/.test(path) ? room.roomId : 'none'
  return path
    .replace('{id}', id)
    .replace('{participantId}', 'anna')
    .replaceAll(/\{\w+\}/g, 'none')
}

function listOperations(): { method: string; path: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method, path, operation })),
  )
}

/** The body's example with what has to be there alone, and the fields that may be left out. */
function bodyOf({ requestBody }: Operation) {
  const { schema } = requestBody?.content['application/json'] ?? {}
  const { properties = {}, required = [], examples = [] } = (schema ?? {}) as Schema & { examples?: object[] }
  const needed = Object.entries(examples[0] ?? {}).filter(([name]) => required.includes(name))
  const optional = Object.entries(properties).filter(([name]) => !required.includes(name))
  return { least: Object.fromEntries(needed), optional }
}

describe('on every route', () => {
  test('a field of the body that is null, "", or of an object [] or {}, is one that is left out', async () => {
    let tried = 0
    for (const { method, path, operation } of listOperations()) {
      const { least, optional } = bodyOf(operation)
      for (const [name, { type }] of optional) {
        for (const none of [null, '', ...(type === 'object' ? [[], {}] : [])]) {
          tried += 1
          const expected = await outcomeOf(method, fill(path), least)
          const what = `${method} ${path} with ${name} as ${JSON.stringify(none)}`
          assert.deepEqual(await outcomeOf(method, fill(path), { ...least, [name]: none }), expected, what)
        }
      }
    }
    assert.ok(tried > 80, String(tried))
  })

  test('an empty parameter of the query is one that is left out', async () => {
    let tried = 0
    for (const { method, path, operation } of listOperations()) {
      // Its answer never ends.
      if (path === '/v2/stream') continue
      for (const { in: place, name, required } of operation.parameters ?? []) {
        if (place !== 'query' || required) continue
        tried += 1
        const expected = await outcomeOf(method, fill(path))
        assert.deepEqual(await outcomeOf(method, `${fill(path)}?${name}=`), expected, `${method} ${path}?${name}=`)
      }
    }
    assert.ok(tried > 50, String(tried))
  })
})
