import swagger from '@fastify/swagger'
import { type ErrorBody, WebhookHeaders, Webhooks, type WebhookType } from '@rollcall/protocol'
import { type FastifySchema, fastify, type RouteOptions } from 'fastify'
import program from '../../../package.json' with { type: 'json' }
import type { ApiAuth } from '../auth/auth.ts'
import { type ErrorDialect, ourWords, type RefusalCode, type RefusalSchema } from '../http/refusals.ts'
import recorded from './openapi-examples.json' with { type: 'json' }
import { type Components, type Schema, toAnswerSchema, toRequestSchema } from './openapi-schemas.ts'
import {
  crawlerText,
  documentText,
  etagHeader,
  livekitTokenText,
  refusalTexts,
  retryAfterHeader,
  signInText,
  tags,
  tokenText,
  webhookText,
} from './openapi-texts.ts'

/** An OpenAPI document, as far as it is looked into here. */
export type OpenApiDocument = {
  openapi: string
  info: { version: string }
  servers?: { url: string }[]
  tags: { name: string; description: string }[]
  paths: { [path: string]: { [method: string]: Operation } }
  webhooks: { [type: string]: { post: Operation } }
  components: { schemas: { [name: string]: Schema } }
}

export type Operation = {
  operationId?: string
  summary?: string
  description?: string
  tags?: string[]
  security?: object[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Content }
  responses: { [status: string]: Answer }
}
type Parameter = { in: string; name: string; description?: string | undefined; required?: boolean; schema: Schema }
/** What has no body is of the type null. */
type Answer = { type?: 'null'; description: string; headers?: { [name: string]: Schema }; content?: Content }
export type Content = { [mediaType: string]: { schema: Schema; example?: unknown } }

/** What real calls asked and were answered, as the tests recorded it: by operation, by status where all errors are alike. */
const examples = recorded as {
  operations: { [operationId: string]: { body?: unknown; answers: { [status: string]: unknown } } }
  errors: { [status: string]: ErrorBody }
  webhooks: { [type in WebhookType]: unknown }
}

/** The OpenAPI document of these routes, without the address of a server. */
export async function describeRoutes(routes: RouteOptions[], auth: ApiAuth): Promise<OpenApiDocument> {
  const components: Components = new Map()
  // The routes are described apart from the server that has them, so that it starts without waiting for this.
  const app = fastify()
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  await app.register(swagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Rollcall',
        version: program.version,
        description: documentText,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags,
      components: {
        securitySchemes: {
          token: { type: 'apiKey', in: 'header', name: 'Authorization', description: tokenText },
          signIn: { type: 'apiKey', in: 'cookie', name: 'rollcall-sign-in', description: signInText },
          livekitToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: livekitTokenText },
        },
      },
    },
  })
  for (const route of routes) {
    const { method, url } = route
    app.route({ method, url, exposeHeadRoute: false, schema: toDescribed(route, auth, components), handler() {} })
  }
  await app.ready()
  const document = app.swagger() as unknown as OpenApiDocument
  for (const { requestBody } of Object.values(document.paths).flatMap((path) => Object.values(path))) {
    // A body may be missing where none of its fields has to be there.
    if (requestBody?.content['application/json']?.schema.required === undefined) delete requestBody?.required
  }
  return {
    ...document,
    webhooks: describeWebhooks(components),
    components: {
      ...document.components,
      schemas: Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  }
}

/** A route's schema as the document has it: what any route of its kind takes and refuses is added to what it says. */
function toDescribed(route: RouteOptions, auth: ApiAuth, components: Components): FastifySchema {
  const { schema = {}, onRequest } = route
  const { querystring, params, body, description, dialect: _, ...rest } = schema as FastifySchema & Spoken
  const example = examples.operations[schema.operationId ?? '']?.body
  return {
    ...rest,
    description: [description, isForCrawlers(onRequest, auth) && crawlerText].filter(Boolean).join('\n\n'),
    security: schema.security ?? securityOf(route, auth),
    ...(querystring !== undefined && { querystring: toRequestSchema(querystring as Schema, components) }),
    ...(params !== undefined && { params: toRequestSchema(params as Schema, components) }),
    ...(body !== undefined && {
      body: { ...toRequestSchema(body as Schema, components), ...(example !== undefined && { examples: [example] }) },
    }),
    response: describeAnswers(route, auth, components),
  }
}

/** Of a route that refuses in a vendor's words. */
type Spoken = { dialect?: ErrorDialect }

