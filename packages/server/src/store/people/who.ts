import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'

/** `id`: of the person, or of a participant who is nobody else. */
export type Who = { id: string; merged: boolean; name: string }

type Row = { id: string; merged: number; name: string; personId: string | null }
const ofIds = query<{ keyId: number; ids: string; merged: number }, Row>((k, p, { differences }) =>
  k
    .selectFrom(differences.eachText(p.ids))
    .crossJoin('people as p')
    .select(['p.id', 'p.merged', 'p.name', 'p.person_id as personId'])
    .where('p.key_id', '=', p.keyId)
    .where('p.merged', '=', p.merged)
    .whereRef('p.id', '=', 'x.value'),
)

/**
 * Who these participants are, as far as that is gathered: the person that they were merged into, or themselves.
 * @param orPersons an id may also be that of a person, which goes before a participant's
 */
export async function readWho(
  db: Database,
  keyId: number,
  ids: string[],
  { orPersons = false }: { orPersons?: boolean } = {},
): Promise<Map<string, Who>> {
  if (ids.length === 0) return new Map()
  const participants = await db.all(ofIds(db), { keyId, ids: JSON.stringify(ids), merged: 0 })
  const wanted = new Set([...participants.flatMap(({ personId }) => personId ?? []), ...(orPersons ? ids : [])])
  const persons =
    wanted.size === 0 ? [] : await db.all(ofIds(db), { keyId, ids: JSON.stringify([...wanted]), merged: 1 })
  const byId = new Map(persons.map(({ id, name }) => [id, { id, name, merged: true }]))
  const who = new Map<string, Who>()
  for (const { id, name, personId } of participants) {
    who.set(id, (personId === null ? undefined : byId.get(personId)) ?? { id, name, merged: false })
  }
  if (orPersons) for (const id of ids) who.set(id, byId.get(id) ?? who.get(id) ?? { id, name: '', merged: false })
  return who
}
