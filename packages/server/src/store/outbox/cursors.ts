import type { Database } from '../database/database.ts'
import { type Over, query } from '../noun.ts'

/** Up to which change the webhooks of an endpoint are planned; `endpointId` empty: those of all rooms together. */
export type WebhookCursor = { endpointId: string; seq: number }

const lastSeq = query<{ keyId: number }, { seq: number }>((k, p) =>
  k.selectFrom('counters').select('change_seq as seq').where('key_id', '=', p.keyId),
)
const live = query<{ keyId: number }, WebhookCursor>((k, p) =>
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
const move = query<{ keyId: number; ids: string; seq: number }>((k, p, { differences }) =>
  k
    .updateTable('webhook_cursors')
    .set({ seq: p.seq })
    .where('key_id', '=', p.keyId)
    .where(differences.isIn('endpoint_id', p.ids)),
)
const open = query<{ keyId: number; endpointId: string; seq: number }>((k, p) =>
  k
    .insertInto('webhook_cursors')
    .values({ key_id: p.keyId, endpoint_id: p.endpointId, seq: p.seq })
    .onConflict((on) => on.doNothing()),
)
const drop = query<{ keyId: number; endpointId: string }>((k, p) =>
  k.deleteFrom('webhook_cursors').where('key_id', '=', p.keyId).where('endpoint_id', '=', p.endpointId),
)

async function findLastSeq(db: Database, keyId: number): Promise<number> {
  return (await db.all(lastSeq(db), { keyId }))[0]?.seq ?? 0
}

/** From the end of the log: an endpoint is told of what happens from then on. */
export async function openCursor(db: Database, keyId: number, endpointId: string): Promise<void> {
  await db.run(open(db), { keyId, endpointId, seq: await findLastSeq(db, keyId) })
}

export async function dropCursor(db: Database, keyId: number, endpointId: string): Promise<void> {
  await db.run(drop(db), { keyId, endpointId })
}

/** Of endpoints that are enabled. */
export async function listCursors(db: Database, keyId: number): Promise<WebhookCursor[]> {
  return db.all(live(db), { keyId })
}

export async function moveCursors(db: Database, keyId: number, endpointIds: string[], seq: number): Promise<void> {
  await db.run(move(db), { keyId, ids: JSON.stringify(endpointIds), seq })
}

/** There are changes of which no webhooks are planned yet. */
export async function isAnyBehind({ db }: Over, keyId: number): Promise<boolean> {
  const last = await findLastSeq(db, keyId)
  return (await listCursors(db, keyId)).some(({ seq }) => seq < last)
}
