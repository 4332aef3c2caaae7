import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'

// A session may be a part of another, as a breakout room is of the room it came from. Its reporter tells the parent by its room,
// and by its key where that has one: which session that is is looked up when it is shown, for either may be told of first.

/** Sessions that are parts of one. `to`: of those whose parent is told by its room alone, the first that are another session's. */
export type PartsOf = { roomId: string; source: string; sessionKey: string; from: number; to: number }

const parentsOf = query<{ keyId: number; ids: string }, { id: string; parentId: string | null }>(
  (k, p, { differences }) =>
    k
      .selectFrom(differences.eachText(p.ids))
      .crossJoin('sessions as s')
      .select('s.id')
      .select((eb) =>
        eb
          .selectFrom('sessions as p')
          .select('p.id')
          .where('p.key_id', '=', p.keyId)
          .whereRef('p.room_id', '=', 's.parent_room_id')
          .whereRef('p.source', '=', 's.source')
          .where('p.start_at', 'is not', null)
          .where((of) =>
            of.or([
              of('p.session_key', '=', of.ref('s.parent_key')),
              of.and([of('s.parent_key', 'is', null), of('p.start_at', '<=', of.ref('s.start_at'))]),
            ]),
          )
          .orderBy('p.start_at', 'desc')
          .orderBy('p.id', 'desc')
          .limit(1)
          .as('parentId'),
      )
      .where('s.key_id', '=', p.keyId)
      .whereRef('s.id', '=', 'x.value'),
)
const parent = query<{ keyId: number; id: string }, PartsOf>((k, p) =>
  k
    .selectFrom('sessions as p')
    .select(['p.room_id as roomId', 'p.source', 'p.start_at as from'])
    .select((eb) => eb.fn.coalesce('p.session_key', sql<string>`''`).as('sessionKey'))
    .select((eb) =>
      eb.fn
        .coalesce(
          eb
            .selectFrom('sessions as n')
            .select('n.start_at')
            .where('n.key_id', '=', p.keyId)
            .whereRef('n.room_id', '=', 'p.room_id')
            .whereRef('n.source', '=', 'p.source')
            .where((of) => of(of.refTuple('n.start_at', 'n.id'), '>', of.refTuple('p.start_at', 'p.id')))
            .orderBy('n.start_at')
            .limit(1),
          sql<number>`${Number.MAX_SAFE_INTEGER}`,
        )
        .as('to'),
    )
    .where('p.key_id', '=', p.keyId)
    .where('p.id', '=', p.id)
    .where('p.start_at', 'is not', null)
    .$narrowType<{ from: number; to: number }>(),
)

/** The sessions that these are parts of, by their ids; none of one whose parent is not told of yet, or was erased. */
export async function findParents(db: Database, keyId: number, ids: string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await db.all(parentsOf(db), { keyId, ids: JSON.stringify(ids) })
  return new Map(rows.flatMap(({ id, parentId }) => (parentId === null ? [] : [[id, parentId]])))
}

/** Undefined where there is no such session. */
export async function findParts(db: Database, keyId: number, sessionId: string): Promise<PartsOf | undefined> {
  return (await db.all(parent(db), { keyId, id: sessionId }))[0]
}
