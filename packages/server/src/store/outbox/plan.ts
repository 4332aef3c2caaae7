import { randomBytes } from 'node:crypto'
import type { Webhook } from '@rollcall/protocol'
import type { ChangeReads, LoggedChange } from '../changes.ts'
import type { WebhookDelivery, WebhookEndpoint } from '../rows.ts'
import type { Planned } from '../store.ts'
import { toWebhook, toZoned, webhookTypes, writeWebhook } from './body.ts'
import type { NewDelivery, ToldSession, WebhookStore } from './deliveries.ts'
import { historyAfterMs } from './limits.ts'
import { wants } from './patterns.ts'

/** Most changes that are looked at in one transaction. */
const changesMax = 500

/**
 * Turns changes after each endpoint's cursor into deliveries, about as many as `most`, and moves the cursor, in one transaction of
 * the caller's, at least one change. Endpoints that are at the same place share the reading.
 */
export async function planWebhooks(
  { webhooks, changes }: { webhooks: WebhookStore; changes: ChangeReads },
  keyId: number,
  most: number,
): Promise<Planned> {
  let [deliveries, isMore] = [0, false]
  const all = await webhooks.listCursors(keyId)
  const limit = Math.min(changesMax, Math.max(1, Math.floor(most / all.length)))
  const places = Map.groupBy(all, ({ seq }) => seq)
  for (const [seq, cursors] of places) {
    const page = await changes.after(keyId, seq, limit)
    const last = page.at(-1)
    if (last === undefined) continue
    isMore ||= page.length === limit
    const sessions = new Map<string, ToldSession>()
    for (const told of await webhooks.tellSessions(keyId, unique(page.map(({ sessionId }) => sessionId)))) {
      sessions.set(told.sessionId, told)
    }
    for (const { endpointId } of cursors) {
      for (const endpoint of await endpointsAt(webhooks, keyId, endpointId, page)) {
        const planned = planFor(endpoint, page, sessions)
        await webhooks.insertDeliveries(keyId, endpoint.id, planned)
        deliveries += planned.length
      }
    }
    const ids = cursors.map(({ endpointId }) => endpointId)
    await webhooks.moveCursors(keyId, ids, last.seq)
  }
  return { deliveries, isMore }
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
  page: LoggedChange[],
): Promise<WebhookEndpoint[]> {
  if (endpointId === '') return webhooks.listOfRooms(keyId, unique(page.map(({ roomId }) => roomId)))
  const own = await webhooks.find(keyId, endpointId)
  return own === undefined ? [] : [own]
}

function planFor(
  { id: endpointId, roomId, events }: WebhookEndpoint,
  page: LoggedChange[],
  sessions: Map<string, ToldSession>,
): NewDelivery[] {
  return page.flatMap((change) => {
    if (change.recordedAt - change.at > historyAfterMs) return []
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
