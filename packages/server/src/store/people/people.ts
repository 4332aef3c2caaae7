import { Refusal } from '../../error.ts'
import { noun, type Over } from '../noun.ts'
import { gatherOfKey, listKeysWithNews } from './gather.ts'
import { lockFound } from './grams.ts'
import { markStale } from './kept-people.ts'
import { type Found, findPeople, findPerson, listMembers, type Sought } from './search.ts'
import { toFoundBy } from './searched.ts'
import { readTimes, type TimesOfSession } from './times.ts'
import { readWho, type Who } from './who.ts'

/** `id`: what the merged ones are called by from now on; the same again adds to them. */
export type Merge = { keyId: number; id: string; name: string; participantIds: string[] }

/** Who there is, over all sessions of a key: gathered from the log of changes, and merged where somebody said so. */
export const people = noun({
  reads: {
    search: (over: Over, keyId: number, sought: Sought): Promise<Found> => findPeople(over.db, keyId, sought),
    /** By the id of a person that several were merged into, or else of a participant. */
    find: (over: Over, keyId: number, id: string) => findPerson(over.db, keyId, id),
    /** All that they were inside, as the sessions with these ids of theirs have it, in order of time. */
    times: (over: Over, keyId: number, participantIds: string[]): Promise<TimesOfSession[]> =>
      readTimes(over.db, keyId, participantIds),
    /** Who these are, by the ids of participants, or also of persons (`orPersons`); whoever is not known yet is not in it. */
    who: (over: Over, keyId: number, ids: string[], so?: { orPersons?: boolean }): Promise<Map<string, Who>> =>
      readWho(over.db, keyId, ids, so),
    /** The keys of which something is to be gathered. */
    listKeysWithNews: ({ db }: Over): Promise<number[]> => listKeysWithNews(db),
  },
  writes: {
    /** Takes in some of what is new of a key. Gives how much: 0 where nothing is left. */
    gather: ({ db }: Over, { keyId }: { keyId: number }): Promise<number> => gatherOfKey(db, keyId),
    /** Facts stay as they are: it is noted that these participants are one person. */
    async merge({ db }: Over, { keyId, id, name, participantIds }: Merge): Promise<void> {
      await lockFound(db, keyId)
      const isOneOfThem = db.differences.isIn('id', JSON.stringify(participantIds))
      const known = await db.kysely
        .selectFrom('people')
        .select(['id', 'person_id as personId'])
        .where('key_id', '=', keyId)
        .where('merged', '=', 0)
        .where(isOneOfThem)
        .execute()
      const missing = participantIds.find((one) => !known.some((row) => row.id === one))
      if (missing !== undefined) throw new Refusal('PERSON_NOT_FOUND', `Person ${missing} not found`)
      const taken = known.find(({ personId }) => personId !== null && personId !== id)
      if (taken !== undefined) {
        const { id: participantId, personId } = taken
        throw new Refusal('BAD_REQUEST', `${participantId} is merged into ${personId} already: unmerge them first`)
      }
      await db.kysely
        .updateTable('people')
        .set({ person_id: id, stale: 1 })
        .where('key_id', '=', keyId)
        .where('merged', '=', 0)
        .where(isOneOfThem)
        .execute()
      const row = { key_id: keyId, merged: 1, id, name, seen_at: 0, texts: toFoundBy(id), person_id: null, stale: 1 }
      const kept = { texts: null, number: null }
      await db.insertRows('people', [{ ...row, number: null }], ['key_id', 'merged', 'id'], kept)
      while ((await gatherOfKey(db, keyId)) > 0);
    },
    /** Gives the participants that are apart again: none where nobody was merged under this id. */
    async unmerge({ db }: Over, { keyId, id }: { keyId: number; id: string }): Promise<string[]> {
      await lockFound(db, keyId)
      const members = (await listMembers(db, keyId, id)).map(({ participantId }) => participantId)
      await db.kysely
        .updateTable('people')
        .set({ person_id: null, stale: 1 })
        .where('key_id', '=', keyId)
        .where('person_id', '=', id)
        .where('person_id', 'is not', null)
        .execute()
      await markStale(db, keyId, [id], 1)
      while ((await gatherOfKey(db, keyId)) > 0);
      return members
    },
  },
  replicated: ['search', 'times'],
  unseen: ['gather', 'merge', 'unmerge'],
})
