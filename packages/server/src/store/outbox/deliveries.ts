import type { DeliveryState } from '@rollcall/protocol'
import { toOrigins } from '../database/columns.ts'
import type { Database } from '../database/database.ts'
import { type Page, toLimit } from '../database/page.ts'
import { noun, type Over, query } from '../noun.ts'
import { isAnyBehind } from './cursors.ts'
import { type WebhookEndpoint, webhooks } from './endpoints.ts'
import { settleLanes } from './lanes.ts'
import { planChanges, planTest } from './plan.ts'
import { type DeliveryRow, deliveryColumns, toDelivery, type WebhookDelivery } from './queue.ts'
import { settleAttempt } from './settle.ts'
import { summarise } from './summary.ts'

/** Of one endpoint. Times are epoch milliseconds, of when a delivery was due first: from inclusive, to exclusive. */
export type DeliveryFilter = {
  endpointId: string
  id?: string
  state?: DeliveryState
  /** Was sent, and never taken. */
  isFailing?: boolean
  from?: number
  to?: number
}

/** `origins`: the records whose webhooks the source of its session brings. */
export type DueDelivery = { delivery: WebhookDelivery; endpoint: WebhookEndpoint; origins: string[] }

// The index of what is to be sent has the endpoints in order: one step of it, however much waits.
const waitingEndpoint = query<{ keyId: number; after: string }, { endpointId: string; at: number }>((k, p) =>
  k
    .selectFrom('webhook_deliveries')
    .select(['endpoint_id as endpointId', 'next_at as at'])
    .where('key_id', '=', p.keyId)
    .where('next_at', 'is not', null)
    .where('endpoint_id', '>', p.after)
    .orderBy('endpoint_id')
    .orderBy('next_at')
    .limit(1)
    .$narrowType<{ at: number }>(),
)
type OfEndpoint = { keyId: number; endpointId: string }
const due = query<OfEndpoint & { at: number; limit: number }, DeliveryRow & { origins: string | null }>((k, p) =>
  k
    .selectFrom('webhook_deliveries as d')
    .leftJoin('sessions as s', (join) => join.onRef('s.key_id', '=', 'd.key_id').onRef('s.id', '=', 'd.session_id'))
    .leftJoin('sources as o', (join) => join.onRef('o.key_id', '=', 's.key_id').onRef('o.id', '=', 's.source'))
    .select(deliveryColumns)
    .select('o.origins')
    .where('d.key_id', '=', p.keyId)
    .where('d.endpoint_id', '=', p.endpointId)
    .where('d.next_at', 'is not', null)
    .where('d.next_at', '<=', p.at)
    .orderBy('d.next_at')
    .orderBy('d.seq')
    .limit(p.limit),
)
const setPending = query<{ keyId: number; ids: string; state: DeliveryState }>((k, p, { differences }) =>
  k
    .updateTable('webhook_deliveries')
    .set({ state: p.state, attempts: 0, next_at: null })
    .where('key_id', '=', p.keyId)
    .where(differences.isIn('id', p.ids)),
)

/** Webhooks on their way, planned from the log of changes. */
export const deliveries = noun({
  reads: {
    /** Newest first. */
    async list(
      { db }: Over,
      keyId: number,
      filter: DeliveryFilter,
      page: Page,
    ): Promise<{ deliveries: WebhookDelivery[]; total: number }> {
      const found = filtered(db, keyId, filter)
      const { total } = await found.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
      const { limit, offset } = toLimit(page)
      const rows = await found
        .select(deliveryColumns)
        .orderBy('d.created_at', 'desc')
        .orderBy('d.seq', 'desc')
        .orderBy('d.id', 'desc')
        .limit(limit)
        .offset(offset)
        .execute()
      return { deliveries: rows.map(toDelivery), total: Number(total) }
    },
    isAnyToPlan: isAnyBehind,
    /** The first endpoint after this one from which something is to be sent at some time, and when that is. */
    async findWaitingEndpoint(
      { db }: Over,
      keyId: number,
      after: string,
    ): Promise<{ endpointId: string; at: number } | undefined> {
      return (await db.all(waitingEndpoint(db), { keyId, after }))[0]
    },
    /** Of an enabled endpoint those whose time has come, the longest due first. */
    async listDue(over: Over, keyId: number, endpointId: string, at: number, limit: number): Promise<DueDelivery[]> {
      const endpoint = await webhooks.reads.find(over, keyId, endpointId)
      if (endpoint === undefined || endpoint.disabledAt !== null) return []
      const rows = await over.db.all(due(over.db), { keyId, endpointId, at, limit })
      return rows.map(({ origins, ...row }) => ({ delivery: toDelivery(row), endpoint, origins: toOrigins(origins) }))
    },
    summarise,
  },
  writes: {
    plan: planChanges,
    settle: settleAttempt,
    /** Sends deliveries again, as if they were new. Gives how many. */
    async replay(over: Over, { keyId, filter }: { keyId: number; filter: DeliveryFilter }): Promise<number> {
      const { db, now } = over
      const { endpointId } = filter
      const rows = await filtered(db, keyId, filter).select(['d.id', 'd.session_id as sessionId']).execute()
      if (rows.length === 0) return 0
      await db.run(setPending(db), { keyId, ids: JSON.stringify(rows.map(({ id }) => id)), state: 'pending' })
      const endpoint = await webhooks.reads.find(over, keyId, endpointId)
      const sessionIds = [...new Set(rows.map(({ sessionId }) => sessionId))]
      if (endpoint?.disabledAt === null) await settleLanes(db, now(), { keyId, endpointId }, sessionIds)
      return rows.length
    },
    sendTest: planTest,
  },
  replicated: ['list', 'summarise'],
})

function filtered(db: Database, keyId: number, { endpointId, id, state, isFailing, from, to }: DeliveryFilter) {
  let found = db.kysely
    .selectFrom('webhook_deliveries as d')
    .where('d.key_id', '=', keyId)
    .where('d.endpoint_id', '=', endpointId)
  if (id !== undefined) found = found.where('d.id', '=', id)
  if (state !== undefined) found = found.where('d.state', '=', state)
  if (isFailing === true) found = found.where('d.state', '!=', 'delivered').where('d.attempts', '>', 0)
  if (from !== undefined) found = found.where('d.created_at', '>=', from)
  if (to !== undefined) found = found.where('d.created_at', '<', to)
  return found
}
