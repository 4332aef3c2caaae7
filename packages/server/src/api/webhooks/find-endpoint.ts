import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import type { WebhookEndpoint } from '../../store/outbox/endpoints.ts'
import type { Caller } from '../auth/caller.ts'

type Reads = Pick<Context['reads'], 'webhooks'>

export const EndpointPath = Type.Object({
  id: Type.String({ description: 'the id of an endpoint', about: 'The endpoint.' }),
})

export async function requireEndpoint(reads: Reads, { key }: Caller, id: string): Promise<WebhookEndpoint> {
  return (await reads.webhooks.find(key.keyId, id)) ?? refuseUnknownEndpoint(id)
}

export async function requireEnabledEndpoint(reads: Reads, caller: Caller, id: string): Promise<WebhookEndpoint> {
  const endpoint = await requireEndpoint(reads, caller, id)
  if (endpoint.disabledAt === null) return endpoint
  throw new Refusal('CONFLICT', `Endpoint ${id} is disabled (${endpoint.disabledReason}): enable it first`)
}

export function refuseUnknownEndpoint(id: string): never {
  throw new Refusal('WEBHOOK_NOT_FOUND', `Webhook endpoint ${quote(id)} not found`)
}
