import { sql } from 'kysely'
import { noun, type Over, query } from './noun.ts'

/** Somebody who may not come into a room until that is lifted. */
export type KeptOut = {
  participantId: string
  /** What they were called then; empty where nobody said. */
  name: string
  /** By which link they came, where whoever has it may come as somebody else: see `linkOf` in `rooms/`. */
  link: string | null
  /** Which host did it; null: a program, or the dashboard. */
  byParticipant: string | null
  keptOutAt: number
}

type OfRoom = { keyId: number; roomId: string }
export type NewKeptOut = OfRoom & Omit<KeptOut, 'keptOutAt'>

/** Most people who are kept out of one room. */
export const keptOutMax = 200

const columns = [
  'participant_id as participantId',
  'name',
  'link',
  'by_participant as byParticipant',
  'kept_out_at as keptOutAt',
] as const

const ofRoom = query<OfRoom, KeptOut>((k, p) =>
  k
    .selectFrom('kept_out')
    .select(columns)
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .orderBy('kept_out_at', 'desc')
    .orderBy('participant_id'),
)
type Given = OfRoom & { participantId: string }
type Matched = { isThey: number }
const matching = query<Given & { link: string }, Matched>((k, p) =>
  k
    .selectFrom('kept_out')
    .select(sql<number>`case when participant_id = ${p.participantId} then 1 else 0 end`.as('isThey'))
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where((eb) => eb.or([eb('participant_id', '=', p.participantId), eb('link', '=', p.link)])),
)
const noteLink = query<Given & { link: string }>((k, p) =>
  k
    .updateTable('kept_out')
    .set({ link: p.link })
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('participant_id', '=', p.participantId)
    .where('link', 'is', null),
)
const lift = query<Given>((k, p) =>
  k
    .deleteFrom('kept_out')
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('participant_id', '=', p.participantId),
)

/** Who is kept out of which room. */
export const keptOut = noun({
  reads: {
    /** The latest first: all, for they are bounded. */
    async list({ db }: Over, of: OfRoom): Promise<KeptOut[]> {
      return (await db.all(ofRoom(db), of)).map((row) => ({ ...row, keptOutAt: Number(row.keptOutAt) }))
    },
    /** `they`: this participant is kept out; `link`: somebody is who came by the same link; undefined: neither. */
    async match({ db }: Over, of: Given & { link: string | null }): Promise<'they' | 'link' | undefined> {
      const rows = await db.all(matching(db), { ...of, link: of.link ?? '' })
      if (rows.some(({ isThey }) => Number(isThey) === 1)) return 'they'
      return rows.length > 0 ? 'link' : undefined
    },
  },
  writes: {
    /** Whoever is kept out already is so as before. False where the room has as many as it may. */
    async add({ db, now }: Over, { keyId, roomId, ...one }: NewKeptOut): Promise<boolean> {
      const known = await db.all(ofRoom(db), { keyId, roomId })
      if (known.some(({ participantId }) => participantId === one.participantId)) return true
      if (known.length >= keptOutMax) return false
      const row = {
        ...{ key_id: keyId, room_id: roomId, participant_id: one.participantId, name: one.name, link: one.link },
        ...{ by_participant: one.byParticipant, kept_out_at: now() },
      }
      await db.insertRows('kept_out', [row], ['key_id', 'room_id', 'participant_id'])
      return true
    },
    /** By which link somebody came whom a program keeps out, which does not know it. */
    async noteLink({ db }: Over, of: Given & { link: string }): Promise<void> {
      await db.run(noteLink(db), of)
    },
    /** False where they were not kept out. */
    async lift({ db }: Over, of: Given): Promise<boolean> {
      return Number(await db.run(lift(db), of)) > 0
    },
  },
  unseen: ['add', 'noteLink', 'lift'],
})

/** Of whoever was erased nothing is kept here; of what they did as a host, who. */
export async function eraseFromKeptOut({ db }: Pick<Over, 'db'>, keyId: number, participantId: string): Promise<void> {
  const k = db.kysely
  await k.deleteFrom('kept_out').where('key_id', '=', keyId).where('participant_id', '=', participantId).execute()
  await k
    .updateTable('kept_out')
    .set({ by_participant: null })
    .where('key_id', '=', keyId)
    .where('by_participant', '=', participantId)
    .execute()
}
