import type { Kysely } from 'kysely'
import type { Database } from './database/database.ts'
import { newObjectId } from './database/ids.ts'
import { type Page, toLimit } from './database/page.ts'
import type { Tables } from './database/tables.ts'
import { noun, type Over, query } from './noun.ts'

/** When rooms should be used. */
export type Schedule = {
  keyId: number
  /** 24 hex digits. */
  id: string
  /** By which calendars know it. */
  uid: string
  name: string
  roomIds: string[]
  /** When the first occurrence begins, by the clocks of the zone: yyyy-mm-ddThh:mm:ss. */
  startLocal: string
  timeZone: string
  /** Empty where it takes place once. */
  rrule: string
  /** yyyy-mm-dd there. */
  exdates: string[]
  durationMinutes: number
  graceMinutes: number
  /** How many people are expected. */
  expected: number
  createdAt: number
  updatedAt: number
}
export type Expected = { participantId: string; name: string }

/** Without `uid` it gets one; without `roster` that stays. */
export type ScheduleToSave = Pick<
  Schedule,
  'keyId' | 'name' | 'roomIds' | 'startLocal' | 'timeZone' | 'rrule' | 'exdates' | 'durationMinutes' | 'graceMinutes'
> & { id?: string | undefined; uid?: string | undefined; roster?: Expected[] | undefined }

const columns = [
  's.key_id as keyId',
  's.id',
  's.uid',
  's.name',
  's.start_local as startLocal',
  's.time_zone as timeZone',
  's.rrule',
  's.exdates_json as exdatesJson',
  's.duration_minutes as durationMinutes',
  's.grace_minutes as graceMinutes',
  's.created_at as createdAt',
  's.updated_at as updatedAt',
] as const

type Row = Omit<Schedule, 'exdates' | 'roomIds'> & { exdatesJson: string }
type OfKey = { keyId: number; id: string }

const known = (k: Kysely<Tables>) =>
  k
    .selectFrom('schedules as s')
    .select(columns)
    .select((eb) =>
      eb
        .selectFrom('schedule_people as p')
        .select((inner) => inner.fn.countAll<number>().as('n'))
        .whereRef('p.key_id', '=', 's.key_id')
        .whereRef('p.schedule_id', '=', 's.id')
        .$asScalar()
        .as('expected'),
    )
    .$narrowType<{ expected: number }>()
const byId = query<OfKey, Row>((k, p) => known(k).where('s.key_id', '=', p.keyId).where('s.id', '=', p.id))
const byUid = query<{ keyId: number; uid: string }, { id: string }>((k, p) =>
  k.selectFrom('schedules').select('id').where('key_id', '=', p.keyId).where('uid', '=', p.uid),
)
const roomsOf = query<{ keyId: number; ids: string }, { id: string; roomId: string }>((k, p, { differences }) =>
  k
    .selectFrom('schedule_rooms')
    .select(['schedule_id as id', 'room_id as roomId'])
    .where('key_id', '=', p.keyId)
    .where(differences.isIn('schedule_id', p.ids))
    .orderBy('schedule_id')
    .orderBy('room_id'),
)
const rosterOf = query<OfKey, Expected>((k, p) =>
  k
    .selectFrom('schedule_people')
    .select(['participant_id as participantId', 'name'])
    .where('key_id', '=', p.keyId)
    .where('schedule_id', '=', p.id)
    .orderBy('name')
    .orderBy('participant_id'),
)
const rostersOf = query<{ keyId: number; ids: string }, { total: number }>((k, p, { differences }) =>
  k
    .selectFrom('schedule_people')
    .select((eb) => eb.fn.count<number>('schedule_id').distinct().as('total'))
    .where('key_id', '=', p.keyId)
    .where(differences.isIn('participant_id', p.ids)),
)

