import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  deliveryStates,
  NewWebhookEndpoint,
  Replayed,
  timeTakes,
  toPageInfo,
  WebhookDelivery,
  WebhookDeliveryPage,
  WebhookEndpoint,
  WebhookEndpointChanges,
  WebhookEndpointPage,
} from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { FetchFailure, type GuardedFetch } from '../runtime/guarded-fetch.ts'
import { parseTime } from '../runtime/parse-time.ts'
import type { WebhookEndpoint as EndpointRow } from '../store/outbox/endpoints.ts'
import type { Webhooks } from '../webhooks/dispatcher.ts'
import { endpointsMax, secretOverlapMs } from '../webhooks/limits.ts'
import { type ApiAuth, type Caller, callerOf } from './auth/auth.ts'
import { requireRoom } from './find.ts'
import { refusals } from './http/refusals.ts'
import { PageQuery, toPage } from './paging/page-query.ts'
import { toDelivery, toWebhookEndpoint } from './views/webhook.ts'

const id = Type.String({ description: 'the id of an endpoint', about: 'The endpoint.' })
const EndpointPath = Type.Object({ id })
const DeliveryPath = Type.Object({
  id,
  deliveryId: Type.String({ description: 'the id of a delivery', about: 'The delivery: its `webhook-id`.' }),
})
const EndpointQuery = Type.Object({
  ...PageQuery.properties,
  roomId: Type.Optional(
    Type.String({ description: 'a roomId, customRoomId or id', about: 'The endpoint of this room alone.' }),
  ),
})
const DeliveryQuery = Type.Object({
  ...PageQuery.properties,
  state: Type.Optional(
    Type.Union(
      deliveryStates.map((state) => Type.Literal(state)),
      { description: 'pending, delivered or parked', about: 'Those alone.' },
    ),
  ),
})
const ToReplay = Type.Object({
  failed: Type.Optional(
    Type.Boolean({ description: 'true or false', about: 'Those alone that were sent and never taken.' }),
  ),
  from: Type.Optional(Type.String({ description: timeTakes, about: 'Those that were due first then or later.' })),
  to: Type.Optional(Type.String({ description: timeTakes, about: 'Those that were due first before.' })),
})

