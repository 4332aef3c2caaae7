import { type RawBuilder, sql } from 'kysely'
import type { Database } from './database/database.ts'
import { noun, type Over, query } from './noun.ts'

/** What is known of a process that holds sockets, or held them. */
export type Lease = { holder: string; renewedAt: number; address: string | null }

export type HeldRoom = { keyId: number; roomId: string }

/** `address`: where others send those who want to join its rooms. */
type Renewal = { holder: string; address: string | null; at: number }

const insert = query<Renewal>((k, p) =>
  k.insertInto('leases').values({ holder: p.holder, address: p.address, renewed_at: p.at }),
)
const setRenewed = query<Renewal>((k, p) =>
  k.updateTable('leases').set({ renewed_at: p.at, address: p.address }).where('holder', '=', p.holder),
)
const dropMessages = query<{ holder: string }>((k, p) =>
  k.deleteFrom('process_messages').where('recipient', '=', p.holder),
)
const dropLease = query<{ holder: string }, { renewedAt: number }>((k, p) =>
  k.deleteFrom('leases').where('holder', '=', p.holder).returning('renewed_at as renewedAt'),
)
const dropRooms = query<{ holder: string }, HeldRoom>((k, p) =>
  k.deleteFrom('room_leases').where('holder', '=', p.holder).returning(['key_id as keyId', 'room_id as roomId']),
)
const dropAll = query<object>((k) => k.deleteFrom('leases'))
const lastRenewed = query<object, { at: number | null }>((k) =>
  k.selectFrom('leases').select((eb) => eb.fn.max('renewed_at').as('at')),
)
const keysWithRunning = query<{ source: string }, { keyId: number }>((k, p) =>
  k
    .selectFrom('sessions')
    .select('key_id as keyId')
    .distinct()
    .where('source', '=', p.source)
    .where('end_at', 'is', null),
)
const roomsWithoutHolder = query<{ source: string }, HeldRoom>((k, p) =>
  k
    .selectFrom('sessions as s')
    .leftJoin('room_leases as l', (join) =>
      join.onRef('l.key_id', '=', 's.key_id').onRef('l.room_id', '=', 's.room_id'),
    )
    .select(['s.key_id as keyId', 's.room_id as roomId'])
    .distinct()
    .where('s.source', '=', p.source)
    .where('s.end_at', 'is', null)
    .where('s.inside', '>', 0)
    .where('l.holder', 'is', null),
)

/** The leases of processes on the sockets that they hold, as each process writes its own. */
export const leases = noun({
  reads: {},
  writes: {
    /** This process holds sockets from now on. */
    async take({ db }: Over, renewal: Renewal): Promise<void> {
      await db.run(insert(db), renewal)
    },
    /** It still does at `at`. False where the lease was taken from it: its rooms are others' now. */
    async renew({ db }: Over, renewal: Renewal): Promise<boolean> {
      return (await db.run(setRenewed(db), renewal)) > 0
    },
    /** The process is gone, and said so: nothing is to be inferred from its lease. */
    async release({ db }: Over, { holder }: { holder: string }): Promise<void> {
      await db.run(dropMessages(db), { holder })
      await db.run(dropLease(db), { holder })
      await db.run(dropRooms(db), { holder })
    },
  },
  unseen: ['take', 'renew', 'release'],
})

/** When the last of all leases was renewed; undefined where every process ended in good order. */
export async function lastRenewedAt(db: Database): Promise<number | undefined> {
  return (await db.all(lastRenewed(db), {}))[0]?.at ?? undefined
}

/** Keys with a session of this source that has not ended. */
export async function listKeysWithRunning(db: Database, source: string): Promise<number[]> {
  return (await db.all(keysWithRunning(db), { source })).map(({ keyId }) => keyId)
}

/** Rooms with people inside that no process holds. */
export async function listForsakenRooms(db: Database, source: string): Promise<HeldRoom[]> {
  return db.all(roomsWithoutHolder(db), { source })
}

/** Takes a lease from its holder, with the rooms that it held; undefined where somebody else did, or it was released. */
export async function revokeLease(
  db: Database,
  holder: string,
): Promise<{ renewedAt: number; rooms: HeldRoom[] } | undefined> {
  await db.run(dropMessages(db), { holder })
  const [lease] = await db.all(dropLease(db), { holder })
  return lease && { renewedAt: lease.renewedAt, rooms: await db.all(dropRooms(db), { holder }) }
}

export async function clearLeases(db: Database): Promise<void> {
  await db.run(dropAll(db), {})
}

/** What the processes before one PostgreSQL service ask of each other's leases; each a statement of its own. */
export type SharedLeases = {
  list(): Promise<Lease[]>
  /** Gives the fence where the room is now this holder's, else whose it is; undefined where it is nobody's by now, or the holder's lease is gone. */
  takeRoom(room: HeldRoom, holder: string): Promise<{ fence: number } | { holder: string } | undefined>
  findHolder(room: HeldRoom): Promise<string | undefined>
  releaseRoom(room: HeldRoom & { fence: number }): Promise<void>
  /** Leaves a message where its recipient finds it. */
  send(recipient: string, body: string): Promise<void>
  /** Takes the messages to a holder, in order. */
  receive(holder: string): Promise<string[]>
}

export function createSharedLeases(db: Database): SharedLeases {
  const k = db.kysely
  const all = async <Row>(query: RawBuilder<Row>) => (await query.execute(k)).rows
  const findRoom = async ({ keyId, roomId }: HeldRoom) => {
    const [row] = await all(
      sql<{ holder: string; fence: number }>`
        select holder, fence from room_leases where key_id = ${keyId} and room_id = ${roomId}`,
    )
    return row
  }
  return {
    list: () => k.selectFrom('leases').select(['holder', 'renewed_at as renewedAt', 'address']).execute(),
    async takeRoom(room, holder) {
      // A process whose lease is being taken from it gets no more rooms. Its renewal is held up by nothing here: this may wait for
      // another process that takes the same room.
      const [taken] = await all(
        sql<{ fence: number }>`
          insert into room_leases (key_id, room_id, holder, fence)
          select cast(${room.keyId} as integer), ${room.roomId}, l.holder, nextval('room_fences')
          from leases as l where l.holder = ${holder} for key share
          on conflict do nothing returning fence`,
      )
      if (taken !== undefined) return taken
      const found = await findRoom(room)
      return found?.holder === holder ? { fence: found.fence } : found && { holder: found.holder }
    },
    findHolder: async (room) => (await findRoom(room))?.holder,
    async releaseRoom({ keyId, roomId, fence }) {
      await k
        .deleteFrom('room_leases')
        .where('key_id', '=', keyId)
        .where('room_id', '=', roomId)
        .where('fence', '=', fence)
        .execute()
    },
    async send(recipient, body) {
      await k.insertInto('process_messages').values({ recipient, body }).execute()
    },
    async receive(holder) {
      const rows = await k
        .deleteFrom('process_messages')
        .where('recipient', '=', holder)
        .returning(['id', 'body'])
        .execute()
      return rows.sort((a, b) => a.id - b.id).map(({ body }) => body)
    },
  }
}
