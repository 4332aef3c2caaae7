import type { Random } from '../chaos/random.ts'
import type { OpenApiDocument, Operation } from '../packages/server/src/api/openapi/openapi-document.ts'
import { kindAfter, kindOf } from './kinds.ts'
import { bytesOf } from './random.ts'
import { samples } from './samples.ts'
import { makeValue, oddTexts, spoil, type ValueSchema } from './values.ts'
import type { World } from './world.ts'

export type FuzzRequest = {
  method: string
  path: string
  headers: { [name: string]: string }
  body: Buffer | undefined
}

export type Route = { template: string; method: string; operation: Operation }

export function listRoutes(document: OpenApiDocument): Route[] {
  return Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([method, operation]) => {
      const { requestBody } = operation
      const whole = requestBody && { requestBody: resolve(requestBody, document) }
      return { template, method: method.toUpperCase(), operation: { ...operation, ...whole } }
    }),
  )
}

/** With each reference to a shape replaced by the shape. */
function resolve<T>(value: T, document: OpenApiDocument): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((one) => resolve(one, document)) as T
  const name = '$ref' in value ? String(value.$ref).split('/').at(-1) : undefined
  if (name !== undefined) return resolve(document.components.schemas[name] as T, document)
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolve(part, document)])) as T
}

const largeOnes = ['/docs/scalar.js', '/openapi.json']
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']

/** A request to one of the routes, well formed or not. */
export function makeRequest(random: Random, routes: Route[], world: World): FuzzRequest {
  const route = pickRoute(random, routes)
  const { method, body, headers, path } = route.template.startsWith('/v2/ingest')
    ? makeDelivery(random, route, world)
    : makeCall(random, route, world)
  return {
    method: random.chance(0.05) ? random.pick(methods) : method,
    path: random.chance(0.03) ? `/v2/none/${encode(random, random.pick(oddTexts))}` : path,
    headers: { ...headers, ...body?.headers },
    body: body?.bytes,
  }
}

function pickRoute(random: Random, routes: Route[]): Route {
  const route = random.pick(routes)
  // What is megabytes of always the same takes its time, and tells little.
  return largeOnes.includes(route.template) && random.chance(0.9) ? pickRoute(random, routes) : route
}

type Made = Omit<FuzzRequest, 'body'> & { body: Body | undefined }
type Body = { bytes: Buffer; headers: { [name: string]: string } }

function makeCall(random: Random, { template, method, operation }: Route, world: World): Made {
  return {
    method,
    path: fillPath(random, template, world) + makeQuery(random, operation, world),
    headers: makeHeaders(random, world),
    body: makeBody(random, method, operation, world),
  }
}

/** What a media server sends, spoilt, and mostly signed as it should be. */
function makeDelivery(random: Random, { template, method, operation }: Route, world: World): Made {
  const source = random.pick(world.sources)
  const sample = random.pick<unknown>(samples[source.type])
  const json = Buffer.from(JSON.stringify(spoil(random, sample)) ?? '')
  const path = fillPath(random, template.replace('{sourceId}', source.id), world)
  return {
    method,
    path: path + makeQuery(random, operation, world),
    headers: {
      ...makeHeaders(random, world),
      ...(random.chance(0.9) && { authorization: source.authorization }),
    },
    body: {
      bytes: random.chance(0.9) ? json : breakBody(random, json),
      headers: { 'content-type': random.chance(0.9) ? 'application/json' : random.pick(contentTypes) },
    },
  }
}

function fillPath(random: Random, template: string, world: World): string {
  const steps = template.split('/')
  const filled = steps.map((step, i) => {
    if (!step.startsWith('{')) return step
    const kind = kindOf(step.slice(1, -1)) ?? kindAfter(steps[i - 1])
    const value =
      kind !== undefined && random.chance(0.75)
        ? random.pick(world.ids[kind])
        : makeValue(random, { type: 'string' }, world, step.slice(1, -1))
    return encode(random, toQueryText(value)) || '-'
  })
  return filled.join('/')
}

const oddPairs = ['&&', '=', 'page[]=1', 'page[a]=1', '%zz=%zz', '__proto__[a]=1', 'a=%00', 'page=1;b']

