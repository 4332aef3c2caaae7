import { type Fact, hostedSource } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import {
  clearLeases,
  type HeldRoom,
  lastRenewedAt,
  listForsakenRooms,
  listKeysWithRunning,
  revokeLease,
} from '../../store/leases.ts'
import { noun } from '../../store/noun.ts'
import { review } from '../review.ts'
import type { KeyedFacts, Transaction } from '../transaction.ts'
import { type Recorded, record } from './record.ts'

/** Most sessions reviewed in one transaction. */
export const sweepMax = 500

/** What is recorded: what reporters tell, and what is inferred where nobody did. */
export const facts = noun({
  reads: {},
  writes: {
    async record(transaction: Transaction, input: KeyedFacts): Promise<Recorded[]> {
      const { keyId, facts, texts, fence } = await transaction.place(input)
      if (fence !== undefined && !transaction.facts.isHeld(keyId, facts, fence))
        throw new Refusal('ROOM_MOVED', `room ${facts[0]?.roomId} is held by another process`)
      const recorded: Recorded[] = []
      for (const [i, fact] of facts.entries()) recorded.push(await record(transaction, keyId, fact, texts?.[i]))
      return recorded
    },
    /** Reviews every session that is due by `now`. Gives how many it reviewed. */
    async sweep(transaction: Transaction, { now }: { now: number }): Promise<number> {
      const due = await transaction.facts.listToReview(now, sweepMax)
      for (const { keyId, sessionId } of due) await review(transaction, keyId, sessionId, now)
      return due.length
    },
    /** Infers who is gone since the one process that there is stopped without a word. */
    async resume(transaction: Transaction, { now }: { now: number }): Promise<void> {
      const { db } = transaction
      const lastSeenAt = await lastRenewedAt(db)
      for (const keyId of await listKeysWithRunning(db, hostedSource)) {
        await record(transaction, keyId, toRestart(`${now}`, '', now, lastSeenAt))
      }
      await clearLeases(db)
    },
    /** The same of the rooms that no process holds, of several. */
    async resumeForsaken(transaction: Transaction, { now }: { now: number }): Promise<void> {
      for (const { keyId, roomId } of inOrder(await listForsakenRooms(transaction.db, hostedSource))) {
        await record(transaction, keyId, toRestart(`${now} ${roomId}`, roomId, now))
      }
    },
    /** Takes the lease from a process that is gone, and infers that whoever it had inside is gone since it was renewed. */
    async revokeLease(transaction: Transaction, { holder, now }: { holder: string; now: number }): Promise<void> {
      const revoked = await revokeLease(transaction.db, holder)
      for (const { keyId, roomId } of inOrder(revoked?.rooms ?? [])) {
        await record(transaction, keyId, toRestart(`${holder} ${roomId}`, roomId, now, revoked?.renewedAt))
      }
    },
  },
  changes: ['record', 'sweep', 'resume', 'resumeForsaken', 'revokeLease'],
})

/** The process that held a hosted room, or all of them, is gone since `lastSeenAt`. */
function toRestart(id: string, roomId: string, now: number, lastSeenAt?: number): Fact {
  return {
    id: `rollcall:restart ${id}`,
    type: 'source-started',
    source: hostedSource,
    roomId,
    at: now,
    receivedAt: now,
    ...(lastSeenAt !== undefined && { lastSeenAt }),
  }
}

/** Two processes that meet in several rooms come to them in one order. */
function inOrder(rooms: HeldRoom[]): HeldRoom[] {
  return rooms.sort((a, b) => a.keyId - b.keyId || (a.roomId < b.roomId ? -1 : 1))
}
