import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { query } from '../noun.ts'

// The deliveries to one endpoint about one session are a lane: the first that is pending is due, the others wait for it.

export type Lane = { keyId: number; endpointId: string; sessionId: string }
type OfEndpoint = Omit<Lane, 'sessionId'>

const pending = (k: Kysely<Tables>, p: OfEndpoint) =>
  k
    .updateTable('webhook_deliveries')
    .where('key_id', '=', p.keyId)
    .where('endpoint_id', '=', p.endpointId)
    .where('state', '=', sql.lit('pending'))
const firstOf = (k: Kysely<Tables>, p: Lane) =>
  k
    .selectFrom('webhook_deliveries')
    .select((eb) => eb.fn.min('seq').as('seq'))
    .where('key_id', '=', p.keyId)
    .where('endpoint_id', '=', p.endpointId)
    .where('session_id', '=', p.sessionId)
    .where('state', '=', sql.lit('pending'))
const letFirstGo = query<Lane & { now: number }>((k, p) =>
  pending(k, p)
    .where('session_id', '=', p.sessionId)
    .set({ next_at: p.now })
    .where('next_at', 'is', null)
    .where('seq', '=', firstOf(k, p)),
)
const holdOthers = query<Lane>((k, p) =>
  pending(k, p)
    .where('session_id', '=', p.sessionId)
    .set({ next_at: null })
    .where('next_at', 'is not', null)
    .where('seq', '>', firstOf(k, p)),
)
const holdAll = query<OfEndpoint>((k, p) => pending(k, p).set({ next_at: null }))
const giveUpAll = query<OfEndpoint & { error: string }>((k, p) =>
  pending(k, p).set({ state: sql.lit('parked'), next_at: null, error: p.error }),
)
const busySessions = query<OfEndpoint, { sessionId: string }>((k, p) =>
  k
    .selectFrom('webhook_deliveries')
    .select('session_id as sessionId')
    .distinct()
    .where('key_id', '=', p.keyId)
    .where('endpoint_id', '=', p.endpointId)
    .where('state', '=', sql.lit('pending')),
)
const busyAmong = query<OfEndpoint & { ids: string }, { sessionId: string }>((k, p, { differences }) =>
  k
    .selectFrom('webhook_deliveries')
    .select('session_id as sessionId')
    .distinct()
    .where('key_id', '=', p.keyId)
    .where('endpoint_id', '=', p.endpointId)
    .where('state', '=', sql.lit('pending'))
    .where(differences.isIn('session_id', p.ids)),
)

/** Lets the first of what is pending of a session go, and the others wait for it. */
export async function settleLane(db: Database, now: number, lane: Lane): Promise<void> {
  const { keyId, endpointId, sessionId } = lane
  await db.run(holdOthers(db), { keyId, endpointId, sessionId })
  await db.run(letFirstGo(db), { keyId, endpointId, sessionId, now })
}

/** The same of all lanes of an endpoint, or of those of some sessions. */
export async function settleLanes(db: Database, now: number, of: OfEndpoint, sessionIds?: string[]): Promise<void> {
  const all = sessionIds ?? (await db.all(busySessions(db), of)).map(({ sessionId }) => sessionId)
  for (const sessionId of all) await settleLane(db, now, { ...of, sessionId })
}

/** Nothing more is sent to an endpoint: what is pending stays so. */
export async function holdLanes(db: Database, of: OfEndpoint): Promise<void> {
  await db.run(holdAll(db), of)
}

/** What is pending to an endpoint is never sent. */
export async function giveUpLanes(db: Database, of: OfEndpoint, error: string): Promise<void> {
  await db.run(giveUpAll(db), { ...of, error })
}

/** Of these sessions those of which something is pending to an endpoint. */
export async function findBusy(db: Database, of: OfEndpoint, sessionIds: string[]): Promise<Set<string>> {
  const rows = await db.all(busyAmong(db), { ...of, ids: JSON.stringify([...new Set(sessionIds)]) })
  return new Set(rows.map(({ sessionId }) => sessionId))
}
