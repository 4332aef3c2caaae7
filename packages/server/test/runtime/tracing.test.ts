import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { registerHooks } from 'node:module'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { startServer } from '../support/start-server.ts'
import { until } from '../support/until.ts'

type Value = { stringValue?: string; intValue?: number | string }
type Span = {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  attributes: { key: string; value: Value }[]
  status: { code?: number }
}
type Export = { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }

/** The modules with what sends traces that were loaded while this file runs. */
const loaded: string[] = []
registerHooks({
  load(url, context, next) {
    const module = next(url, context)
    if (String(module.source).includes('var OTLPTraceExporter =')) loaded.push(url)
    return module
  },
})

/** A server on a free port, and all that came to each path of it. */
async function startReceiver() {
  const received: { path: string; body: string }[] = []
  const receiver = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    received.push({ path: request.url ?? '', body })
    response.setHeader('content-type', 'application/json').end('{}')
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const { port } = receiver.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, received, close: () => receiver.close() }
}

describe('traces', () => {
  let collector: Awaited<ReturnType<typeof startReceiver>>
  before(async () => {
    collector = await startReceiver()
  })
  after(() => collector.close())

  const event = { id: 'a', type: 'participant-joined', roomId: 'secret room', participantId: 'ann', at: Date.now() }

  test('load nothing and send nothing where there is no collector', async () => {
    const server = await startServer()
    assert.equal(server.context.tracing, undefined)
    await server.call('POST', '/v2/events', { source: 'sfu', events: [event] })
    await server.stop()
    assert.deepEqual(loaded, [])
  })

  test('tell a request, the facts in it from socket to commit and the webhooks that follow, and name nobody', async () => {
    const hooks = await startReceiver()
    const server = await startServer({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on',
    })
    await server.call('POST', '/v2/webhooks', { endPoint: `${hooks.url}/hook`, events: ['*'] })
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'x-request-id': 'my-request' }
    const answer = await server.call('POST', '/v2/events', { source: 'sfu', events: [event] }, { headers })
    assert.equal(answer.status, 200, answer.text)
    await until(() => hooks.received.length > 0)
    await server.call('GET', '/v2/sessions/621497578bea0d0404c35c4c')
    await server.stop()
    hooks.close()
    assert.ok(loaded.length > 0)

    const { received } = collector
    assert.deepEqual([...new Set(received.map(({ path }) => path))], ['/v1/traces'])
    const spans = received.flatMap(({ body }) => {
      const { resourceSpans }: Export = JSON.parse(body)
      return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
    })
    const find = (name: string) => spans.find((span) => span.name === name) ?? assert.fail(`no ${name}`)
    const valuesOf = ({ attributes }: Span) =>
      Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]))

    const request = find('POST /v2/events')
    assert.deepEqual([request.traceId, request.parentSpanId], [traceId, 'b7ad6b7169203331'])
    assert.deepEqual(valuesOf(request), {
      ...{ 'http.request.method': 'POST', 'http.route': '/v2/events', 'http.response.status_code': 200 },
      'rollcall.request_id': 'my-request',
    })
    const facts = find('record facts')
    assert.deepEqual([facts.traceId, facts.parentSpanId], [traceId, request.spanId])
    assert.deepEqual(valuesOf(facts), { 'rollcall.facts': 1, 'rollcall.facts.recorded': 1 })
    const attempt = valuesOf(find('webhook attempt'))
    assert.equal(attempt['http.response.status_code'], 200)
    assert.equal(attempt['rollcall.webhook.attempt'], 1)
    assert.equal(valuesOf(find('GET /v2/sessions/:id'))['http.response.status_code'], 404)
    const all = received.map(({ body }) => body).join()
    for (const word of ['secret room', 'ann"', '621497578bea0d0404c35c4c', hooks.url])
      assert.ok(!all.includes(word), word)
  })

  test('that the collector does not take cost nothing else, and the server stops all the same', async () => {
    const server = await startServer({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })
    const { status } = await server.call('GET', '/v2/sessions')
    assert.equal(status, 200)
    await server.stop()
  })
})
