import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Webhooks } from '@rollcall/protocol'
import { Validator } from '@seriousme/openapi-schema-validator'
import program from '../../../package.json' with { type: 'json' }
import type { OpenApiDocument, Operation } from '../../../src/api/openapi/openapi-document.ts'
import { toPointer } from '../../support/documents/openapi-check.ts'
import { collectRoutes } from '../../support/documents/registered-routes.ts'
import { readSchemas } from '../../support/documents/schema-check.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'

let server: TestServer
let document: OpenApiDocument
/** Every route of the server, such as `GET /v2/rooms/{id}`. */
let registered: string[]

before(async () => {
  const start = async () => {
    server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
  }
  registered = (await collectRoutes(start, { pages: false })).map((name) => name.replace(/:(\w+)/g, '{$1}'))
  document = (await server.call<OpenApiDocument>('GET', '/openapi.json', undefined, { token: null })).body
})
after(() => server.stop())

function listOperations(): { name: string; method: string; path: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method,
      path,
      operation,
    })),
  )
}

describe('the document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document))
    assert.ok(valid, JSON.stringify(errors, null, 2))
    assert.equal(document.openapi, '3.1.0')
  })

  test('names the version of the server', () => {
    assert.equal(document.info.version, program.version)
  })

  test('has every route that the server has, and no other', () => {
    const described = listOperations().map(({ name }) => name)
    assert.deepEqual(described.sort(), registered.sort())
  })

  test('tells of every route what it does, what it takes and what it answers', () => {
    const tags = document.tags.map(({ name }) => name)
    for (const { name, operation } of listOperations()) {
      const { operationId, summary, description, responses, parameters = [] } = operation
      assert.match(operationId ?? '', /^[a-z][A-Za-z]+$/, name)
      assert.ok(summary && description, `${name} has no summary or description`)
      assert.equal(operation.tags?.length, 1, name)
      assert.ok(tags.includes(operation.tags?.[0] ?? ''), `${name} has a tag that the document does not tell of`)
      // A GET at the address of a source is always refused.
      assert.ok(
        responses[operationId?.match(/^ingest.*ByGet$/) ? 503 : 200]?.content,
        `${name} does not tell what it answers`,
      )
      for (const [status, answer] of Object.entries(responses)) assert.ok(answer.description, `${name} ${status}`)
      for (const parameter of parameters) assert.ok(parameter.description, `${name} ${parameter.name}`)
    }
  })

  test('names each operation and each webhook once, whatever the case, and none as a shape', () => {
    const calls = listOperations().map(({ operation }) => operation.operationId)
    const ids = [...calls, ...Object.values(document.webhooks).map(({ post }) => post.operationId)]
    const names = [...ids, ...Object.keys(document.components.schemas)].map((name = '') => name.toLowerCase())
    assert.deepEqual([...new Set(names)], names)
    for (const id of ids) assert.match(id ?? '', /^[a-z][A-Za-z]+$/)
  })

  test('says of a number that takes more than 32 bits that it has 64, and has a name for each event', () => {
    const { schemas } = document.components
    assert.equal(schemas.SourceHealth?.properties?.clockSkewMs?.format, 'int64')
    assert.equal(schemas.StreamedChange?.properties?.seq?.format, 'int64')
    assert.equal(schemas.Session?.properties?.participantSeconds?.format, 'double')
    const { at } = schemas.ParticipantJoinedEvent?.properties ?? {}
    assert.deepEqual(at?.anyOf, [{ type: 'integer', format: 'int64' }, { type: 'string' }])
    assert.deepEqual(
      schemas.ReportedEvent?.anyOf,
      [
        'SessionStartedEvent',
        'SessionEndedEvent',
        'ParticipantJoinedEvent',
        'ParticipantLeftEvent',
        'SnapshotEvent',
        'SourceStartedEvent',
        'QualityEvent',
      ].map((name) => ({ $ref: `#/components/schemas/${name}` })),
    )
    const { enforced } = schemas.EndedSession?.properties ?? {}
    assert.deepEqual(enforced?.anyOf, [{ type: 'boolean' }, { type: 'string', enum: ['pending'] }])
  })

  test('has a whole number wherever VideoSDK’s typed clients decode one', () => {
    const typeOf = (shape: string, field: string) => document.components.schemas[shape]?.properties?.[field]?.type
    for (const [shape, ...fields] of [
      ['Session', 'activeDuration', 'maxJoinedPeersCount'],
      ['EndedSession', 'activeDuration', 'maxJoinedPeersCount'],
      ['SessionAfterRemoval', 'activeDuration', 'maxJoinedPeersCount'],
      ['ActiveSession', 'activeDuration', 'maxJoinedPeersCount'],
      ['PageInfo', 'currentPage', 'perPage', 'lastPage', 'total'],
      ['AutoCloseConfig', 'duration'],
      ['ErrorBody', 'statusCode'],
      ['QualityPoint', 'recvAudioPacketLost', 'recvVideoPacketLost', 'sendAudioPacketLost', 'sendVideoPacketLost'],
    ] as const) {
      for (const field of fields) assert.equal(typeOf(shape, field), 'integer', `${shape}.${field}`)
    }
    const usage = document.components.schemas.ParticipantQuality?.properties?.resolutionUsage?.items?.properties ?? {}
    for (const height of [180, 360, 720, 1080, 1440, 2160]) assert.equal(usage[height]?.type, 'integer')
  })

  test('has one shape of error, which every refusal refers to, but for those in Daily’s words', () => {
    let refusals = 0
    for (const { name, path, operation } of listOperations()) {
      const shape = path.startsWith('/daily/') ? 'DailyError' : 'ErrorBody'
      for (const [status, { content }] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue
        refusals++
        assert.deepEqual(
          content?.['application/json']?.schema,
          { $ref: `#/components/schemas/${shape}` },
          `${name} ${status}`,
        )
      }
    }
    assert.ok(refusals > 50, String(refusals))
  })

  test('says of a route that it takes a token where it does', async () => {
    for (const { name, method, path, operation } of listOperations()) {
      const { body } = await server.call<{ code?: string; error?: string }>(
        method.toUpperCase(),
        path.replaceAll(/[{}]/g, ''),
        undefined,
        { token: null },
      )
      const isRefused = /^(TOKEN_MISSING|SIGNATURE_INVALID|authorization-header-error)$/.test(
        body.code ?? body.error ?? '',
      )
      assert.equal(isRefused, (operation.security ?? []).length > 0, name)
    }
  })

  test('has a name for each shape that the API speaks of', () => {
    const names = Object.keys(document.components.schemas)
    for (const name of ['Room', 'Session', 'Participant', 'TimelogEntry', 'PageInfo', 'ErrorBody', 'EventResult']) {
      assert.ok(names.includes(name), name)
    }
    const text = JSON.stringify(document)
    for (const name of names) assert.ok(text.includes(`"#/components/schemas/${name}"`), `nothing refers to ${name}`)
  })

  test('tells of the limits of a parameter', () => {
    const { parameters = [] } = document.paths['/v2/sessions']?.get ?? {}
    const page = parameters.find(({ name }) => name === 'page')
    assert.deepEqual(page?.schema, {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000_000_000,
      default: 1,
      format: 'int64',
    })
    const status = parameters.find(({ name }) => name === 'status')
    assert.deepEqual(status?.schema, { type: 'string', enum: ['ongoing', 'active', 'ended'] })
  })

  test('has the webhooks that are sent, with their headers', () => {
    assert.deepEqual(Object.keys(document.webhooks), Object.keys(Webhooks))
    for (const { post } of Object.values(document.webhooks)) {
      assert.deepEqual(
        post.parameters?.map(({ in: place, name }) => `${place} ${name}`),
        ['videosdk-signature', 'webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => `header ${name}`),
      )
    }
  })
})