function makeQuery(random: Random, { parameters = [] }: Operation, world: World): string {
  const given: string[] = []
  for (const { name, schema, in: place } of parameters) {
    if (place !== 'query') continue
    // Now and then it is given twice.
    while (random.chance(0.3)) {
      const value = makeValue(random, schema as ValueSchema, world, name)
      given.push(`${name}=${encode(random, toQueryText(value))}`)
    }
  }
  if (random.chance(0.05)) given.push(random.pick(oddPairs))
  return given.length === 0 ? '' : `?${given.join('&')}`
}

function toQueryText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '').slice(0, 500)
}

/** Percent-encoded; now and then left as it is, as far as a request line can hold it. */
function encode(random: Random, text: string): string {
  if (random.chance(0.95)) return encodeURIComponent(text.toWellFormed())
  return text.replace(/[^!-~]|[#?/\\]/g, '')
}

const contentTypes = [
  'application/json; charset=utf-8',
  'application/json; charset=latin1',
  'APPLICATION/JSON',
  'application/cloudevents+json',
  'application/webhook+json',
  'text/plain',
  'text/xml',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  ';',
  'json',
  '*/*',
]

function makeBody(random: Random, method: string, { requestBody }: Operation, world: World): Body | undefined {
  const schema = requestBody?.content['application/json']?.schema as ValueSchema | undefined
  if (schema === undefined && !random.chance(method === 'GET' ? 0.03 : 0.3)) return undefined
  const type = random.chance(0.85) ? 'application/json' : random.pick(contentTypes)
  const json = JSON.stringify(makeValue(random, { type: 'object', ...schema }, world))
  if (random.chance(0.75)) return { bytes: Buffer.from(json), headers: { 'content-type': type } }
  if (random.chance(0.3)) {
    const fields = Object.entries(JSON.parse(json) ?? {})
    const form = new URLSearchParams(fields.map(([name, value]) => [name, toQueryText(value).toWellFormed()]))
    return { bytes: Buffer.from(String(form)), headers: { 'content-type': 'application/x-www-form-urlencoded' } }
  }
  const encoding = random.chance(0.1) && { 'content-encoding': random.pick(['gzip', 'br', 'x']) }
  return { bytes: breakBody(random, Buffer.from(json)), headers: { 'content-type': type, ...encoding } }
}

const noObjects = ['', ' ', '[]', '7', '"x"', 'null', '{}{}', '{"a":1,}', "{'a':1}", '\ufeff{}', '{"a":NaN}']

function breakBody(random: Random, bytes: Buffer): Buffer {
  switch (random.below(6)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length + 1))
    case 1:
      return bytesOf(random, random.below(200))
    case 2:
      return Buffer.from(random.pick(noObjects))
    case 3:
      return Buffer.from(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)
    case 4:
      return Buffer.concat([bytes, bytes])
    default:
      for (let i = 0; i < 3 && bytes.length > 0; i++) bytes[random.below(bytes.length)] = random.below(256)
      return bytes
  }
}

/** Headers that are there now and then. */
const oddHeaders: { [name: string]: string[] } = {
  accept: ['text/csv', 'application/x-ndjson', 'text/event-stream', '*/*', 'text/html', '', ';q=', '*/*;q=0'],
  'if-none-match': ['*', '"x"', 'W/"x"', ''],
  'x-request-id': ['mine', 'a b', 'x'.repeat(200), ''],
  'x-forwarded-for': ['1.2.3.4', 'x', ''],
  'x-forwarded-host': ['evil.example'],
  'x-forwarded-proto': ['https', 'javascript'],
  origin: ['https://app.example', 'null', ''],
  'access-control-request-method': ['POST', 'x y'],
  host: ['evil.example', 'a:99999', '[::1', 'a b', '%00', 'x'.repeat(300)],
  cookie: ['a=b', '\u00ff'],
  expect: ['100-continue'],
  range: ['bytes=0-1', 'bytes=-'],
  'accept-encoding': ['gzip', 'identity;q=0'],
  'last-event-id': ['0', '-1', 'x', '99999999999'],
}

function makeHeaders(random: Random, { tokens }: World): FuzzRequest['headers'] {
  const headers: FuzzRequest['headers'] = {}
  if (random.chance(0.85)) headers.authorization = tokens.good
  else if (random.chance(0.8)) headers.authorization = random.pick(tokens.others)
  for (const [name, values] of Object.entries(oddHeaders)) {
    if (random.chance(0.04)) headers[name] = random.pick(values)
  }
  return headers
}
