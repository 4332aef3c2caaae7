import type { Fact } from '@rollcall/protocol'
import type { Recorded } from './context.ts'
import type { Rules } from './ledger/state.ts'
import { look, record } from './record.ts'
import type { Database } from './store/database.ts'
import { createFactStore } from './store/facts.ts'
import { createKeyStore } from './store/keys.ts'
import { createLeaseStore } from './store/leases.ts'
import { createRoomStore } from './store/rooms.ts'
import type { SecretBox } from './store/secrets.ts'
import type { Writes } from './store/store.ts'

/** Everything that writes, by name: what each takes and gives. */
export type Operations = {
  [name in keyof Writes]: (input: Parameters<Writes[name]>[0]) => ReturnType<Writes[name]>
} & {
  record(input: { keyId: number; facts: Fact[] }): Promise<Recorded[]>
  /** Looks at every session that is due by `now`. Gives how many it looked at. */
  sweep(input: { now: number }): Promise<number>
  /** Concludes who is gone since the processes that held the hosted rooms stopped without a word. */
  resume(input: { now: number }): Promise<void>
}

export type Operation = {
  [name in keyof Operations]: { name: name; input: Parameters<Operations[name]>[0] }
}[keyof Operations]

/** The name of the source that the hosted rooms are. */
export const hostedSource = 'hosted'
/** Most sessions looked at in one transaction. */
export const sweepMax = 500

/** The operations over one connection; each runs inside a transaction of the caller's. */
export function createOperations(db: Database, parts: { box: SecretBox; rules: Rules; now: () => number }): Operations {
  const { rules, now } = parts
  const facts = createFactStore(db)
  const keys = createKeyStore(db, parts.box, now)
  const rooms = createRoomStore(db, now)
  const leases = createLeaseStore(db)

  return {
    addKey: keys.addKey,
    rotateKey: keys.rotateKey,
    disableKey: keys.disableKey,
    createRoom: rooms.createRoom,
    setRoomDisabled: rooms.setRoomDisabled,
    renewLease: leases.renewLease,
    releaseLease: leases.releaseLease,
    async record({ keyId, facts: all }) {
      const recorded: Recorded[] = []
      for (const fact of all) recorded.push(await record({ facts, rules }, keyId, fact))
      return recorded
    },
    async sweep({ now }) {
      const due = await facts.listToLookAt(now, sweepMax)
      for (const { keyId, sessionId } of due) await look({ facts, rules }, keyId, sessionId, now)
      return due.length
    },
    async resume({ now }) {
      const lastSeenAt = await leases.lastRenewedAt()
      for (const keyId of await leases.listKeysWithRunning(hostedSource)) {
        await record({ facts, rules }, keyId, {
          id: `rollcall:restart ${now}`,
          type: 'source-started',
          source: hostedSource,
          roomId: '',
          at: now,
          receivedAt: now,
          ...(lastSeenAt !== undefined && { lastSeenAt }),
        })
      }
      await leases.clear()
    },
  }
}
