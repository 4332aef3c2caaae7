import { hostedSource } from '@rollcall/protocol'
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

/** How a room takes somebody. */
export type Standing = {
  disabled: boolean
  locked: boolean
  /** The hosted session that runs in it. */
  session: { id: string; people: number } | undefined
  /** Who is kept out: this participant, somebody who came by the same link, or others alone; undefined: nobody. */
  keptOut: 'they' | 'link' | 'others' | undefined
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
type Visitor = Given & { link: string | null }
type StandingRow = {
  disabled: number
  lockedAt: number | null
  sessionId: string | null
  people: number | null
  who: number | null
}
/** By the number that stands for it: the highest of a room counts. */
const keptOutWho = ['others', 'link', 'they'] as const
const standing = query<Visitor & { source: string }, StandingRow>((k, p) => {
  const session = k
    .selectFrom('sessions')
    .select('id')
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('source', '=', p.source)
    .where('start_at', 'is not', null)
    .where('end_at', 'is', null)
    .orderBy('start_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
  const kept = k
    .selectFrom('kept_out')
    .select(({ eb, fn }) => {
      const isThey = eb('participant_id', '=', p.participantId)
      return fn.max(eb.case().when(isThey).then(2).when('link', '=', p.link).then(1).else(0).end()).as('who')
    })
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
  return k
    .selectFrom('rooms as r')
    .leftJoin('sessions as s', (join) => join.on('s.key_id', '=', p.keyId).on('s.id', '=', session))
    .select(['r.disabled', 'r.locked_at as lockedAt', 's.id as sessionId', 's.people', kept.as('who')])
    .where('r.key_id', '=', p.keyId)
    .where('r.room_id', '=', p.roomId)
})
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
    /** How a hosted room takes somebody at this moment. Undefined where there is no such room. */
    async standing({ db }: Over, visitor: Visitor): Promise<Standing | undefined> {
      const [row] = await db.all(standing(db), { ...visitor, source: hostedSource })
      if (row === undefined) return undefined
      const { disabled, lockedAt, sessionId, people, who } = row
      return {
        disabled: disabled === 1,
        locked: lockedAt !== null,
        session: sessionId === null ? undefined : { id: sessionId, people: Number(people) },
        keptOut: who === null ? undefined : keptOutWho[Number(who)],
      }
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
