import { randomBytes } from 'node:crypto'
import type { NumberedChange, Webhook } from '@rollcall/protocol'
import type { ChangeReads } from '../store/changes.ts'
import type { WebhookDelivery, WebhookEndpoint } from '../store/rows.ts'
import type { NewDelivery, ToldSession, WebhookStore } from '../store/webhooks.ts'
import { toWebhook, toZoned, webhookTypes, writeWebhook } from './body.ts'
import { wants } from './events.ts'

/** Most changes planned in one transaction. */
const planMax = 500

/**
 * Turns the changes after each endpoint's cursor into deliveries, and moves the cursor, in one transaction of the caller's.
 * Endpoints that are at the same place share the reading. True where there are more.
 */
export async function planWebhooks(
  { webhooks, changes }: { webhooks: WebhookStore; changes: ChangeReads },
  keyId: number,
): Promise<boolean> {
  let isMore = false
  const places = Map.groupBy(await webhooks.listCursors(keyId), ({ seq }) => seq)
  for (const [seq, cursors] of places) {
    const page = await changes.after(keyId, seq, planMax)
    const last = page.at(-1)
    if (last === undefined) continue
    isMore ||= page.length === planMax
    const sessions = new Map<string, ToldSession>()
    for (const told of await webhooks.tellSessions(keyId, unique(page.map(({ sessionId }) => sessionId)))) {
      sessions.set(told.sessionId, told)
    }
    for (const { endpointId } of cursors) {
      for (const endpoint of await endpointsAt(webhooks, keyId, endpointId, page)) {
        await webhooks.insertDeliveries(keyId, endpoint.id, planFor(endpoint, page, sessions))
      }
    }
    const ids = cursors.map(({ endpointId }) => endpointId)
    await webhooks.moveCursors(keyId, ids, last.seq)
  }
  return isMore
}

/** A test of an endpoint, due at once; undefined where there is none. */
export async function planTest(
  webhooks: WebhookStore,
  keyId: number,
  endpointId: string,
  at: number,
): Promise<WebhookDelivery | undefined> {
  if ((await webhooks.find(keyId, endpointId)) === undefined) return undefined
  const test = ofNoSession(endpointId, { webhookType: 'test', data: { at: toZoned(at) } })
  await webhooks.insertDeliveries(keyId, endpointId, [test])
  return webhooks.findDelivery(keyId, test.id)
}

/** Tells the key's other endpoints that nothing more is sent to this one. */
export async function planDisabled(
  webhooks: WebhookStore,
  { keyId, id: endpointId, roomId, endPoint, disabledReason }: WebhookEndpoint,
  at: number,
): Promise<void> {
  const data = { endpointId, endPoint, meetingId: roomId, reason: disabledReason ?? '', at: toZoned(at) }
  for (const { id, events } of await webhooks.listEnabledOwn(keyId)) {
    if (!wants(events, 'endpoint-disabled')) continue
    await webhooks.insertDeliveries(keyId, id, [ofNoSession(id, { webhookType: 'endpoint-disabled', data })])
  }
}

/** Nothing has to be before it, or after it. */
function ofNoSession(endpointId: string, webhook: Webhook): NewDelivery {
  const id = `msg_${randomBytes(16).toString('base64url')}`
  return { id, endpointId, seq: 0, sessionId: id, type: webhook.webhookType, body: writeWebhook(webhook) }
}

/** An empty id stands for those of the rooms in which something happened. */
async function endpointsAt(
  webhooks: WebhookStore,
  keyId: number,
  endpointId: string,
  page: NumberedChange[],
): Promise<WebhookEndpoint[]> {
  if (endpointId === '') return webhooks.listOfRooms(keyId, unique(page.map(({ roomId }) => roomId)))
  const own = await webhooks.find(keyId, endpointId)
  return own === undefined ? [] : [own]
}

function planFor(
  { id: endpointId, roomId, events }: WebhookEndpoint,
  page: NumberedChange[],
  sessions: Map<string, ToldSession>,
): NewDelivery[] {
  return page.flatMap((change) => {
    const type = webhookTypes[change.type]
    const session = sessions.get(change.sessionId)
    // A session that was erased is not told of any more.
    if (session === undefined || (roomId !== null && roomId !== change.roomId) || !wants(events, type)) return []
    const { seq, sessionId } = change
    return {
      id: `msg_${endpointId}_${seq}`,
      endpointId,
      seq,
      sessionId,
      type,
      body: writeWebhook(toWebhook(change, session)),
    }
  })
}

function unique(ids: string[]): string[] {
  return [...new Set(ids)]
}
