import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Context } from '../../context.ts'
import type { ApiAuth } from '../auth/auth.ts'
import { callerOf } from '../auth/auth.ts'

declare module 'fastify' {
  interface FastifySchema {
    /**
     * Whether what a route does is in the audit log. Default: of one that takes a token, where it changes something or gives a
     * table to download.
     */
    audited?: boolean
  }
}

/** Ids as requests, and answers to what was made, name them. */
const idNames = [
  'id',
  'apiKey',
  'roomId',
  'meetingId',
  'sessionId',
  'participantId',
  'webhookId',
  'deliveryId',
  'inviteId',
]
/** The same in a path alone: elsewhere `userId` is the owner. */
const pathIdNames = [...idNames, 'userId', 'signInId']
/** Most characters of an id that are kept: what there is has shorter ones. */
const idMaxLength = 512

type Ids = { [name: string]: string }

/** What was done is told of these ids in the audit log, in place of those of the request. */
export function noteAbout(request: FastifyRequest, about: Ids): void {
  request.setDecorator<Ids>('about', about)
}

/**
 * From here on each route that does something, or gives the record away, leaves an entry in the audit log once it is done, before
 * it is answered: an answer without an entry there is none.
 */
export function keepAudit(app: FastifyInstance, { writes }: Pick<Context, 'writes'>, auth: ApiAuth): void {
  app.decorateRequest('about', null)
  app.addHook('onRoute', (route) => {
    if (!isAudited(route, auth)) return
    route.preSerialization = async (request, _, payload: unknown) => {
      if (route.method === 'POST') noteMade(request, payload)
      return payload
    }
    route.onSend = async (request, reply, payload) => {
      if (reply.statusCode < 300 && isDeed(request, reply)) await writes.audit.add(toEntry(request))
      return payload
    }
  })
}

function isAudited({ method, schema = {}, onRequest }: RouteOptions, auth: ApiAuth): boolean {
  const takesToken = [auth.any, auth.crawler, auth.reports, auth.bringer, auth.user].some((hook) => hook === onRequest)
  return takesToken && (schema.audited ?? (method !== 'GET' || givesTables(schema.querystring)))
}

function givesTables(querystring: unknown): boolean {
  const { properties = {} } = (querystring ?? {}) as { properties?: { [name: string]: unknown } }
  return 'format' in properties
}

/** Looking at something, or at its head, is none; taking it away as a table is. */
function isDeed({ method, routeOptions }: FastifyRequest, reply: FastifyReply): boolean {
  if (method === 'HEAD') return false
  if (method !== 'GET' || routeOptions.schema?.audited === true) return true
  return !String(reply.getHeader('content-type')).startsWith('application/json')
}

/** What there is since now has an id in the answer alone. */
function noteMade(request: FastifyRequest, payload: unknown): void {
  if (request.getDecorator<Ids | null>('about') === null) noteAbout(request, { ...idsIn(payload), ...idsOf(request) })
}

function toEntry(request: FastifyRequest) {
  const { key, user, participantId: asParticipant = null } = callerOf(request)
  const { participantId = null, ...about } = request.getDecorator<Ids | null>('about') ?? idsOf(request)
  const action = request.routeOptions.schema?.operationId ?? ''
  return {
    keyId: key.keyId,
    action,
    apiKey: key.apiKey,
    asParticipant,
    about,
    participantId,
    userName: user?.name ?? null,
  }
}

function idsOf({ params, query, body, routeOptions }: FastifyRequest): Ids {
  const { id, ...ids } = { ...idsIn(query), ...idsIn(body), ...idsIn(params, pathIdNames) }
  if (id === undefined) return ids
  return routeOptions.url?.startsWith('/v2/people/') ? { ...ids, participantId: id } : { ...ids, id }
}

function idsIn(given: unknown, names = idNames): Ids {
  const known = Object.entries((given ?? {}) as { [name: string]: unknown }).filter(
    (entry): entry is [string, string] => names.includes(entry[0]) && typeof entry[1] === 'string',
  )
  return Object.fromEntries(known.map(([name, id]) => [name, id.slice(0, idMaxLength)]))
}
