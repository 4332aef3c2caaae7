import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Session } from '../../ledger/state.ts'
import type { Database } from '../database/database.ts'
import { type Over, query } from '../noun.ts'
import { decodeText, encodeText } from './seal-text.ts'

/**
 * An ended session's JSON, in three parts: before its `links`, from there to its `webhook`, and after that. Nothing of a
 * request is in it.
 */
export type SealedText = { head: string; middle: string; tail: string }

/** Of a session that is a part of another the last part begins so. */
const partTail = '"parentRoomId":'

export function isOfPart({ tail }: SealedText): boolean {
  return tail.startsWith(partTail)
}

/** An ended session that nothing was heard of for this, in milliseconds, is sealed. */
const quietMs = 30_000

/** When a session may be sealed, by our clock; null while it runs. Every write sets it anew, and so breaks the seal. */
export function sealAtOf({ endAt, updatedAt }: Pick<Session, 'endAt' | 'updatedAt'>): number | null {
  return endAt === null ? null : updatedAt + quietMs
}

export type SessionToSeal = {
  keyId: number
  sessionId: string
  roomId: string
  sealAt: number
  apiKey: string
  userId: string
}

export type Seal = SealedText & {
  keyId: number
  sessionId: string
  /** As it was listed: a session that was written since is not sealed. */
  sealAt: number
  /** 1: there was a time between its start and its end when nobody was inside. */
  gaps: 0 | 1
}

/** Where a text is kept: encoded, but for those from before there was that. */
type KeptText = SealedText & Pick<Seal, 'keyId' | 'sessionId'>

type SealedRow = SealedText & { id: string }

/** Sessions whose texts are read in one turn of the loop: each may be 100 kB. */
const textsTogether = 50

/** `head`: see `SealedText`. */
export type SealedHead = {
  id: string
  roomId: string
  customRoomId: string | null
  startAt: number
  endAt: number
  head: string
}

const sealsOf = query<{ keyId: number; ids: string }, SealedRow>((k, p, { differences }) =>
  k
    .selectFrom('seals as z')
    .select(['z.session_id as id', 'z.head', 'z.middle', 'z.tail'])
    .where('z.key_id', '=', p.keyId)
    .where(differences.isIn('z.session_id', p.ids)),
)
const toSeal = query<{ now: number; limit: number }, SessionToSeal>((k, p) =>
  k
    .selectFrom('sessions as s')
    .innerJoin('keys as k', 'k.key_id', 's.key_id')
    .select(['s.key_id as keyId', 's.id as sessionId', 's.room_id as roomId', 's.seal_at as sealAt'])
    .select(['k.api_key as apiKey', 'k.user_id as userId'])
    .where('s.seal_at', '<=', p.now)
    .where('s.seal_at', 'is not', null)
    .orderBy('s.seal_at')
    .limit(p.limit)
    .$narrowType<{ sealAt: number }>(),
)
const upsert = query<KeptText>((k, p) =>
  k
    .insertInto('seals')
    .values({ key_id: p.keyId, session_id: p.sessionId, head: p.head, middle: p.middle, tail: p.tail })
    .onConflict((on) =>
      on.columns(['key_id', 'session_id']).doUpdateSet((eb) => ({
        head: eb.ref('excluded.head'),
        middle: eb.ref('excluded.middle'),
        tail: eb.ref('excluded.tail'),
      })),
    ),
)
const markSealed = query<Seal>((k, p) =>
  k
    .updateTable('sessions')
    .set({ seal_at: null, gaps: p.gaps })
    .where('key_id', '=', p.keyId)
    .where('id', '=', p.sessionId)
    .where('seal_at', '=', p.sealAt),
)

const headsOf = query<{ keyId: number; ids: string; max: number }, SealedHead>((k, p, { differences }) =>
  k
    .selectFrom('sessions as s')
    .innerJoin('seals as z', (join) => join.onRef('z.key_id', '=', 's.key_id').onRef('z.session_id', '=', 's.id'))
    .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
    .select(['s.id', 's.room_id as roomId', 's.start_at as startAt', 's.end_at as endAt'])
    .select(['r.custom_room_id as customRoomId', 'z.head'])
    .where('s.key_id', '=', p.keyId)
    .where(differences.isIn('s.id', p.ids))
    .where('s.gaps', 'is not', null)
    .where('s.people', '<=', p.max)
    // Both, or one of them may be read whole for the join.
    .where('z.key_id', '=', p.keyId)
    .where(differences.isIn('z.session_id', p.ids))
    .$narrowType<{ startAt: number; endAt: number }>(),
)

/** Those of these sessions that are sealed and had at most `participantsMax` people, with the part of their text that has these. */
export async function readSealedHeads(
  { db, pause }: Over,
  keyId: number,
  ids: string[],
  participantsMax: number,
): Promise<SealedHead[]> {
  await pause?.(keyId, {})
  const rows = await db.all(headsOf(db), { keyId, ids: JSON.stringify(ids), max: participantsMax })
  return rows.map((row) => ({ ...row, head: decodeText(row.head) }))
}

/** Sessions, of all keys, that may be sealed by `now`. */
export async function listToSeal(db: Database, now: number, limit: number): Promise<SessionToSeal[]> {
  return db.all(toSeal(db), { now, limit })
}

/** Keeps the text of a session, unless that was written since it was listed: then it gives false. */
export async function keepSeal(db: Database, seal: Seal): Promise<boolean> {
  if ((await db.run(markSealed(db), seal)) === 0) return false
  await writeText(db, encodeSeal(seal))
  return true
}

/** Whether a text is from before there was a shorter form of it: such a one begins as JSON does. */
export function isPlain({ head }: Pick<SealedText, 'head'>): boolean {
  return head.startsWith('{')
}

/** The same of a column that holds the head of a text. */
export function hasPlainHead(column: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`${sql.ref(column)} like '{%'`
}

/** Keeps a text as it is given. */
export async function writeText(db: Database, text: KeptText): Promise<void> {
  await db.run(upsert(db), text)
}

/** A row with its text as it is kept. */
export function encodeSeal<T extends SealedText>(row: T): T {
  return { ...row, head: encodeText(row.head), middle: encodeText(row.middle), tail: encodeText(row.tail) }
}

/** A row with its text as it was before that. */
export function decodeSeal<T extends SealedText>(row: T): T {
  return { ...row, head: decodeText(row.head), middle: decodeText(row.middle), tail: decodeText(row.tail) }
}

/** The texts of those of these sessions that are sealed. */
export async function readSealed({ db, pause }: Over, keyId: number, ids: string[]): Promise<SealedRow[]> {
  const texts: SealedRow[] = []
  for (let from = 0; from < ids.length; from += textsTogether) {
    if (from > 0) await pause?.(keyId, ids)
    const some = JSON.stringify(ids.slice(from, from + textsTogether))
    texts.push(...(await db.all(sealsOf(db), { keyId, ids: some })).map(decodeSeal))
  }
  return texts
}
