import type { DeliveryState } from '@rollcall/protocol'
import type { Insertable } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { query } from '../noun.ts'
import { findBusy } from './lanes.ts'

/** A webhook on its way to one endpoint. */
export type WebhookDelivery = {
  keyId: number
  id: string
  endpointId: string
  seq: number
  sessionId: string
  type: string
  body: string
  state: DeliveryState
  attempts: number
  nextAt: number | null
  createdAt: number
  attemptedAt: number | null
  /** How long the last attempt took, in milliseconds. */
  durationMs: number | null
  status: number | null
  /** The beginning of what was answered. */
  answer: string | null
  error: string | null
}

export type NewDelivery = Pick<WebhookDelivery, 'id' | 'endpointId' | 'seq' | 'sessionId' | 'type' | 'body'>

/** How an attempt to deliver went. */
export type Attempt = {
  attemptedAt: number
  durationMs: number
  /** What was answered; null where no answer came. */
  status: number | null
  /** The beginning of its body; null likewise. */
  answer: string | null
  /** Null: it was taken. */
  error: string | null
  /** When the receiver asks for another, in milliseconds after this one. */
  retryAfterMs: number
}

export const deliveryColumns = [
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

export type DeliveryRow = Omit<WebhookDelivery, 'state'> & { state: string }

const byId = query<{ keyId: number; id: string }, DeliveryRow>((k, p) =>
  k
    .selectFrom('webhook_deliveries as d')
    .select(deliveryColumns)
    .where('d.key_id', '=', p.keyId)
    .where('d.id', '=', p.id),
)
type Attempted = Pick<WebhookDelivery, 'state' | 'attempts' | 'nextAt' | keyof Omit<Attempt, 'retryAfterMs'>>
const setAttempt = query<Attempted & { keyId: number; id: string }>((k, p) =>
  k
    .updateTable('webhook_deliveries')
    .set({
      state: p.state,
      attempts: p.attempts,
      next_at: p.nextAt,
      attempted_at: p.attemptedAt,
      duration_ms: p.durationMs,
      status: p.status,
      answer: p.answer,
      error: p.error,
    })
    .where('key_id', '=', p.keyId)
    .where('id', '=', p.id),
)

export async function findDelivery(db: Database, keyId: number, id: string): Promise<WebhookDelivery | undefined> {
  const [row] = await db.all(byId(db), { keyId, id })
  return row && toDelivery(row)
}

/** In order: of each session the first is due at `at`, where nothing of that session is pending. */
export async function insertDeliveries(
  db: Database,
  keyId: number,
  endpointId: string,
  planned: NewDelivery[],
  at: number,
): Promise<void> {
  if (planned.length === 0) return
  const sessionIds = planned.map(({ sessionId }) => sessionId)
  const busy = await findBusy(db, { keyId, endpointId }, sessionIds)
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
}

export async function noteAttempt(db: Database, { keyId, id }: WebhookDelivery, attempt: Attempted): Promise<void> {
  await db.run(setAttempt(db), { keyId, id, ...attempt })
}

export function toDelivery({ state, ...row }: DeliveryRow): WebhookDelivery {
  // The database holds only what we wrote: the union is closed again without a check.
  return { ...row, state: state as DeliveryState }
}
