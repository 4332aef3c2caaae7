import { randomBytes } from 'node:crypto'
import type { RoomWebhook } from '@rollcall/protocol'
import type { Kysely } from 'kysely'
import { type Page, toLimit } from '../database/page.ts'
import type { Tables } from '../database/tables.ts'
import { noun, type Over, query } from '../noun.ts'
import { dropCursor, openCursor } from './cursors.ts'
import { giveUpLanes, holdLanes, settleLanes } from './lanes.ts'

/** An address that webhooks are sent to. */
export type WebhookEndpoint = {
  keyId: number
  /** `ep_` and 128 random bits; of a room `ep_` and the room's id. */
  id: string
  /** The one room that it hears of; null: all of the key. */
  roomId: string | null
  endPoint: string
  events: string[]
  /** `whsec_` and 24 bytes in base64, in clear (it is encrypted in the database). */
  secret: string
  /** After a rotation webhooks are signed with the old secret too until `previousUntil`. */
  previousSecret: string | null
  previousUntil: number | null
  disabledAt: number | null
  disabledReason: string | null
  failingSince: number | null
  createdAt: number
  updatedAt: number
}

const columns = [
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

type Row = Omit<WebhookEndpoint, 'events'> & { eventsJson: string }
type OfKey = { keyId: number; id: string }

const existing = (k: Kysely<Tables>) =>
  k.selectFrom('webhook_endpoints as e').select(columns).where('e.deleted_at', 'is', null)
const byId = query<OfKey, Row>((k, p) => existing(k).where('e.key_id', '=', p.keyId).where('e.id', '=', p.id))
const enabledOwn = query<{ keyId: number }, Row>((k, p) =>
  existing(k)
    .where('e.key_id', '=', p.keyId)
    .where('e.room_id', 'is', null)
    .where('e.disabled_at', 'is', null)
    .orderBy('e.id'),
)
const enabledOfRooms = query<{ keyId: number; ids: string }, Row>((k, p, { differences }) =>
  existing(k)
    .where('e.key_id', '=', p.keyId)
    .where(differences.isIn('e.room_id', p.ids))
    .where('e.disabled_at', 'is', null)
    .orderBy('e.id'),
)
const countOwn = query<{ keyId: number }, { total: number }>((k, p) =>
  k
    .selectFrom('webhook_endpoints')
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .where('key_id', '=', p.keyId)
    .where('room_id', 'is', null)
    .where('deleted_at', 'is', null),
)
const keysWithAny = query<object, { keyId: number }>((k) =>
  k.selectFrom('webhook_endpoints').select('key_id as keyId').distinct(),
)

async function find({ db, box }: Over, keyId: number, id: string): Promise<WebhookEndpoint | undefined> {
  const [row] = await db.all(byId(db), { keyId, id })
  return row && toEndpoint(row, box)
}

/** Where webhooks are sent: endpoints of the key, and those that are the `webhook` of a room. */
export const webhooks = noun({
  reads: {
    find,
    /** Newest first. */
    async list(
      { db, box }: Over,
      keyId: number,
      { roomId }: { roomId?: string },
      page: Page,
    ): Promise<{ endpoints: WebhookEndpoint[]; total: number }> {
      let found = db.kysely.selectFrom('webhook_endpoints as e').where('e.key_id', '=', keyId)
      found = found.where('e.deleted_at', 'is', null)
      if (roomId !== undefined) found = found.where('e.room_id', '=', roomId)
      const { total } = await found.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
      const { limit, offset } = toLimit(page)
      const inOrder = found.select(columns).orderBy('e.created_at', 'desc').orderBy('e.id', 'desc')
      const rows = await inOrder.limit(limit).offset(offset).execute()
      return { endpoints: rows.map((row) => toEndpoint(row, box)), total: Number(total) }
    },
    /** Those of the key itself, not of its rooms. */
    async count({ db }: Over, keyId: number): Promise<number> {
      return Number((await db.all(countOwn(db), { keyId }))[0]?.total ?? 0)
    },
    /** Keys that have or had an endpoint. */
    async listKeys({ db }: Over): Promise<number[]> {
      return (await db.all(keysWithAny(db), {})).map(({ keyId }) => keyId)
    },
  },
  writes: {
    /** It is told of what happens from then on. */
    async add(
      over: Over,
      { keyId, endPoint, events }: Pick<WebhookEndpoint, 'keyId' | 'endPoint' | 'events'>,
    ): Promise<WebhookEndpoint> {
      const id = `ep_${randomBytes(16).toString('base64url')}`
      await insert(over, { keyId, id, roomId: null, endPoint, events })
      const made = await find(over, keyId, id)
      if (made === undefined) throw new Error('a webhook endpoint was made and cannot be found')
      return made
    },
    /** What is not named stays. Undefined where the key has no such endpoint. */
    async update(
      over: Over,
      {
        keyId,
        id,
        endPoint,
        events,
        enabled,
      }: { keyId: number; id: string; endPoint?: string; events?: string[]; enabled?: boolean },
    ): Promise<WebhookEndpoint | undefined> {
      const { db, now } = over
      const before = await find(over, keyId, id)
      if (before === undefined) return undefined
      await change(over, keyId, id)
        .set({
          updated_at: now(),
          ...(endPoint !== undefined && { end_point: endPoint }),
          ...(events !== undefined && { events_json: JSON.stringify(events) }),
        })
        .execute()
      if (enabled === false && before.disabledAt === null) await disableEndpoint(over, keyId, id, 'disabled by you')
      if (enabled === true && before.disabledAt !== null) {
        await change(over, keyId, id).set({ disabled_at: null, disabled_reason: null, failing_since: null }).execute()
        await settleLanes(db, now(), { keyId, endpointId: id })
      }
      return find(over, keyId, id)
    },
    /** Webhooks are signed with the old secret too until `previousUntil`. Undefined where the key has no such endpoint. */
    async rotateSecret(
      over: Over,
      { keyId, id, previousUntil }: OfKey & { previousUntil: number },
    ): Promise<WebhookEndpoint | undefined> {
      const { box, now } = over
      const before = await find(over, keyId, id)
      if (before === undefined) return undefined
      await change(over, keyId, id)
        .set({
          secret: box.seal(newSecret()),
          previous_secret: box.seal(before.secret),
          previous_until: previousUntil,
          updated_at: now(),
        })
        .execute()
      return find(over, keyId, id)
    },
    /** False where the key has no such endpoint. */
    async delete(over: Over, { keyId, id }: OfKey): Promise<boolean> {
      const { db, now } = over
      const deleted = await change(over, keyId, id).set({ deleted_at: now(), disabled_at: now() }).executeTakeFirst()
      if (deleted.numUpdatedRows === 0n) return false
      await dropCursor(db, keyId, id)
      await giveUpLanes(db, { keyId, endpointId: id }, 'its endpoint was deleted')
      return true
    },
  },
})

/** The endpoint that a new room's `webhook` is. */
export async function addEndpointOfRoom(
  over: Over,
  room: { keyId: number; roomId: string; id: string; webhook: RoomWebhook | null },
): Promise<void> {
  const { keyId, roomId, id, webhook } = room
  if (webhook === null) return
  await insert(over, { keyId, id: `ep_${id}`, roomId, endPoint: webhook.endPoint, events: webhook.events })
}

/** Enabled endpoints of the key itself, not of its rooms. */
export async function listEnabledOwn({ db, box }: Over, keyId: number): Promise<WebhookEndpoint[]> {
  return (await db.all(enabledOwn(db), { keyId })).map((row) => toEndpoint(row, box))
}

/** Enabled endpoints of these rooms. */
export async function listEnabledOfRooms(
  { db, box }: Over,
  keyId: number,
  roomIds: string[],
): Promise<WebhookEndpoint[]> {
  const rows = await db.all(enabledOfRooms(db), { keyId, ids: JSON.stringify(roomIds) })
  return rows.map((row) => toEndpoint(row, box))
}

export async function setFailingSince(over: Over, keyId: number, id: string, since: number | null): Promise<void> {
  await change(over, keyId, id).set({ failing_since: since }).execute()
}

/** Nothing more is sent there: what is pending stays so. */
export async function disableEndpoint(over: Over, keyId: number, id: string, reason: string): Promise<void> {
  const at = over.now()
  await change(over, keyId, id)
    .set({ disabled_at: at, disabled_reason: reason, updated_at: at })
    .where('disabled_at', 'is', null)
    .execute()
  await holdLanes(over.db, { keyId, endpointId: id })
}

function change({ db }: Over, keyId: number, id: string) {
  const endpoints = db.kysely.updateTable('webhook_endpoints')
  return endpoints.where('key_id', '=', keyId).where('id', '=', id).where('deleted_at', 'is', null)
}

async function insert(
  { db, box, now }: Over,
  endpoint: Pick<WebhookEndpoint, 'keyId' | 'id' | 'roomId' | 'endPoint' | 'events'>,
): Promise<void> {
  const { keyId, id, roomId, endPoint, events } = endpoint
  const at = now()
  await db.kysely
    .insertInto('webhook_endpoints')
    .values({
      key_id: keyId,
      id,
      room_id: roomId,
      end_point: endPoint,
      events_json: JSON.stringify(events),
      secret: box.seal(newSecret()),
      created_at: at,
      updated_at: at,
    })
    .onConflict((on) => on.doNothing())
    .execute()
  await openCursor(db, keyId, roomId === null ? id : '')
}

function toEndpoint({ eventsJson, ...row }: Row, box: Over['box']): WebhookEndpoint {
  return {
    ...row,
    events: JSON.parse(eventsJson) as string[],
    secret: box.open(row.secret),
    previousSecret: row.previousSecret === null ? null : box.open(row.previousSecret),
  }
}

/** As Standard Webhooks has it: 192 bits. */
function newSecret(): string {
  return `whsec_${randomBytes(24).toString('base64')}`
}