describe('/openapi.json', () => {
  const ask = (headers: { [name: string]: string } = {}, of = server) =>
    of.call<OpenApiDocument>('GET', '/openapi.json', undefined, { token: null, headers })

  test('is sent once, and then not again while it is the same', async () => {
    const { status, headers } = await ask()
    assert.equal(status, 200)
    const again = await ask({ 'if-none-match': String(headers.etag) })
    assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', headers.etag])
  })

  test('names the server as the caller called it', async () => {
    assert.deepEqual(document.servers, [{ url: server.url }])
    const { body, headers } = await ask({ host: 'rooms.example:8443' })
    assert.deepEqual(body.servers, [{ url: 'http://rooms.example:8443' }])
    assert.notEqual(headers.etag, (await ask()).headers.etag)
  })

  test('names the public address of the settings, whatever the caller used', async () => {
    const settled = await startServer({ ROLLCALL_PUBLIC_URL: 'https://rooms.example/rollcall' })
    try {
      assert.deepEqual((await ask({}, settled)).body.servers, [{ url: 'https://rooms.example/rollcall' }])
    } finally {
      await settled.stop()
    }
  })
})

describe('what holds answers against the document', () => {
  test('finds in its examples no fault, and one where a field lacks, another is there, or two change places', () => {
    const { findFault } = readSchemas(document)
    const seen = { good: 0, bad: 0 }
    for (const { path, method, operation } of listOperations()) {
      for (const [status, { content }] of Object.entries(operation.responses)) {
        const { example, schema: said } = content?.['application/json'] ?? {}
        if (!isObject(example) || !isObject(said)) continue
        const schema = document.components.schemas[String(said.$ref).split('/').at(-1) ?? ''] ?? said
        const pointer = `${toPointer(path)}/${method}/responses/${status}/content/application~1json/schema`
        assert.equal(findFault(pointer, example), undefined, pointer)
        seen.good += 1
        for (const one of isObject(schema.properties) ? broken(example, schema.required as string[]) : []) {
          assert.ok(findFault(pointer, one) !== undefined, `${pointer}: ${JSON.stringify(one)}`)
          seen.bad += 1
        }
      }
    }
    assert.ok(seen.good > 20 && seen.bad > 200, JSON.stringify(seen))
  })
})

function broken(value: object, required: string[] = []): object[] {
  const fields = Object.entries(value)
  const [first, second, ...others] = fields
  return [
    { ...value, another: 1 },
    ...(second === undefined ? [] : [Object.fromEntries([second, first as (typeof fields)[number], ...others])]),
    ...required.map((name) => Object.fromEntries(fields.filter(([other]) => other !== name))),
  ]
}

function isObject(value: unknown): value is { [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