/** Where webhooks are sent, what became of them, and sending them again. */
export function webhookRoutes(
  { reads, writes, clock }: Pick<Context, 'reads' | 'writes' | 'clock'>,
  { auth, guardedFetch, webhooks }: { auth: ApiAuth; guardedFetch: GuardedFetch; webhooks: Pick<Webhooks, 'wake'> },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const create = {
      operationId: 'createWebhook',
      tags: ['Webhooks'],
      summary: 'Add an endpoint for webhooks',
      description:
        'It hears of what happens in all rooms of the key from then on. The answer has the secret that `webhook-signature` is made with, this once. Rollcall’s own: VideoSDK has no such call.',
      body: NewWebhookEndpoint,
      response: { 200: WebhookEndpoint, ...refusals('CONFLICT') },
    }
    app.post('/v2/webhooks', { onRequest: auth.crawler, schema: create }, async (request) => {
      const { keyId } = callerOf(request).key
      await checkAddress(request.body.endPoint)
      if ((await reads.webhooks.count(keyId)) >= endpointsMax) {
        throw new Refusal('CONFLICT', `This key has ${endpointsMax} endpoints, which is the most: delete one first`)
      }
      const added = await writes.webhooks.add({ keyId, ...request.body })
      return toWebhookEndpoint(added, clock.now(), { isNew: true })
    })

    const list = {
      operationId: 'listWebhooks',
      tags: ['Webhooks'],
      summary: 'List endpoints for webhooks',
      description: 'Newest first: those of the key, and those that rooms were given when they were made.',
      querystring: EndpointQuery,
      response: { 200: WebhookEndpointPage, ...refusals('ROOM_NOT_FOUND') },
    }
    app.get('/v2/webhooks', { onRequest: auth.crawler, schema: list }, async (request) => {
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

    const one = {
      operationId: 'getWebhook',
      tags: ['Webhooks'],
      summary: 'Get an endpoint',
      description: 'With how it is: whether it takes what is sent, or was disabled and why.',
      params: EndpointPath,
      response: { 200: WebhookEndpoint, ...refusals('WEBHOOK_NOT_FOUND') },
    }
    app.get('/v2/webhooks/:id', { onRequest: auth.crawler, schema: one }, async (request) =>
      toWebhookEndpoint(await requireEndpoint(callerOf(request), request.params.id), clock.now()),
    )

    const update = {
      operationId: 'updateWebhook',
      tags: ['Webhooks'],
      summary: 'Change an endpoint',
      description:
        'Its address, its events, and whether anything is sent: what is not named stays. What is pending when it is enabled again is sent then.',
      params: EndpointPath,
      body: WebhookEndpointChanges,
      response: { 200: WebhookEndpoint, ...refusals('WEBHOOK_NOT_FOUND') },
    }
    app.patch('/v2/webhooks/:id', { onRequest: auth.crawler, schema: update }, async (request) => {
      const { id, keyId } = await requireEndpoint(callerOf(request), request.params.id)
      if (request.body.endPoint !== undefined) await checkAddress(request.body.endPoint)
      const changed = await writes.webhooks.update({ keyId, id, ...request.body })
      webhooks.wake(keyId)
      return toWebhookEndpoint(changed ?? refuseUnknown(id), clock.now())
    })

    const rotate = {
      operationId: 'rotateWebhookSecret',
      tags: ['Webhooks'],
      summary: 'Make a new secret',
      description:
        'The answer has it, this once. For a day each webhook has two signatures, the second made with the old secret.',
      params: EndpointPath,
      response: { 200: WebhookEndpoint, ...refusals('WEBHOOK_NOT_FOUND') },
    }
    app.post('/v2/webhooks/:id/rotate-secret', { onRequest: auth.crawler, schema: rotate }, async (request) => {
      const { id, keyId } = await requireEndpoint(callerOf(request), request.params.id)
      const now = clock.now()
      const rotated = await writes.webhooks.rotateSecret({ keyId, id, previousUntil: now + secretOverlapMs })
      return toWebhookEndpoint(rotated ?? refuseUnknown(id), now, { isNew: true })
    })

    const remove = {
      operationId: 'deleteWebhook',
      tags: ['Webhooks'],
      summary: 'Delete an endpoint',
      description: 'Nothing is sent to it any more, also of what is pending.',
      params: EndpointPath,
      response: { 200: WebhookEndpoint, ...refusals('WEBHOOK_NOT_FOUND') },
    }
    app.delete('/v2/webhooks/:id', { onRequest: auth.crawler, schema: remove }, async (request) => {
      const endpoint = await requireEndpoint(callerOf(request), request.params.id)
      if (!(await writes.webhooks.delete(endpoint))) refuseUnknown(endpoint.id)
      return toWebhookEndpoint(endpoint, clock.now())
    })

    const listDeliveries = {
      operationId: 'listWebhookDeliveries',
      tags: ['Webhooks'],
      summary: 'List what was sent to an endpoint',
      description: 'Or is to be sent: newest first, with what became of it.',
      params: EndpointPath,
      querystring: DeliveryQuery,
      response: { 200: WebhookDeliveryPage, ...refusals('WEBHOOK_NOT_FOUND') },
    }
    app.get('/v2/webhooks/:id/deliveries', { onRequest: auth.crawler, schema: listDeliveries }, async (request) => {
      const { id, keyId } = await requireEndpoint(callerOf(request), request.params.id)
      const page = toPage(request.query)
      const { state } = request.query
      const filter = { endpointId: id, ...(state !== undefined && { state }) }
      const { deliveries, total } = await reads.deliveries.list(keyId, filter, page)
      return { pageInfo: toPageInfo(page.page, page.perPage, total), data: deliveries.map(toDelivery) }
    })

    const replayOne = {
      operationId: 'replayWebhookDelivery',
      tags: ['Webhooks'],
      summary: 'Send one delivery again',
      description: 'Whether it was taken or not: under the same `webhook-id`, with all attempts anew.',
      params: DeliveryPath,
      response: { 200: Replayed, ...refusals('WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND', 'CONFLICT') },
    }
    const onePath = '/v2/webhooks/:id/deliveries/:deliveryId/replay'
    app.post(onePath, { onRequest: auth.crawler, schema: replayOne }, async (request) => {
      const { id, keyId } = await requireEnabled(callerOf(request), request.params.id)
      const { deliveryId } = request.params
      const replayed = await writes.deliveries.replay({ keyId, filter: { endpointId: id, id: deliveryId } })
      if (replayed === 0) throw new Refusal('DELIVERY_NOT_FOUND', `Delivery ${deliveryId} not found at endpoint ${id}`)
      webhooks.wake(keyId)
      return { replayed }
    })

    const replay = {
      operationId: 'replayWebhookDeliveries',
      tags: ['Webhooks'],
      summary: 'Send deliveries again',
      description:
        'Those of a time, those that failed, or both together: it takes at least one of its fields. Each is sent under the same `webhook-id` as before.',
      params: EndpointPath,
      body: ToReplay,
      response: { 200: Replayed, ...refusals('WEBHOOK_NOT_FOUND', 'CONFLICT') },
    }
    app.post('/v2/webhooks/:id/replay', { onRequest: auth.crawler, schema: replay }, async (request) => {
      const { id, keyId } = await requireEnabled(callerOf(request), request.params.id)
      const { failed = false, from, to } = request.body
      if (!failed && from === undefined && to === undefined) {
        throw new Refusal('BAD_REQUEST', 'The body takes failed: true, a time from or to, or both')
      }
      const filter = {
        endpointId: id,
        isFailing: failed,
        ...(from !== undefined && { from: parseTime('from', from) }),
        ...(to !== undefined && { to: parseTime('to', to) }),
      }
      const replayed = await writes.deliveries.replay({ keyId, filter })
      webhooks.wake(keyId)
      return { replayed }
    })

    const sendTest = {
      operationId: 'sendTestWebhook',
      tags: ['Webhooks'],
      summary: 'Send a test',
      description:
        'A webhook of the type `test`, whatever the endpoint’s `events` are. Its delivery tells what became of it.',
      params: EndpointPath,
      response: { 200: WebhookDelivery, ...refusals('WEBHOOK_NOT_FOUND', 'CONFLICT') },
    }
    app.post('/v2/webhooks/:id/test', { onRequest: auth.crawler, schema: sendTest }, async (request) => {
      const { id, keyId } = await requireEnabled(callerOf(request), request.params.id)
      const delivery = await writes.deliveries.sendTest({ keyId, id })
      webhooks.wake(keyId)
      return toDelivery(delivery ?? refuseUnknown(id))
    })
  }

  async function checkAddress(endPoint: string): Promise<void> {
    await guardedFetch.check(endPoint).catch((error) => {
      if (error instanceof FetchFailure) throw new Refusal('BAD_REQUEST', `endPoint is not taken: ${error.message}`)
      throw error
    })
  }

  async function requireEndpoint({ key }: Caller, id: string): Promise<EndpointRow> {
    return (await reads.webhooks.find(key.keyId, id)) ?? refuseUnknown(id)
  }

  async function requireEnabled(caller: Caller, id: string): Promise<EndpointRow> {
    const endpoint = await requireEndpoint(caller, id)
    if (endpoint.disabledAt === null) return endpoint
    throw new Refusal('CONFLICT', `Endpoint ${id} is disabled (${endpoint.disabledReason}): enable it first`)
  }
}

function refuseUnknown(id: string): never {
  throw new Refusal('WEBHOOK_NOT_FOUND', `Webhook endpoint ${id} not found`)
}
