import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { lingerOverEarlyAnswers } from '../../src/api/http/early-answers.ts'

test('what is thrown away of a request that was answered is freed at once, and not when garbage is looked for', async (t) => {
  const app = fastify()
  t.after(() => app.close())
  lingerOverEarlyAnswers(app)
  const chunks: Buffer[] = []
  app.addHook('onRequest', async ({ raw }, reply) => {
    raw.on('data', (chunk: Buffer) => chunks.push(chunk))
    raw.pause()
    return reply.code(401).send('no')
  })
  app.post('/', async () => assert.fail('it is answered before'))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const answer = await fetch(url, { method: 'POST', body: Buffer.alloc(5_000_000, 'x') })
  assert.deepEqual([answer.status, await answer.text()], [401, 'no'])
  assert.notEqual(chunks.length, 0)
  const held = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
  assert.equal(held, 0)
})