function describeAnswers(route: RouteOptions, auth: ApiAuth, components: Components): Operation['responses'] {
  const { operationId = '', produces: [mediaType = 'application/json'] = [], response = {} } = route.schema ?? {}
  const answered = examples.operations[operationId]?.answers ?? {}
  const answers: Operation['responses'] = {}
  for (const [status, schema] of Object.entries(response as { [status: string]: Schema & { content?: Content } })) {
    const { type, description = '', content = { [mediaType]: { schema } } } = schema
    answers[status] =
      type === 'null'
        ? { type, description }
        : { description, content: describeForms(content, components, answered[status]) }
  }
  if (answers[304] !== undefined) answers[200] = { ...answers[200], headers: { etag: etagHeader } } as Answer
  const { dialect = ourWords } = (route.schema ?? {}) as Spoken
  for (const [status, { names, example }] of nameRefusals(listRefusals(route, auth), dialect)) {
    answers[status] = {
      description: `${refusalTexts[status]} \`${dialect.field}\`: ${names.map((name) => `\`${name}\``).join(' or ')}.`,
      ...((status === 429 || status === 503) && { headers: { 'retry-after': retryAfterHeader } }),
      content: {
        'application/json': {
          schema: toAnswerSchema(dialect.shape, components),
          example: answered[status] ?? example,
        },
      },
    }
  }
  return answers
}

/** An answer that comes in several forms: the example is of the one that is JSON. */
function describeForms(forms: Content, components: Components, example: unknown): Content {
  return Object.fromEntries(
    Object.entries(forms).map(([mediaType, { schema }]) => {
      const shown = mediaType === 'application/json' ? { example } : {}
      return [mediaType, { schema: toAnswerSchema(schema, components), ...shown }]
    }),
  )
}

type Refused = { [status: string]: RefusalCode[] }

/** What a dialect calls these refusals, by its status, with an example of the first. */
function nameRefusals(
  refused: Refused,
  { toNamed, toBody }: ErrorDialect,
): Map<number, { names: string[]; example: object | undefined }> {
  const byStatus = new Map<number, { names: string[]; example: object | undefined }>()
  for (const [ours, codes] of Object.entries(refused)) {
    for (const code of codes) {
      const { status, name } = toNamed(code, Number(ours))
      const example = examples.errors[ours] && toBody(name, examples.errors[ours])
      const known = byStatus.get(status) ?? { names: [], example }
      if (!known.names.includes(name)) known.names.push(name)
      byStatus.set(status, known)
    }
  }
  return byStatus
}

/** The codes that a route may refuse with, by status: those it names, and those of any route of its kind. */
function listRefusals(route: RouteOptions, auth: ApiAuth): Refused {
  const { method, onRequest, schema = {} } = route
  const { querystring, params, response = {} } = schema
  const writes = method !== 'GET'
  const takesValues = querystring !== undefined || params !== undefined || writes
  const refused: Refused = {
    ...(takesValues && { 400: ['BAD_REQUEST'] }),
    ...(securityOf(route, auth).length > 0 && { 401: ['TOKEN_MISSING', 'TOKEN_INVALID'], 403: ['FORBIDDEN'] }),
    ...(onRequest !== undefined && { 429: ['TOO_MANY_REQUESTS'] }),
    ...(writes && { 413: ['TOO_LARGE'], 415: ['UNSUPPORTED_MEDIA_TYPE'] }),
    // Whoever asks is looked up, and the database may say no.
    ...((writes || onRequest !== undefined) && { 503: ['BUSY'] }),
    500: ['INTERNAL'],
  }
  for (const [status, { codes }] of Object.entries(response as { [status: string]: Partial<RefusalSchema> })) {
    if (codes !== undefined) refused[status] = [...new Set([...(refused[status] ?? []), ...codes])]
  }
  return refused
}

/** Wherever a token is taken, so is the cookie of a browser. */
function securityOf({ onRequest }: RouteOptions, auth: ApiAuth): { [scheme: string]: [] }[] {
  if (onRequest === auth.user) return [{ signIn: [] }]
  return onRequest === auth.any || isForCrawlers(onRequest, auth) ? [{ token: [] }, { signIn: [] }] : []
}

function isForCrawlers(onRequest: RouteOptions['onRequest'], auth: ApiAuth): boolean {
  return onRequest === auth.crawler || onRequest === auth.reports || onRequest === auth.bringer
}

/** Such as onSessionStarted: no operation of a caller's begins so, nor a shape. */
function toWebhookId(type: string): string {
  return `on-${type}`.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function describeWebhooks(components: Components): OpenApiDocument['webhooks'] {
  const parameters = Object.entries<Schema>(WebhookHeaders.properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'header',
    required: true,
    description,
    schema,
  }))
  return Object.fromEntries(
    Object.entries<Schema>(Webhooks).map(([type, schema]) => {
      const content = { schema: toAnswerSchema(schema, components), example: examples.webhooks[type as WebhookType] }
      const operation = {
        operationId: toWebhookId(type),
        summary: type,
        description: `${schema.description} ${webhookText}`,
        tags: ['Webhooks'],
        security: [],
        parameters,
        requestBody: { required: true, content: { 'application/json': content } },
        responses: { '2XX': { description: 'Taken. Anything else, or nothing in time, is sent again later.' } },
      }
      return [type, { post: operation }]
    }),
  )
}
