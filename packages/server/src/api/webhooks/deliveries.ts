import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  deliveryStates,
  Replayed,
  timeTakes,
  toPageInfo,
  WebhookDelivery,
  WebhookDeliveryPage,
} from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import { parseBefore, parseTime } from '../../runtime/parse-time.ts'
import type { Webhooks } from '../../webhooks/dispatcher.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { scopes } from '../auth/scopes.ts'
import { refusals } from '../http/refusals.ts'
import { PageQuery, toPage } from '../paging/page-query.ts'
import { toDelivery } from '../views/webhook.ts'
import { EndpointPath, refuseUnknownEndpoint, requireEnabledEndpoint, requireEndpoint } from './find-endpoint.ts'

const DeliveryPath = Type.Object({
  ...EndpointPath.properties,
  deliveryId: Type.String({ description: 'the id of a delivery', about: 'The delivery: its `webhook-id`.' }),
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
const DeliveriesToReplay = Type.Object(
  {
    failed: Type.Optional(
      Type.Boolean({ description: 'true or false', about: 'Those alone that were sent and never taken.' }),
    ),
    from: Type.Optional(Type.String({ description: timeTakes, about: 'Those that were due first then or later.' })),
    to: Type.Optional(
      Type.String({
        description: timeTakes,
        about: 'Those that were due first before; of a date alone, until the end of that day.',
      }),
    ),
  },
  { additionalProperties: false },
)

const schemas = {
  listDeliveries: {
    operationId: 'listWebhookDeliveries',
    scopes: scopes(),
    tags: ['Webhooks'],
    summary: 'List what was sent to an endpoint',
    description: 'Or is to be sent: newest first, with what became of it.',
    params: EndpointPath,
    querystring: DeliveryQuery,
    response: { 200: WebhookDeliveryPage, ...refusals('WEBHOOK_NOT_FOUND') },
  },
  replayOne: {
    operationId: 'replayWebhookDelivery',
    tags: ['Webhooks'],
    summary: 'Send one delivery again',
    description: 'Whether it was taken or not: under the same `webhook-id`, with all attempts anew.',
    params: DeliveryPath,
    response: { 200: Replayed, ...refusals('WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND', 'CONFLICT') },
  },
  replay: {
    operationId: 'replayWebhookDeliveries',
    tags: ['Webhooks'],
    summary: 'Send deliveries again',
    description:
      'Those of a time, those that failed, or both together: it takes at least one of its fields. Each is sent under the same `webhook-id` as before.',
    params: EndpointPath,
    body: DeliveriesToReplay,
    response: { 200: Replayed, ...refusals('WEBHOOK_NOT_FOUND', 'CONFLICT') },
  },
  sendTest: {
    operationId: 'sendTestWebhook',
    tags: ['Webhooks'],
    summary: 'Send a test',
    description:
      'A webhook of the type `test`, whatever the endpoint’s `events` are. Its delivery tells what became of it.',
    params: EndpointPath,
    response: { 200: WebhookDelivery, ...refusals('WEBHOOK_NOT_FOUND', 'CONFLICT') },
  },
}

/** What was sent to an endpoint, and sending it again. */
export function webhookDeliveryRoutes(
  { reads, writes }: Pick<Context, 'reads' | 'writes'>,
  { auth, webhooks }: { auth: ApiAuth; webhooks: Pick<Webhooks, 'wake'> },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v2/webhooks/:id/deliveries',
      { onRequest: auth.crawler, schema: schemas.listDeliveries },
      async (request) => {
        const { id, keyId } = await requireEndpoint(reads, callerOf(request), request.params.id)
        const page = toPage(request.query)
        const { state } = request.query
        const filter = { endpointId: id, ...(state !== undefined && { state }) }
        const { deliveries, total } = await reads.deliveries.list(keyId, filter, page)
        return { pageInfo: toPageInfo(page.page, page.perPage, total), data: deliveries.map(toDelivery) }
      },
    )

    const onePath = '/v2/webhooks/:id/deliveries/:deliveryId/replay'
    app.post(onePath, { onRequest: auth.crawler, schema: schemas.replayOne }, async (request) => {
      const { id, keyId } = await requireEnabledEndpoint(reads, callerOf(request), request.params.id)
      const { deliveryId } = request.params
      const replayed = await writes.deliveries.replay({ keyId, filter: { endpointId: id, id: deliveryId } })
      if (replayed === 0)
        throw new Refusal('DELIVERY_NOT_FOUND', `Delivery ${quote(deliveryId)} not found at endpoint ${id}`)
      webhooks.wake(keyId)
      return { replayed }
    })

    app.post('/v2/webhooks/:id/replay', { onRequest: auth.crawler, schema: schemas.replay }, async (request) => {
      const { id, keyId } = await requireEnabledEndpoint(reads, callerOf(request), request.params.id)
      const { failed = false, from, to } = request.body
      if (!failed && from === undefined && to === undefined) {
        throw new Refusal('BAD_REQUEST', 'The body takes failed: true, a time from or to, or both')
      }
      const filter = {
        endpointId: id,
        isFailing: failed,
        ...(from !== undefined && { from: parseTime('from', from) }),
        ...(to !== undefined && { to: parseBefore('to', to) }),
      }
      const replayed = await writes.deliveries.replay({ keyId, filter })
      webhooks.wake(keyId)
      return { replayed }
    })

    app.post('/v2/webhooks/:id/test', { onRequest: auth.crawler, schema: schemas.sendTest }, async (request) => {
      const { id, keyId } = await requireEnabledEndpoint(reads, callerOf(request), request.params.id)
      const delivery = await writes.deliveries.sendTest({ keyId, id })
      webhooks.wake(keyId)
      return toDelivery(delivery ?? refuseUnknownEndpoint(id))
    })
  }
}
