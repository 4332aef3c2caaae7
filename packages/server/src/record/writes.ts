import { type Fact, hostedSource } from '@rollcall/protocol'
import { Refusal } from '../error.ts'
import type { Rules } from '../ledger/state.ts'
import { createChangeReads } from '../store/changes.ts'
import type { Database } from '../store/database/database.ts'
import type { SecretBox } from '../store/database/secrets.ts'
import { prepareFactStore } from '../store/facts/facts.ts'
import { createKeyStore } from '../store/keys.ts'
import { createLeaseStore } from '../store/leases.ts'
import { createLinkStore } from '../store/links.ts'
import { createWebhookStore } from '../store/outbox/deliveries.ts'
import { planTest, planWebhooks } from '../store/outbox/plan.ts'
import { settleDelivery } from '../store/outbox/settle.ts'
import { createRetentionStore, dropMax, eraseMax } from '../store/retention.ts'
import { createRoomStore } from '../store/rooms.ts'
import { createSealStore } from '../store/sessions/seals.ts'
import { createSessionReads } from '../store/sessions/sessions.ts'
import { createSigningKeyStore } from '../store/signing-keys.ts'
import { createSourceStore } from '../store/sources.ts'
import type { Writes } from '../store/store.ts'
import type { FactText } from './fact-text.ts'
import { type AboutRooms, look, type Recorded, type RecordParts, record } from './record.ts'
import { inRooms } from './room-ids.ts'
import { sealSessions } from './seal.ts'

/** Everything that writes, by name: what each takes and gives. */
export type Operations = {
  [name in keyof Writes]: (input: Parameters<Writes[name]>[0]) => ReturnType<Writes[name]>
} & {
  record(input: KeyedFacts): Promise<Recorded[]>
  /** Looks at every session that is due by `now`. Gives how many it looked at. */
  sweep(input: { now: number }): Promise<number>
  /** Makes and keeps the JSON of sessions that ended and are quiet by `now`. Gives how many. */
  seal(input: { now: number }): Promise<number>
  /** Concludes who is gone since the one process that there is stopped without a word. */
  resume(input: { now: number }): Promise<void>
  /** The same of the rooms that no process holds, of several. */
  resumeForsaken(input: { now: number }): Promise<void>
  /** Takes the lease from a process that is gone, and concludes that whoever it had inside is gone since it was renewed. */
  revokeLease(input: { holder: string; now: number }): Promise<void>
}

export type Operation = {
  [name in keyof Operations]: { name: name; input: Parameters<Operations[name]>[0] }
}[keyof Operations]

/** Most sessions looked at in one transaction. */
export const sweepMax = 500
/** Most sessions sealed in one transaction. */
export const sealMax = 50

/**
 * Runs several operations in one transaction, so that one write to the disk serves them all.
 * @param ahead the facts that they will record: what that takes is read at once
 */
export type Transact = <T>(work: (operations: Operations) => Promise<T>, ahead?: KeyedFacts[]) => Promise<T>

/** `texts`: those of the facts, where they were made before. */
export type KeyedFacts = { keyId: number; facts: Fact[]; texts?: FactText[] } & AboutRooms

export type OperationParts = { box: SecretBox; rules: Rules; now: () => number }

