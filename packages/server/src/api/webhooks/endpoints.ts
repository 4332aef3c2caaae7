import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  NewWebhookEndpoint,
  toPageInfo,
  WebhookEndpoint,
  WebhookEndpointChanges,
  WebhookEndpointPage,
} from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { FetchFailure, type GuardedFetch } from '../../runtime/guarded-fetch.ts'
import type { Webhooks } from '../../webhooks/dispatcher.ts'
import { endpointsMax, secretOverlapMs } from '../../webhooks/limits.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { scopes } from '../auth/scopes.ts'
import { requireRoom } from '../find.ts'
import { refusals } from '../http/refusals.ts'
import { PageQuery, toPage } from '../paging/page-query.ts'
import { toWebhookEndpoint } from '../views/webhook.ts'
import { EndpointPath, refuseUnknownEndpoint, requireEndpoint } from './find-endpoint.ts'

const EndpointQuery = Type.Object({
  ...PageQuery.properties,
  roomId: Type.Optional(
    Type.String({ description: 'a roomId, customRoomId or id', about: 'The endpoint of this room alone.' }),
  ),
})

const schemas = {
  create: {
    operationId: 'createWebhook',
    tags: ['Webhooks'],
    summary: 'Add an endpoint for webhooks',
    description:
      'It hears of what happens in all rooms of the key from then on. The answer has the secret that `webhook-signature` is made with, this once. Rollcall’s own: VideoSDK has no such call.',
    body: NewWebhookEndpoint,
    response: { 200: WebhookEndpoint, ...refusals('CONFLICT') },
  },
  list: {
    operationId: 'listWebhooks',
    scopes: scopes(),
    tags: ['Webhooks'],
    summary: 'List endpoints for webhooks',
    description: 'Newest first: those of the key, and those that rooms were given when they were made.',
    querystring: EndpointQuery,
    response: { 200: WebhookEndpointPage, ...refusals('ROOM_NOT_FOUND') },
  },
  one: {
    operationId: 'getWebhook',
    scopes: scopes(),
    tags: ['Webhooks'],
    summary: 'Get an endpoint',
    description: 'With how it is: whether it takes what is sent, or was disabled and why.',
    params: EndpointPath,
    response: { 200: WebhookEndpoint, ...refusals('WEBHOOK_NOT_FOUND') },
  },
  update: {
    operationId: 'updateWebhook',
    tags: ['Webhooks'],
    summary: 'Change an endpoint',
    description:
      'Its address, its events, and whether anything is sent: what is not named stays. What is pending when it is enabled again is sent then.',
    params: EndpointPath,
    body: WebhookEndpointChanges,
    response: { 200: WebhookEndpoint, ...refusals('WEBHOOK_NOT_FOUND') },
  },
  rotate: {
    operationId: 'rotateWebhookSecret',
    tags: ['Webhooks'],
    summary: 'Make a new secret',
    description:
      'The answer has it, this once. For a day each webhook has two signatures, the second made with the old secret.',
    params: EndpointPath,
    response: { 200: WebhookEndpoint, ...refusals('WEBHOOK_NOT_FOUND') },
  },
  remove: {
    operationId: 'deleteWebhook',
    tags: ['Webhooks'],
    summary: 'Delete an endpoint',
    description: 'Nothing is sent to it any more, also of what is pending.',
    params: EndpointPath,
    response: { 200: WebhookEndpoint, ...refusals('WEBHOOK_NOT_FOUND') },
  },
}

/** Where webhooks are sent. */
export function webhookEndpointRoutes(
  { reads, writes, clock }: Pick<Context, 'reads' | 'writes' | 'clock'>,
  { auth, guardedFetch, webhooks }: { auth: ApiAuth; guardedFetch: GuardedFetch; webhooks: Pick<Webhooks, 'wake'> },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/v2/webhooks', { onRequest: auth.crawler, schema: schemas.create }, async (request) => {
      const { keyId } = callerOf(request).key
      await checkAddress(request.body.endPoint)
      if ((await reads.webhooks.count(keyId)) >= endpointsMax) {
        throw new Refusal('CONFLICT', `This key has ${endpointsMax} endpoints, which is the most: delete one first`)
      }
      const added = await writes.webhooks.add({ keyId, ...request.body })
      return toWebhookEndpoint(added, clock.now(), { isNew: true })
    })

    app.get('/v2/webhooks', { onRequest: auth.crawler, schema: schemas.list }, async (request) => {
      const caller = callerOf(request)
      const page = toPage(request.query)
      const { roomId: anyId } = request.query
      const filter = anyId === undefined ? {} : { roomId: (await requireRoom(reads, caller, anyId)).roomId }
      const { endpoints, total } = await reads.webhooks.list(caller.key.keyId, filter, page)
      const now = clock.now()
      return {
        pageInfo: toPageInfo(page.page, page.perPage, total),
        data: endpoints.map((endpoint) => toWebhookEndpoint(endpoint, now)),
      }
    })

    app.get('/v2/webhooks/:id', { onRequest: auth.crawler, schema: schemas.one }, async (request) =>
      toWebhookEndpoint(await requireEndpoint(reads, callerOf(request), request.params.id), clock.now()),
    )

    app.patch('/v2/webhooks/:id', { onRequest: auth.crawler, schema: schemas.update }, async (request) => {
      const { id, keyId } = await requireEndpoint(reads, callerOf(request), request.params.id)
      if (request.body.endPoint !== undefined) await checkAddress(request.body.endPoint)
      const changed = await writes.webhooks.update({ keyId, id, ...request.body })
      webhooks.wake(keyId)
      return toWebhookEndpoint(changed ?? refuseUnknownEndpoint(id), clock.now())
    })

    app.post('/v2/webhooks/:id/rotate-secret', { onRequest: auth.crawler, schema: schemas.rotate }, async (request) => {
      const { id, keyId } = await requireEndpoint(reads, callerOf(request), request.params.id)
      const now = clock.now()
      const rotated = await writes.webhooks.rotateSecret({ keyId, id, previousUntil: now + secretOverlapMs })
      return toWebhookEndpoint(rotated ?? refuseUnknownEndpoint(id), now, { isNew: true })
    })

    app.delete('/v2/webhooks/:id', { onRequest: auth.crawler, schema: schemas.remove }, async (request) => {
      const endpoint = await requireEndpoint(reads, callerOf(request), request.params.id)
      if (!(await writes.webhooks.delete(endpoint))) refuseUnknownEndpoint(endpoint.id)
      return toWebhookEndpoint(endpoint, clock.now())
    })
  }

  async function checkAddress(endPoint: string): Promise<void> {
    await guardedFetch.check(endPoint).catch((error) => {
      if (error instanceof FetchFailure) throw new Refusal('BAD_REQUEST', `endPoint is not taken: ${error.message}`)
      throw error
    })
  }
}
