import type { ParticipantKind } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'
import { toFoundBy } from './searched.ts'

/** Changes, or participants, that are taken in at a time. */
export const stepRows = 500
/** Names of one person that they are found by; most have one or two. */
const namesMax = 16

export type Seen = { id: string; name: string; kind: ParticipantKind; at: number }
/** `number`: what stands for them in what they are found by; null: they are not found yet. */
export type Kept = {
  id: string
  name: string
  seenAt: number
  texts: string
  personId: string | null
  number: number | null
}
export type Numbered = Kept & { number: number }

export function combine(before: Kept | undefined, id: string, seen: Seen[]): Kept {
  // Of several at the same moment always the same is the last, in whatever order they were read.
  const inOrder = seen.toSorted((a, b) => a.at - b.at || (a.name < b.name ? -1 : Number(a.name > b.name)))
  const texts = new Set(before?.texts.split('\n') ?? [toFoundBy(id)])
  for (const { name } of inOrder) if (texts.size <= namesMax && name !== '') texts.add(toFoundBy(name))
  const latest = inOrder.at(-1)
  const isLater = before === undefined || (latest?.at ?? 0) >= before.seenAt
  const named = inOrder.findLast(({ name }) => name !== '')?.name
  return {
    id,
    name: (isLater ? named : undefined) ?? before?.name ?? named ?? '',
    seenAt: Math.max(before?.seenAt ?? 0, latest?.at ?? 0),
    texts: [...texts].join('\n'),
    personId: before?.personId ?? null,
    number: before?.number ?? null,
  }
}

export function toRow(keyId: number, { id, name, seenAt, texts, personId, number }: Numbered, merged = 0) {
  return { key_id: keyId, merged, id, name, seen_at: seenAt, texts, person_id: personId, stale: 0, number }
}

const lastNumber = query<{ keyId: number }, { number: number }>((k, p) =>
  k
    .selectFrom('people')
    .select('number')
    .where('key_id', '=', p.keyId)
    .where('number', 'is not', null)
    .orderBy('number', 'desc')
    .limit(sql.lit(1))
    .$narrowType<{ number: number }>(),
)
export async function nextNumber(db: Database, keyId: number): Promise<number> {
  const [last] = await db.all(lastNumber(db), { keyId })
  return (last?.number ?? -1) + 1
}

/** What is kept of these people may be more than there is: it is gathered again. @param merged 1: persons that several were merged into */
export async function markStale(db: Database, keyId: number, ids: string[], merged: 0 | 1 = 0): Promise<void> {
  await db.kysely
    .updateTable('people')
    .set({ stale: 1 })
    .where('key_id', '=', keyId)
    .where('merged', '=', merged)
    .where(db.differences.isIn('id', JSON.stringify(ids)))
    .execute()
}