/** The operations over one connection. */
export function createOperations(db: Database, parts: OperationParts): Transact {
  const { rules, now } = parts
  const openFacts = prepareFactStore(db)
  const keys = createKeyStore(db, parts.box, now)
  const rooms = createRoomStore(db, now)
  const signingKeys = createSigningKeyStore(db, parts.box, now)
  const leases = createLeaseStore(db)
  const links = createLinkStore(db, now)
  const sources = createSourceStore(db, parts.box, now)
  const webhooks = createWebhookStore(db, parts.box, now)
  const retention = createRetentionStore(db)
  const changes = createChangeReads(db)
  const seals = createSealStore(db)
  const sessions = createSessionReads(db, now)

  return (work, ahead = []) =>
    db.transaction(async () => {
      const facts = openFacts()
      const placed = await placeAll(ahead)
      if (ahead.length > 0) await facts.prepare([...placed.values()])
      const result = await work(operationsWith({ facts, rules }, placed))
      await facts.flush()
      return result
    })

  /** Makes the rooms that are new, and puts the facts into them. In one order: what others make at the same time is waited for. */
  async function placeAll(all: KeyedFacts[]): Promise<Map<KeyedFacts, KeyedFacts>> {
    const roomIds = new Map<number, Map<string, string>>()
    const inNewRooms = all.filter(({ newRooms = [] }) => newRooms.length > 0)
    for (const [keyId, ofKey] of [...Map.groupBy(inNewRooms, (one) => one.keyId)].sort(([a], [b]) => a - b)) {
      const givenIds = [...new Set(ofKey.flatMap(({ newRooms = [] }) => newRooms))].sort()
      roomIds.set(keyId, await rooms.ensureRooms({ keyId, givenIds }))
    }
    const place = ({ texts: _, ...one }: KeyedFacts) => ({
      ...one,
      facts: inRooms(one.facts, roomIds.get(one.keyId) ?? new Map()),
    })
    return new Map(all.map((one) => [one, (one.newRooms ?? []).length > 0 ? place(one) : one]))
  }

  function operationsWith(parts: RecordParts, placed: Map<KeyedFacts, KeyedFacts>): Operations {
    return {
      addKey: keys.addKey,
      addFirstKey: keys.addFirstKey,
      rotateKey: keys.rotateKey,
      disableKey: keys.disableKey,
      removeKey: keys.removeKey,
      async createRoom(input) {
        const room = await rooms.createRoom(input)
        await webhooks.addOfRoom(room)
        return room
      },
      ensureRooms: rooms.ensureRooms,
      setRoomDisabled: rooms.setRoomDisabled,
      keepSigningKey: signingKeys.keepSigningKey,
      addSource: sources.addSource,
      updateSource: sources.updateSource,
      deleteSource: sources.deleteSource,
      noteSources: sources.noteSources,
      addWebhook: webhooks.addWebhook,
      updateWebhook: webhooks.updateWebhook,
      rotateWebhookSecret: webhooks.rotateWebhookSecret,
      deleteWebhook: webhooks.deleteWebhook,
      planWebhooks: ({ keyId, most }) => planWebhooks({ webhooks, changes }, keyId, most),
      settleDelivery: ({ keyId, id, attempt }) => settleDelivery(webhooks, keyId, id, attempt),
      replayDeliveries: ({ keyId, filter }) => webhooks.replay(keyId, filter),
      testWebhook: ({ keyId, id }) => planTest(webhooks, keyId, id, now()),
      eraseSessions: ({ before }) => retention.eraseSessions(now(), before, eraseMax),
      dropLog: async ({ before }) =>
        (await retention.dropFacts(before, dropMax)) + (await retention.dropDeliveries(before, dropMax)),
      addLink: links.addLink,
      takeLink: links.takeLink,
      takeLease: leases.takeLease,
      renewLease: leases.renewLease,
      releaseLease: leases.releaseLease,
      async record(input) {
        const { keyId, facts, texts, fence } = placed.get(input) ?? (await placeAll([input])).get(input) ?? input
        if (fence !== undefined && !parts.facts.isHeld(keyId, facts, fence))
          throw new Refusal('ROOM_MOVED', `room ${facts[0]?.roomId} is held by another process`)
        const recorded: Recorded[] = []
        for (const [i, fact] of facts.entries()) recorded.push(await record(parts, keyId, fact, texts?.[i]))
        return recorded
      },
      async sweep({ now }) {
        const due = await parts.facts.listToLookAt(now, sweepMax)
        for (const { keyId, sessionId } of due) await look(parts, keyId, sessionId, now)
        return due.length
      },
      async seal({ now }) {
        const due = await seals.listToSeal(now, sealMax)
        await sealSessions({ seals, sessions }, due)
        return due.length
      },
      async resume({ now }) {
        const lastSeenAt = await leases.lastRenewedAt()
        for (const keyId of await leases.listKeysWithRunning(hostedSource)) {
          await record(parts, keyId, toRestart(`${now}`, '', now, lastSeenAt))
        }
        await leases.clear()
      },
      async resumeForsaken({ now }) {
        for (const { keyId, roomId } of inOrder(await leases.listForsaken(hostedSource))) {
          await record(parts, keyId, toRestart(`${now} ${roomId}`, roomId, now))
        }
      },
      async revokeLease({ holder, now }) {
        const revoked = await leases.revoke(holder)
        for (const { keyId, roomId } of inOrder(revoked?.rooms ?? [])) {
          await record(parts, keyId, toRestart(`${holder} ${roomId}`, roomId, now, revoked?.renewedAt))
        }
      },
    }
  }
}

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
function inOrder<Room extends { keyId: number; roomId: string }>(rooms: Room[]): Room[] {
  return rooms.sort((a, b) => a.keyId - b.keyId || (a.roomId < b.roomId ? -1 : 1))
}
