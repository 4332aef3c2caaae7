import type { Page } from '../database/page.ts'
import { type Over, query } from '../noun.ts'
import { findPage } from './list.ts'
import { rowsOf, type SessionPart } from './records.ts'

// What one source reported, under the names that it gives itself.

/** A session without its people; `sessionKey` is its source's name for it. */
export type ReportedSession = Pick<SessionPart, 'session' | 'customRoomId'>

type Period = { startFrom?: number; startTo?: number }

const byName = query<{ keyId: number; source: string; sessionKey: string }, { id: string }>((k, p) =>
  k
    .selectFrom('sessions')
    .select('id')
    .where('key_id', '=', p.keyId)
    .where('source', '=', p.source)
    .where('session_key', '=', p.sessionKey)
    .where('session_key', 'is not', null)
    .where('start_at', 'is not', null)
    .limit(1),
)

/** A page of its named sessions, newest start first, then id: each page costs the same, the first and the last. */
export async function listOfSource(
  { db, now }: Over,
  keyId: number,
  source: string,
  period: Period,
  page: Page,
): Promise<ReportedSession[]> {
  const filter = { source, ...period }
  const { keys } = await findPage(db, { keyId, filter, page, now: now() }, async () => new Set())
  if (keys.length === 0) return []
  const rows = await db.all(rowsOf(db), { keyId, ids: JSON.stringify(keys.map(({ id }) => id)) })
  const byId = new Map(rows.map(({ customRoomId, ...session }) => [session.id, { session, customRoomId }]))
  // One that was erased in between is not there.
  return keys.flatMap(({ id }) => byId.get(id) ?? [])
}

/** The id of the session that its source calls so; undefined where there is none. */
export async function findOfSource(
  { db }: Over,
  keyId: number,
  of: { source: string; sessionKey: string },
): Promise<string | undefined> {
  return (await db.all(byName(db), { keyId, ...of }))[0]?.id
}
