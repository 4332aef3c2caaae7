import { randomBytes } from 'node:crypto'
import type { Webhook } from '@rollcall/protocol'
import { changes, type LoggedChange } from '../changes.ts'
import type { Database } from '../database/database.ts'
import { type Over, query } from '../noun.ts'
import { type SessionOfWebhook, toWebhook, toZoned, webhookTypes, writeWebhook } from './body.ts'
import { listCursors, moveCursors } from './cursors.ts'
import { listEnabledOfRooms, listEnabledOwn, type WebhookEndpoint, webhooks } from './endpoints.ts'
import { historyAfterMs } from './limits.ts'
import { wants } from './patterns.ts'
import { findDelivery, insertDeliveries, type NewDelivery, type WebhookDelivery } from './queue.ts'

/** Most changes that are looked at in one transaction. */
const changesMax = 500

/** How many deliveries were planned, and whether there are changes of which none are yet. */
export type Planned = { deliveries: number; isMore: boolean }

const sessionsOfWebhooks = query<{ keyId: number; ids: string }, SessionOfWebhook>((k, p, { differences }) =>
  k
    .selectFrom('sessions as s')
    .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
    .select(['s.id as sessionId', 's.start_at as startAt', 's.end_at as endAt', 'r.custom_room_id as customRoomId'])
    .where('s.key_id', '=', p.keyId)
    .where(differences.isIn('s.id', p.ids))
    .where('s.start_at', 'is not', null)
    .$narrowType<{ startAt: number }>(),
)

/**
 * Turns changes after each endpoint's cursor into deliveries, about as many as `most`, and moves the cursor, in one transaction
 * of the caller's, at least one change. Endpoints that are at the same place share the reading.
 */
export async function planChanges(over: Over, { keyId, most }: { keyId: number; most: number }): Promise<Planned> {
  const { db } = over
  let [deliveries, isMore] = [0, false]
  const all = await listCursors(db, keyId)
  const limit = Math.min(changesMax, Math.max(1, Math.floor(most / all.length)))
  const places = Map.groupBy(all, ({ seq }) => seq)
  for (const [seq, cursors] of places) {
    const page = await changes.reads.after(over, keyId, seq, limit)
    const last = page.at(-1)
    if (last === undefined) continue
    isMore ||= page.length === limit
    const sessions = await readSessions(db, keyId, unique(page.map(({ sessionId }) => sessionId)))
    for (const { endpointId } of cursors) {
      for (const endpoint of await endpointsAt(over, keyId, endpointId, page)) {
        const planned = planFor(endpoint, page, sessions)
        await insertDeliveries(db, keyId, endpoint.id, planned, over.now())
        deliveries += planned.length
      }
    }
    const ids = cursors.map(({ endpointId }) => endpointId)
    await moveCursors(db, keyId, ids, last.seq)
  }
  return { deliveries, isMore }
}

/** A test of an endpoint, due at once; undefined where there is none. */
export async function planTest(
  over: Over,
  { keyId, id: endpointId }: { keyId: number; id: string },
): Promise<WebhookDelivery | undefined> {
  const { db, now } = over
  if ((await webhooks.reads.find(over, keyId, endpointId)) === undefined) return undefined
  const test = ofNoSession(endpointId, { webhookType: 'test', data: { at: toZoned(now()) } })
  await insertDeliveries(db, keyId, endpointId, [test], now())
  return findDelivery(db, keyId, test.id)
}

/** Tells the key's other endpoints that nothing more is sent to this one. */
export async function planDisabled(
  over: Over,
  { keyId, id: endpointId, roomId, endPoint, disabledReason }: WebhookEndpoint,
  at: number,
): Promise<void> {
  const { db, now } = over
  const data = { endpointId, endPoint, meetingId: roomId, reason: disabledReason ?? '', at: toZoned(at) }
  for (const { id, events } of await listEnabledOwn(over, keyId)) {
    if (!wants(events, 'endpoint-disabled')) continue
    const webhook = ofNoSession(id, { webhookType: 'endpoint-disabled', data })
    await insertDeliveries(db, keyId, id, [webhook], now())
  }
}

async function readSessions(db: Database, keyId: number, sessionIds: string[]): Promise<Map<string, SessionOfWebhook>> {
  const rows = await db.all(sessionsOfWebhooks(db), { keyId, ids: JSON.stringify(sessionIds) })
  return new Map(rows.map((row) => [row.sessionId, row]))
}

/** Nothing has to be before it, or after it. */
function ofNoSession(endpointId: string, webhook: Webhook): NewDelivery {
  const id = `msg_${randomBytes(16).toString('base64url')}`
  return { id, endpointId, seq: 0, sessionId: id, type: webhook.webhookType, body: writeWebhook(webhook) }
}

/** An empty id stands for those of the rooms in which something happened. */
async function endpointsAt(
  over: Over,
  keyId: number,
  endpointId: string,
  page: LoggedChange[],
): Promise<WebhookEndpoint[]> {
  if (endpointId === '') return listEnabledOfRooms(over, keyId, unique(page.map(({ roomId }) => roomId)))
  const own = await webhooks.reads.find(over, keyId, endpointId)
  return own === undefined ? [] : [own]
}

function planFor(
  { id: endpointId, roomId, events }: WebhookEndpoint,
  page: LoggedChange[],
  sessions: Map<string, SessionOfWebhook>,
): NewDelivery[] {
  return page.flatMap((change) => {
    if (change.recordedAt - change.at > historyAfterMs) return []
    const type = webhookTypes[change.type]
    const session = sessions.get(change.sessionId)
    // A session that was erased is told of no more.
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
