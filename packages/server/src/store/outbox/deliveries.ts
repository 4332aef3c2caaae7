import { randomBytes } from 'node:crypto'
import type { DeliveryState } from '@rollcall/protocol'
import { type Insertable, sql } from 'kysely'
import { compile, type Database } from '../database/database.ts'
import type { SecretBox } from '../database/secrets.ts'
import type { Tables } from '../database/tables.ts'
import type { Room, WebhookDelivery, WebhookEndpoint } from '../rows.ts'
import type { Attempt, DeliveryFilter, DueDelivery, Page, WebhookSummary, Writes } from '../store.ts'

/** Most webhooks of one session that its summary lists one by one. */
const summarisedMax = 100

/** Up to which change the webhooks of an endpoint are planned; `endpointId` empty: those of all rooms together. */
export type WebhookCursor = { endpointId: string; seq: number }

/** What a webhook says of its session. */
export type ToldSession = { sessionId: string; startAt: number; endAt: number | null; customRoomId: string | null }

export type NewDelivery = Pick<WebhookDelivery, 'id' | 'endpointId' | 'seq' | 'sessionId' | 'type' | 'body'>

type AttemptOutcome = Omit<Attempt, 'retryAfterMs'>

export type WebhookStore = Pick<Writes, 'addWebhook' | 'updateWebhook' | 'rotateWebhookSecret' | 'deleteWebhook'> & {
  /** Keys that have or had an endpoint. */
  listKeys(): Promise<number[]>
  find(keyId: number, id: string): Promise<WebhookEndpoint | undefined>
  list(keyId: number, filter: { roomId?: string }, page: Page): Promise<{ endpoints: WebhookEndpoint[]; total: number }>
  /** Endpoints of the key itself, not of its rooms: enabled ones. */
  listEnabledOwn(keyId: number): Promise<WebhookEndpoint[]>
  countOwn(keyId: number): Promise<number>
  /** The endpoint that a new room's `webhook` is. */
  addOfRoom(room: Room): Promise<void>
  isAnythingToPlan(keyId: number): Promise<boolean>
  listCursors(keyId: number): Promise<WebhookCursor[]>
  moveCursors(keyId: number, endpointIds: string[], seq: number): Promise<void>
  /** Enabled ones. */
  listOfRooms(keyId: number, roomIds: string[]): Promise<WebhookEndpoint[]>
  tellSessions(keyId: number, sessionIds: string[]): Promise<ToldSession[]>
  /** In order: of each session the first is due, where nothing of that session is pending. */
  insertDeliveries(keyId: number, endpointId: string, deliveries: NewDelivery[]): Promise<void>
  findWaitingEndpoint(keyId: number, after: string): Promise<{ endpointId: string; at: number } | undefined>
  /** Enabled endpoint's deliveries whose time has come, the longest due first. */
  listDue(keyId: number, endpointId: string, at: number, limit: number): Promise<DueDelivery[]>
  findDelivery(keyId: number, id: string): Promise<WebhookDelivery | undefined>
  listDeliveries(
    keyId: number,
    filter: DeliveryFilter,
    page: Page,
  ): Promise<{ deliveries: WebhookDelivery[]; total: number }>
  noteAttempt(
    delivery: WebhookDelivery,
    attempt: Pick<WebhookDelivery, 'state' | 'attempts' | 'nextAt' | keyof AttemptOutcome>,
  ): Promise<void>
  /** Lets the first of what is pending of a session go, and the others wait for it. */
  settleLane(lane: Pick<WebhookDelivery, 'keyId' | 'endpointId' | 'sessionId'>): Promise<void>
  setFailingSince(keyId: number, endpointId: string, since: number | null): Promise<void>
  /** Nothing more is sent there: what is pending stays so. */
  disable(keyId: number, endpointId: string, reason: string): Promise<void>
  /** Makes deliveries pending again, as if they were new. Gives how many. */
  replay(keyId: number, filter: DeliveryFilter): Promise<number>
  summarise(keyId: number, sessionIds: string[]): Promise<Map<string, WebhookSummary>>
}

const endpointColumns = [
  'e.key_id as keyId',
  'e.id',
  'e.room_id as roomId',
  'e.end_point as endPoint',
  'e.events_json as eventsJson',
  'e.secret',
  'e.previous_secret as previousSecret',
  'e.previous_until as previousUntil',
  'e.disabled_at as disabledAt',
  'e.disabled_reason as disabledReason',
  'e.failing_since as failingSince',
  'e.created_at as createdAt',
  'e.updated_at as updatedAt',
] as const

