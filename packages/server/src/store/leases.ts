import { type RawBuilder, sql } from 'kysely'
import type { Database } from './database/database.ts'
import type { Writes } from './store.ts'

/** What is known of a process that holds sockets, or held them. */
export type Lease = { holder: string; renewedAt: number; address: string | null }

type HeldRoom = { keyId: number; roomId: string }

export type LeaseStore = Pick<Writes, 'takeLease' | 'renewLease' | 'releaseLease'> & {
  /** When the last of all leases was renewed; undefined where every process ended in good order. */
  lastRenewedAt(): Promise<number | undefined>
  /** Keys with a hosted session that has not ended. */
  listKeysWithRunning(source: string): Promise<number[]>
  /** Rooms with people inside that no process holds. */
  listForsaken(source: string): Promise<HeldRoom[]>
  /** Takes a lease from its holder, with the rooms that it held; undefined where somebody else did, or it was released. */
  revoke(holder: string): Promise<{ renewedAt: number; rooms: HeldRoom[] } | undefined>
  clear(): Promise<void>
}

export function createLeaseStore(db: Database): LeaseStore {
  const k = db.kysely
  const deleteRooms = (holder: string) =>
    k.deleteFrom('room_leases').where('holder', '=', holder).returning(['key_id as keyId', 'room_id as roomId'])
  const deleteLease = async (holder: string) => {
    await k.deleteFrom('process_messages').where('recipient', '=', holder).execute()
    return k.deleteFrom('leases').where('holder', '=', holder).returning('renewed_at as renewedAt').executeTakeFirst()
  }
  return {
    async lastRenewedAt() {
      const row = await k
        .selectFrom('leases')
        .select((eb) => eb.fn.max('renewed_at').as('at'))
        .executeTakeFirst()
      return row?.at ?? undefined
    },
    async listKeysWithRunning(source) {
      const rows = await k
        .selectFrom('sessions')
        .select('key_id as keyId')
        .distinct()
        .where('source', '=', source)
        .where('end_at', 'is', null)
        .execute()
      return rows.map((row) => row.keyId)
    },
    listForsaken: (source) =>
      k
        .selectFrom('sessions as s')
        .leftJoin('room_leases as l', (join) =>
          join.onRef('l.key_id', '=', 's.key_id').onRef('l.room_id', '=', 's.room_id'),
        )
        .select(['s.key_id as keyId', 's.room_id as roomId'])
        .distinct()
        .where('s.source', '=', source)
        .where('s.end_at', 'is', null)
        .where('s.inside', '>', 0)
        .where('l.holder', 'is', null)
        .execute(),
    async takeLease({ holder, address, at }) {
      await k.insertInto('leases').values({ holder, address, renewed_at: at }).execute()
    },
    async renewLease({ holder, address, at }) {
      const renewed = await k
        .updateTable('leases')
        .set({ renewed_at: at, address })
        .where('holder', '=', holder)
        .executeTakeFirst()
      return renewed.numUpdatedRows > 0n
    },
    async releaseLease({ holder }) {
      await deleteLease(holder)
      await deleteRooms(holder).execute()
    },
    async revoke(holder) {
      const lease = await deleteLease(holder)
      return lease && { renewedAt: lease.renewedAt, rooms: await deleteRooms(holder).execute() }
    },
    async clear() {
      await k.deleteFrom('leases').execute()
    },
  }
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
      // A process whose lease is being taken from it gets no more rooms.
      const [taken] = await all(
        sql<{ fence: number }>`
          insert into room_leases (key_id, room_id, holder, fence)
          select cast(${room.keyId} as integer), ${room.roomId}, l.holder, nextval('room_fences')
          from leases as l where l.holder = ${holder} for share
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
