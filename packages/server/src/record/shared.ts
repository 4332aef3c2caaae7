import type { SharedDuties } from '../store/duties.ts'
import type { SharedLeases } from '../store/leases.ts'
import type { Member } from '../store/members.ts'
import type { Written } from './versions.ts'

/** What the servers before one PostgreSQL database share, as the store of each gives it. */
export type Shared = {
  databaseUrl: string
  /** A pooler that pools by transaction is in between. */
  isPooled: boolean
  /** This process among the others, where that is so. */
  pooledMember: Member
  /** Something has the database for itself, as `rollcall rebuild` does. */
  isHeldAlone(): Promise<boolean>
  leases: SharedLeases
  duties: SharedDuties
  /** Takes the lease from a process that is gone, and infers that whoever it had inside is gone with it. */
  revokeLease(holder: string, now: number): Promise<void>
  /** How much was recorded of each key, by whomever. */
  countRecorded(): Promise<Map<number, number>>
  /** Another process wrote something of these keys; undefined: of any. */
  noteWritten(written: Written): Promise<void>
  /** Called with what this process wrote, once it is durable. */
  onWritten(listener: (written: Written) => void): void
  /** Connections to the database are made anew: those that there are lead nowhere. */
  breakOff(): void
}