export const schedules = noun({
  reads: {
    async find(over: Over, keyId: number, id: string): Promise<Schedule | undefined> {
      const rows = await over.db.all(byId(over.db), { keyId, id })
      return (await withRooms(over, keyId, rows))[0]
    },
    async findByUid({ db }: Over, keyId: number, uid: string): Promise<string | undefined> {
      return (await db.all(byUid(db), { keyId, uid }))[0]?.id
    },
    /** Newest first: of one room, or all. */
    async list(
      over: Over,
      keyId: number,
      { roomId }: { roomId?: string | undefined },
      page: Page,
    ): Promise<{ schedules: Schedule[]; total: number }> {
      const k = over.db.kysely
      const ofRoom = k.selectFrom('schedule_rooms').select('schedule_id').where('key_id', '=', keyId)
      const isHere = roomId === undefined ? undefined : ofRoom.where('room_id', '=', roomId)
      const counted = k
        .selectFrom('schedules as s')
        .where('s.key_id', '=', keyId)
        .$if(isHere !== undefined, (found) => found.where('s.id', 'in', isHere ?? ofRoom))
      const { total } = await counted.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
      const { limit, offset } = toLimit(page)
      const rows = await known(k)
        .where('s.key_id', '=', keyId)
        .$if(isHere !== undefined, (found) => found.where('s.id', 'in', isHere ?? ofRoom))
        .orderBy('s.created_at', 'desc')
        .orderBy('s.id', 'desc')
        .limit(limit)
        .offset(offset)
        .execute()
      return { schedules: await withRooms(over, keyId, rows), total: Number(total) }
    },
    /** Who is expected, in order of name. */
    async roster({ db }: Over, keyId: number, id: string): Promise<Expected[]> {
      return db.all(rosterOf(db), { keyId, id })
    },
    /** In how many rosters somebody is, by any of these ids. */
    async countRosters({ db }: Over, keyId: number, ids: string[]): Promise<number> {
      return Number((await db.all(rostersOf(db), { keyId, ids: JSON.stringify(ids) }))[0]?.total ?? 0)
    },
  },
  writes: {
    /** A new one, or in place of that with this `id`: undefined where there is no such. */
    async save(over: Over, { id, uid, roster, ...given }: ScheduleToSave): Promise<Schedule | undefined> {
      const { db, now } = over
      const { keyId } = given
      const at = now()
      const before = id === undefined ? undefined : await schedules.reads.find(over, keyId, id)
      if (id !== undefined && before === undefined) return undefined
      const saved = before?.id ?? newObjectId(at)
      const row = {
        key_id: keyId,
        id: saved,
        uid: before?.uid ?? uid ?? `${saved}@rollcall`,
        name: given.name,
        start_local: given.startLocal,
        time_zone: given.timeZone,
        rrule: given.rrule,
        exdates_json: JSON.stringify(given.exdates),
        duration_minutes: given.durationMinutes,
        grace_minutes: given.graceMinutes,
        created_at: before?.createdAt ?? at,
        // Also where it is changed twice in a moment: an export knows by it that something changed.
        updated_at: Math.max(at, (before?.updatedAt ?? 0) + 1),
      }
      await db.insertRows('schedules', [row], ['key_id', 'id'])
      await db.kysely
        .deleteFrom('schedule_rooms')
        .where('key_id', '=', keyId)
        .where('schedule_id', '=', saved)
        .execute()
      const rooms = given.roomIds.map((roomId) => ({ key_id: keyId, schedule_id: saved, room_id: roomId }))
      await db.insertRows('schedule_rooms', rooms)
      if (roster !== undefined) await saveRoster(over, keyId, saved, roster)
      return schedules.reads.find(over, keyId, saved)
    },
    /** Whether there was one. */
    async delete({ db }: Over, { keyId, id }: OfKey): Promise<boolean> {
      const k = db.kysely
      await k.deleteFrom('schedule_rooms').where('key_id', '=', keyId).where('schedule_id', '=', id).execute()
      await k.deleteFrom('schedule_people').where('key_id', '=', keyId).where('schedule_id', '=', id).execute()
      const deleted = await k
        .deleteFrom('schedules')
        .where('key_id', '=', keyId)
        .where('id', '=', id)
        .executeTakeFirst()
      return deleted.numDeletedRows > 0n
    },
  },
  unseen: ['save', 'delete'],
})

async function saveRoster({ db }: Over, keyId: number, id: string, roster: Expected[]): Promise<void> {
  await db.kysely.deleteFrom('schedule_people').where('key_id', '=', keyId).where('schedule_id', '=', id).execute()
  const rows = roster.map(({ participantId, name }) => ({
    key_id: keyId,
    schedule_id: id,
    participant_id: participantId,
    name,
  }))
  if (rows.length > 0) await db.insertRows('schedule_people', rows)
}

/** Nobody expects them any more. */
export async function dropFromRosters({ db }: Pick<Over, 'db'>, keyId: number, participantId: string): Promise<void> {
  await db.kysely
    .deleteFrom('schedule_people')
    .where('key_id', '=', keyId)
    .where('participant_id', '=', participantId)
    .execute()
}

async function withRooms({ db }: Over, keyId: number, rows: Row[]): Promise<Schedule[]> {
  if (rows.length === 0) return []
  const ids = JSON.stringify(rows.map(({ id }) => id))
  const rooms = Map.groupBy(await db.all(roomsOf(db), { keyId, ids }), ({ id }) => id)
  return rows.map(({ exdatesJson, expected, ...row }) => ({
    ...row,
    roomIds: (rooms.get(row.id) ?? []).map(({ roomId }) => roomId),
    exdates: JSON.parse(exdatesJson) as string[],
    expected: Number(expected),
  }))
}

/** A schedule of an erased room alone goes with it. */
export async function dropRoom(db: Database, keyId: number, roomId: string): Promise<void> {
  const k = db.kysely
  const rows = await k
    .deleteFrom('schedule_rooms')
    .where('key_id', '=', keyId)
    .where('room_id', '=', roomId)
    .returning('schedule_id as id')
    .execute()
  for (const { id } of rows) {
    const other = await k
      .selectFrom('schedule_rooms')
      .select('room_id')
      .where('key_id', '=', keyId)
      .where('schedule_id', '=', id)
      .executeTakeFirst()
    if (other === undefined) await schedules.writes.delete({ db } as Over, { keyId, id })
  }
}
