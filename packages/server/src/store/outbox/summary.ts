import type { Session } from '@rollcall/protocol'
import { sql } from 'kysely'
import { type Over, query } from '../noun.ts'

/** What became of the webhooks about a session. */
export type WebhookSummary = Session['webhook']

/** Most webhooks of one session that its summary lists one by one. */
const summarisedMax = 100

type OfSessions = { keyId: number; ids: string }
const counts = query<OfSessions, { sessionId: string; total: number; success: number }>((k, p, { differences }) =>
  k
    .selectFrom('webhook_deliveries')
    .select((eb) => [
      'session_id as sessionId',
      eb.fn.countAll<number>().as('total'),
      sql<number>`count(case when state = 'delivered' then 1 end)`.as('success'),
    ])
    .where('key_id', '=', p.keyId)
    .where(differences.isIn('session_id', p.ids))
    .groupBy('session_id'),
)
const firstSent = query<OfSessions, { sessionId: string; type: string; state: string }>((k, p, { differences }) =>
  k
    .selectFrom(
      k
        .selectFrom('webhook_deliveries')
        .select(['session_id as sessionId', 'type', 'state', 'seq', 'endpoint_id as endpointId'])
        .select(sql<number>`row_number() over (partition by session_id order by seq, endpoint_id)`.as('n'))
        .where('key_id', '=', p.keyId)
        .where(differences.isIn('session_id', p.ids))
        .as('t'),
    )
    .select(['t.sessionId', 't.type', 't.state'])
    .where('t.n', '<=', summarisedMax)
    .orderBy('t.seq')
    .orderBy('t.endpointId'),
)

/** Of sessions about which there were webhooks. */
export async function summarise(
  { db }: Over,
  keyId: number,
  sessionIds: string[],
): Promise<Map<string, WebhookSummary>> {
  const summaries = new Map<string, WebhookSummary>()
  const ids = JSON.stringify(sessionIds)
  for (const { sessionId, total, success } of await db.all(counts(db), { keyId, ids })) {
    summaries.set(sessionId, { totalCount: total, successCount: success, data: [] })
  }
  if (summaries.size === 0) return summaries
  for (const { sessionId, type, state } of await db.all(firstSent(db), { keyId, ids })) {
    summaries.get(sessionId)?.data.push({ type, success: state === 'delivered' })
  }
  return summaries
}
