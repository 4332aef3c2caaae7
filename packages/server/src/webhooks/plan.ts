import { randomBytes } from 'node:crypto'
import type { NumberedChange } from '@rollcall/protocol'
import type { ChangeReads } from '../store/changes.ts'
import type { WebhookDelivery, WebhookEndpoint } from '../store/rows.ts'
import type { NewDelivery, ToldSession, WebhookStore } from '../store/webhooks.ts'
import { webhookTypes, writeBody, writeTestBody } from './body.ts'
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
  const id = `msg_test_${randomBytes(16).toString('base64url')}`
  const test = { id, endpointId, seq: 0, sessionId: id, type: 'test', body: writeTestBody(at) }
  await webhooks.insertDeliveries(keyId, endpointId, [test])
  return webhooks.findDelivery(keyId, id)
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
    return { id: `msg_${endpointId}_${seq}`, endpointId, seq, sessionId, type, body: writeBody(change, session) }
  })
}

function unique(ids: string[]): string[] {
  return [...new Set(ids)]
}
