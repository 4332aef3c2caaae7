import { hash } from 'node:crypto'
import type { Fact } from '@rollcall/protocol'
import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'

const anyOf = query<{ keyId: number }, { keyId: number }>((k, p) =>
  k.selectFrom('erased_people').select('key_id as keyId').where('key_id', '=', p.keyId).limit(1),
)
const erasedAmong = query<{ keyId: number; list: string }, { digest: string; erasedAt: number }>(
  (k, p, { differences }) =>
    k
      .selectFrom('erased_people')
      .select(['digest', 'erased_at as erasedAt'])
      .where('key_id', '=', p.keyId)
      .where(differences.isIn('digest', p.list)),
)

/** Until when each person of these facts, and each life of a room, is erased: by key, and participantId or `lifeOf`. */
export type ErasedPeople = {
  /** One look where nobody of the key was erased. */
  read(keyId: number, facts: Fact[]): Promise<void>
  /** Whether a fact of this time, which was read for, is of the erased past of somebody, or of a room. */
  isErased(keyId: number, who: string, at: number): boolean
  isAnyErased(): boolean
}

export function openErasedPeople(db: Database): ErasedPeople {
  const until = new Map<string, number>()
  return {
    async read(keyId, facts) {
      if ((await db.all(anyOf(db), { keyId })).length === 0) return
      const ids = [...new Set(facts.flatMap((fact) => [...peopleOf(fact), lifeOf(fact), pastOf(fact.roomId)]))]
      const byDigest = new Map(ids.map((id) => [digestOfPerson(id), id]))
      for (const { digest, erasedAt } of await db.all(erasedAmong(db), {
        keyId,
        list: JSON.stringify([...byDigest.keys()]),
      })) {
        until.set(`${keyId} ${byDigest.get(digest)}`, erasedAt)
      }
    },
    isAnyErased: () => until.size > 0,
    isErased: (keyId, who, at) => at <= (until.get(`${keyId} ${who}`) ?? Number.NEGATIVE_INFINITY),
  }
}

/** The life of a room that a fact tells of: by its name, or where it has none, by whatever that source tells of the room. No id of a person begins so. */
export function lifeOf({ source, sessionKey, roomId }: Pick<Fact, 'source' | 'sessionKey' | 'roomId'>): string {
  return sessionKey === undefined ? `\0room ${source} ${roomId}` : `\0session ${source} ${sessionKey}`
}

/** All that was in a room, by its id or by what it was called. No id of a person begins so. */
export function pastOf(roomName: string): string {
  return `\0past ${roomName}`
}

/** Until when the rooms of these names are erased, where they are. */
export async function listErasedRooms(db: Database, keyId: number, names: string[]): Promise<Map<string, number>> {
  if (names.length === 0 || (await db.all(anyOf(db), { keyId })).length === 0) return new Map()
  const byDigest = new Map(names.map((name) => [digestOfPerson(pastOf(name)), name]))
  const rows = await db.all(erasedAmong(db), { keyId, list: JSON.stringify([...byDigest.keys()]) })
  return new Map(rows.map(({ digest, erasedAt }) => [byDigest.get(digest) ?? '', erasedAt]))
}

/** A room that is made under a name that was erased has no past either. */
export async function keepErased(db: Database, keyId: number, name: string, roomId: string): Promise<void> {
  const erasedAt = (await listErasedRooms(db, keyId, [name])).get(name)
  if (erasedAt === undefined) return
  const row = { key_id: keyId, digest: digestOfPerson(pastOf(roomId)), erased_at: erasedAt }
  await db.insertRows('erased_people', [row], ['key_id', 'digest'])
}

/** What is kept of who was erased: it tells those who know the id, and nobody else. */
export function digestOfPerson(participantId: string): string {
  return hash('sha256', participantId, 'base64url').slice(0, 22)
}

function peopleOf(fact: Fact): string[] {
  if (fact.type === 'snapshot') return fact.participants.map(({ participantId }) => participantId)
  return 'participantId' in fact ? [fact.participantId] : []
}