const deliveryColumns = [
  'd.key_id as keyId',
  'd.id',
  'd.endpoint_id as endpointId',
  'd.seq',
  'd.session_id as sessionId',
  'd.type',
  'd.body',
  'd.state',
  'd.attempts',
  'd.next_at as nextAt',
  'd.created_at as createdAt',
  'd.attempted_at as attemptedAt',
  'd.duration_ms as durationMs',
  'd.status',
  'd.answer',
  'd.error',
] as const

type EndpointRow = Omit<WebhookEndpoint, 'events'> & { eventsJson: string }
type DeliveryRow = Omit<WebhookDelivery, 'state'> & { state: string }

export function createWebhookStore(db: Database, box: SecretBox, now: () => number): WebhookStore {
  const k = db.kysely
  const { texts } = db.differences
  const toEndpoint = ({ eventsJson, ...row }: EndpointRow): WebhookEndpoint => ({
    ...row,
    events: JSON.parse(eventsJson) as string[],
    secret: box.open(row.secret),
    previousSecret: row.previousSecret === null ? null : box.open(row.previousSecret),
  })
  const endpoints = k.selectFrom('webhook_endpoints as e').select(endpointColumns).where('e.deleted_at', 'is', null)
  const deliveries = k.selectFrom('webhook_deliveries as d').select(deliveryColumns)

  type OfEndpoint = { keyId: number; endpointId: string }
  const findOne = compile<OfEndpoint, EndpointRow>((p) =>
    endpoints.where('e.key_id', '=', p.keyId).where('e.id', '=', p.endpointId),
  )
  const liveCursors = compile<{ keyId: number }, WebhookCursor>((p) =>
    k
      .selectFrom('webhook_cursors as c')
      .leftJoin('webhook_endpoints as e', (join) =>
        join.onRef('e.key_id', '=', 'c.key_id').onRef('e.id', '=', 'c.endpoint_id'),
      )
      .select(['c.endpoint_id as endpointId', 'c.seq'])
      .where('c.key_id', '=', p.keyId)
      .where('e.disabled_at', 'is', null)
      .where('e.deleted_at', 'is', null),
  )
  const lastSeq = compile<{ keyId: number }, { seq: number }>((p) =>
    k.selectFrom('counters').select('change_seq as seq').where('key_id', '=', p.keyId),
  )
  const moveCursors = compile<{ keyId: number; ids: string; seq: number }, unknown>((p) =>
    k
      .updateTable('webhook_cursors')
      .set({ seq: p.seq })
      .where('key_id', '=', p.keyId)
      .where('endpoint_id', 'in', texts(p.ids)),
  )
  const ofRooms = compile<{ keyId: number; ids: string }, EndpointRow>((p) =>
    endpoints
      .where('e.key_id', '=', p.keyId)
      .where('e.room_id', 'in', texts(p.ids))
      .where('e.disabled_at', 'is', null)
      .orderBy('e.id'),
  )
  const toldSessions = compile<{ keyId: number; ids: string }, ToldSession>((p) =>
    k
      .selectFrom('sessions as s')
      .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
      .select(['s.id as sessionId', 's.start_at as startAt', 's.end_at as endAt', 'r.custom_room_id as customRoomId'])
      .where('s.key_id', '=', p.keyId)
      .where('s.id', 'in', texts(p.ids))
      .where('s.start_at', 'is not', null)
      .$narrowType<{ startAt: number }>(),
  )
  const pendingLanes = compile<OfEndpoint & { ids: string }, { sessionId: string }>((p) =>
    k
      .selectFrom('webhook_deliveries')
      .select('session_id as sessionId')
      .distinct()
      .where('key_id', '=', p.keyId)
      .where('endpoint_id', '=', p.endpointId)
      .where('state', '=', sql.lit('pending'))
      .where('session_id', 'in', texts(p.ids)),
  )
  // The index of what is to be sent has the endpoints in order: one step of it, however much waits.
  const waitingEndpoint = compile<{ keyId: number; after: string }, { endpointId: string; at: number }>((p) =>
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
  const due = compile<OfEndpoint & { at: number; limit: number }, DeliveryRow>((p) =>
    deliveries
      .where('d.key_id', '=', p.keyId)
      .where('d.endpoint_id', '=', p.endpointId)
      .where('d.next_at', 'is not', null)
      .where('d.next_at', '<=', p.at)
      .orderBy('d.next_at')
      .orderBy('d.seq')
      .limit(p.limit),
  )
  const findDelivery = compile<{ keyId: number; id: string }, DeliveryRow>((p) =>
    deliveries.where('d.key_id', '=', p.keyId).where('d.id', '=', p.id),
  )
  type Lane = OfEndpoint & { sessionId: string; now: number }
  const firstOf = (p: OfEndpoint & { sessionId: string }) =>
    k
      .selectFrom('webhook_deliveries')
      .select((eb) => eb.fn.min('seq').as('seq'))
      .where('key_id', '=', p.keyId)
      .where('endpoint_id', '=', p.endpointId)
      .where('session_id', '=', p.sessionId)
      .where('state', '=', sql.lit('pending'))
  const inLane = (p: Lane) =>
    k
      .updateTable('webhook_deliveries')
      .where('key_id', '=', p.keyId)
      .where('endpoint_id', '=', p.endpointId)
      .where('session_id', '=', p.sessionId)
      .where('state', '=', sql.lit('pending'))
  const letFirstGo = compile<Lane, unknown>((p) =>
    inLane(p).set({ next_at: p.now }).where('next_at', 'is', null).where('seq', '=', firstOf(p)),
  )
  const holdOthers = compile<Lane, unknown>((p) =>
    inLane(p).set({ next_at: null }).where('next_at', 'is not', null).where('seq', '>', firstOf(p)),
  )
  type OfSessions = { keyId: number; ids: string }
  const counts = compile<OfSessions, { sessionId: string; total: number; success: number }>((p) =>
    k
      .selectFrom('webhook_deliveries')
      .select((eb) => [
        'session_id as sessionId',
        eb.fn.countAll<number>().as('total'),
        sql<number>`count(case when state = 'delivered' then 1 end)`.as('success'),
      ])
      .where('key_id', '=', p.keyId)
      .where('session_id', 'in', texts(p.ids))
      .groupBy('session_id'),
  )
  const firstTold = compile<OfSessions, { sessionId: string; type: string; state: string }>((p) =>
    k
      .selectFrom(
        k
          .selectFrom('webhook_deliveries')
          .select(['session_id as sessionId', 'type', 'state', 'seq', 'endpoint_id as endpointId'])
          .select(sql<number>`row_number() over (partition by session_id order by seq, endpoint_id)`.as('n'))
          .where('key_id', '=', p.keyId)
          .where('session_id', 'in', texts(p.ids))
          .as('t'),
      )
      .select(['t.sessionId', 't.type', 't.state'])
      .where('t.n', '<=', summarisedMax)
      .orderBy('t.seq')
      .orderBy('t.endpointId'),
  )

  const find = async (keyId: number, endpointId: string) => {
    const [row] = await db.all(findOne, { keyId, endpointId })
    return row && toEndpoint(row)
  }
  const update = (keyId: number, id: string) =>
    k.updateTable('webhook_endpoints').where('key_id', '=', keyId).where('id', '=', id).where('deleted_at', 'is', null)
  const openCursor = async (keyId: number, endpointId: string) => {
    const seq = (await db.all(lastSeq, { keyId }))[0]?.seq ?? 0
    await k
      .insertInto('webhook_cursors')
      .values({ key_id: keyId, endpoint_id: endpointId, seq })
      .onConflict((on) => on.doNothing())
      .execute()
  }
  const insert = async (endpoint: Pick<WebhookEndpoint, 'keyId' | 'id' | 'roomId' | 'endPoint' | 'events'>) => {
    const { keyId, id, roomId, endPoint, events } = endpoint
    const at = now()
    const row: Insertable<Tables['webhook_endpoints']> = {
      key_id: keyId,
      id,
      room_id: roomId,
      end_point: endPoint,
      events_json: JSON.stringify(events),
      secret: box.seal(newSecret()),
      created_at: at,
      updated_at: at,
    }
    await k
      .insertInto('webhook_endpoints')
      .values(row)
      .onConflict((on) => on.doNothing())
      .execute()
    await openCursor(keyId, roomId === null ? id : '')
  }
  const pendingOf = (keyId: number, endpointId: string) =>
    k
      .updateTable('webhook_deliveries')
      .where('key_id', '=', keyId)
      .where('endpoint_id', '=', endpointId)
      .where('state', '=', 'pending')
  const settleLane: WebhookStore['settleLane'] = async ({ keyId, endpointId, sessionId }) => {
    await db.run(holdOthers, { keyId, endpointId, sessionId, now: now() })
    await db.run(letFirstGo, { keyId, endpointId, sessionId, now: now() })
  }
  const settleLanes = async (keyId: number, endpointId: string, sessionIds?: string[]) => {
    const lanes =
      sessionIds ??
      (
        await k
          .selectFrom('webhook_deliveries')
          .select('session_id as sessionId')
          .distinct()
          .where('key_id', '=', keyId)
          .where('endpoint_id', '=', endpointId)
          .where('state', '=', 'pending')
          .execute()
      ).map(({ sessionId }) => sessionId)
    for (const sessionId of lanes) await settleLane({ keyId, endpointId, sessionId })
  }
  const filtered = (keyId: number, { endpointId, id, state, isFailing, from, to }: DeliveryFilter) => {
    let found = k
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

  return {
    async listKeys() {
      const rows = await k.selectFrom('webhook_endpoints').select('key_id as keyId').distinct().execute()
      return rows.map(({ keyId }) => keyId)
    },
    find,
    async list(keyId, { roomId }, { page, perPage }) {
      let found = k.selectFrom('webhook_endpoints as e').where('e.key_id', '=', keyId).where('e.deleted_at', 'is', null)
      if (roomId !== undefined) found = found.where('e.room_id', '=', roomId)
      const { total } = await found.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
      const rows = await found
        .select(endpointColumns)
        .orderBy('e.created_at', 'desc')
        .orderBy('e.id', 'desc')
        .limit(perPage)
        .offset((page - 1) * perPage)
        .execute()
      return { endpoints: rows.map(toEndpoint), total: Number(total) }
    },
    async listEnabledOwn(keyId) {
      const rows = await endpoints
        .where('e.key_id', '=', keyId)
        .where('e.room_id', 'is', null)
        .where('e.disabled_at', 'is', null)
        .orderBy('e.id')
        .execute()
      return rows.map(toEndpoint)
    },
    async countOwn(keyId) {
      const row = await k
        .selectFrom('webhook_endpoints')
        .select((eb) => eb.fn.countAll<number>().as('total'))
        .where('key_id', '=', keyId)
        .where('room_id', 'is', null)
        .where('deleted_at', 'is', null)
        .executeTakeFirstOrThrow()
      return Number(row.total)
    },
    async addWebhook({ keyId, endPoint, events }) {
      const id = `ep_${randomBytes(16).toString('base64url')}`
      await insert({ keyId, id, roomId: null, endPoint, events })
      const made = await find(keyId, id)
      if (made === undefined) throw new Error('a webhook endpoint was made and cannot be found')
      return made
    },
    async addOfRoom({ keyId, roomId, id, webhook }) {
      if (webhook === null) return
      await insert({ keyId, id: `ep_${id}`, roomId, endPoint: webhook.endPoint, events: webhook.events })
    },
    async updateWebhook({ keyId, id, endPoint, events, enabled }) {
      const before = await find(keyId, id)
      if (before === undefined) return undefined
      await update(keyId, id)
        .set({
          updated_at: now(),
          ...(endPoint !== undefined && { end_point: endPoint }),
          ...(events !== undefined && { events_json: JSON.stringify(events) }),
        })
        .execute()
      if (enabled === false && before.disabledAt === null) await disable(keyId, id, 'disabled by you')
      if (enabled === true && before.disabledAt !== null) {
        await update(keyId, id).set({ disabled_at: null, disabled_reason: null, failing_since: null }).execute()
        await settleLanes(keyId, id)
      }
      return find(keyId, id)
    },
    async rotateWebhookSecret({ keyId, id, previousUntil }) {
      const before = await find(keyId, id)
      if (before === undefined) return undefined
      await update(keyId, id)
        .set({
          secret: box.seal(newSecret()),
          previous_secret: box.seal(before.secret),
          previous_until: previousUntil,
          updated_at: now(),
        })
        .execute()
      return find(keyId, id)
    },
    async deleteWebhook({ keyId, id }) {
      const deleted = await update(keyId, id).set({ deleted_at: now(), disabled_at: now() }).executeTakeFirst()
      if (deleted.numUpdatedRows === 0n) return false
      await k.deleteFrom('webhook_cursors').where('key_id', '=', keyId).where('endpoint_id', '=', id).execute()
      await pendingOf(keyId, id).set({ state: 'parked', next_at: null, error: 'its endpoint was deleted' }).execute()
      return true
    },
    async isAnythingToPlan(keyId) {
      const last = (await db.all(lastSeq, { keyId }))[0]?.seq ?? 0
      return (await db.all(liveCursors, { keyId })).some(({ seq }) => seq < last)
    },
    listCursors: async (keyId) => db.all(liveCursors, { keyId }),
    async moveCursors(keyId, endpointIds, seq) {
      await db.run(moveCursors, { keyId, ids: JSON.stringify(endpointIds), seq })
    },
    async listOfRooms(keyId, roomIds) {
      return (await db.all(ofRooms, { keyId, ids: JSON.stringify(roomIds) })).map(toEndpoint)
    },
    tellSessions: async (keyId, sessionIds) => db.all(toldSessions, { keyId, ids: JSON.stringify(sessionIds) }),
    async insertDeliveries(keyId, endpointId, planned) {
      if (planned.length === 0) return
      const ids = JSON.stringify([...new Set(planned.map(({ sessionId }) => sessionId))])
      const busy = new Set((await db.all(pendingLanes, { keyId, endpointId, ids })).map(({ sessionId }) => sessionId))
      const at = now()
      const rows = planned.map((one): Insertable<Tables['webhook_deliveries']> => {
        const isFirst = !busy.has(one.sessionId)
        busy.add(one.sessionId)
        return {
          key_id: keyId,
          id: one.id,
          endpoint_id: endpointId,
          seq: one.seq,
          session_id: one.sessionId,
          type: one.type,
          body: one.body,
          state: 'pending',
          attempts: 0,
          next_at: isFirst ? at : null,
          created_at: at,
        }
      })
      await db.insertRows('webhook_deliveries', rows)
    },
    findWaitingEndpoint: async (keyId, after) => (await db.all(waitingEndpoint, { keyId, after }))[0],
    async listDue(keyId, endpointId, at, limit) {
      const endpoint = await find(keyId, endpointId)
      if (endpoint === undefined || endpoint.disabledAt !== null) return []
      const rows = await db.all(due, { keyId, endpointId, at, limit })
      return rows.map((row) => ({ delivery: toDelivery(row), endpoint }))
    },
    async findDelivery(keyId, id) {
      const [row] = await db.all(findDelivery, { keyId, id })
      return row && toDelivery(row)
    },
    async listDeliveries(keyId, filter, { page, perPage }) {
      const found = filtered(keyId, filter)
      const { total } = await found.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
      const rows = await found
        .select(deliveryColumns)
        .orderBy('d.created_at', 'desc')
        .orderBy('d.seq', 'desc')
        .orderBy('d.id', 'desc')
        .limit(perPage)
        .offset((page - 1) * perPage)
        .execute()
      return { deliveries: rows.map(toDelivery), total: Number(total) }
    },
    async noteAttempt({ keyId, id }, { state, attempts, nextAt, attemptedAt, durationMs, status, answer, error }) {
      await k
        .updateTable('webhook_deliveries')
        .set({
          state,
          attempts,
          next_at: nextAt,
          attempted_at: attemptedAt,
          duration_ms: durationMs,
          status,
          answer,
          error,
        })
        .where('key_id', '=', keyId)
        .where('id', '=', id)
        .execute()
    },
    settleLane,
    async setFailingSince(keyId, endpointId, since) {
      await update(keyId, endpointId).set({ failing_since: since }).execute()
    },
    disable,
    async replay(keyId, filter) {
      const rows = await filtered(keyId, filter).select(['d.id', 'd.session_id as sessionId']).execute()
      if (rows.length === 0) return 0
      await k
        .updateTable('webhook_deliveries')
        .set({ state: 'pending', attempts: 0, next_at: null })
        .where('key_id', '=', keyId)
        .where('id', 'in', texts(JSON.stringify(rows.map(({ id }) => id))))
        .execute()
      const endpoint = await find(keyId, filter.endpointId)
      const lanes = [...new Set(rows.map(({ sessionId }) => sessionId))]
      if (endpoint?.disabledAt === null) await settleLanes(keyId, filter.endpointId, lanes)
      return rows.length
    },
    async summarise(keyId, sessionIds) {
      const summaries = new Map<string, WebhookSummary>()
      const ids = JSON.stringify(sessionIds)
      for (const { sessionId, total, success } of await db.all(counts, { keyId, ids })) {
        summaries.set(sessionId, { totalCount: total, successCount: success, data: [] })
      }
      if (summaries.size === 0) return summaries
      for (const { sessionId, type, state } of await db.all(firstTold, { keyId, ids })) {
        summaries.get(sessionId)?.data.push({ type, success: state === 'delivered' })
      }
      return summaries
    },
  }

  async function disable(keyId: number, endpointId: string, reason: string): Promise<void> {
    await update(keyId, endpointId)
      .set({ disabled_at: now(), disabled_reason: reason, updated_at: now() })
      .where('disabled_at', 'is', null)
      .execute()
    await pendingOf(keyId, endpointId).set({ next_at: null }).execute()
  }
}

function toDelivery({ state, ...row }: DeliveryRow): WebhookDelivery {
  // The database holds only what we wrote: the union is closed again without a check.
  return { ...row, state: state as DeliveryState }
}

/** As Standard Webhooks has it: 192 bits. */
function newSecret(): string {
  return `whsec_${randomBytes(24).toString('base64')}`
}
