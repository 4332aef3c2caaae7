import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Recorded } from '../record/record.ts'
import { inRooms, type NamedFact, placeFacts } from '../record/rooms-of-facts.ts'
import type { Source } from '../store/sources.ts'
import type { Backpressure } from './backpressure.ts'
import type { Delivery, KnownSessions, Report, ReportedFact } from './engines/engine.ts'
import { type Engines, engineFor } from './engines/engines.ts'
import { identify } from './engines/reported.ts'
import type { SourceHealth } from './health.ts'
import type { Reconcilers } from './reconcile.ts'
import { sourceNameOf } from './source-name.ts'
import { createSupersededSessions, latestSessionsMax } from './superseded.ts'

/** Verifies what media servers send, translates it into facts, and records them. */
export type Ingest = {
  /**
   * Resolves when the delivery is durable, with the outcome of each fact. Rejects with a `Refusal` SIGNATURE_INVALID, or with
   * anything else where it is not the sender's fault: then nothing is lost when the sender sends the same again.
   */
  take(source: Source, delivery: Delivery): Promise<Recorded[]>
}

type Parts = {
  engines: Engines
  backpressure: Backpressure
  sourceHealth: SourceHealth
  reconcilers: Pick<Reconcilers, 'noteDelivery'>
}

export function createIngest(
  { reads, known, record, clock }: Pick<Context, 'reads' | 'known' | 'record' | 'clock'>,
  { engines, backpressure, sourceHealth, reconcilers }: Parts,
): Ingest {
  const superseded = createSupersededSessions({ reads, record, clock })
  const oneAtATime = createQueues()

  return {
    async take(source, delivery) {
      const engine = engineFor(engines, source.type)
      await engine.verify(delivery, source.settings)
      const report = engine.normalise(delivery, source.id)
      const recorded = await backpressure.retryWhileBusy(engine.maxWaitMs, () =>
        completeAndRecord(source, delivery, report.facts),
      )
      noteHealth(source, report, recorded)
      return recorded
    },
  }

  async function completeAndRecord(source: Source, delivery: Delivery, reported: ReportedFact[]): Promise<Recorded[]> {
    if (reported.length === 0) return []
    const { complete, reorderWindowMs = 0 } = engineFor(engines, source.type)
    if (complete === undefined) return recordFacts(source, delivery, reported)
    const sessions = knownSessionsOf({ reads, known }, source)
    const waitsUntil = performance.now() + reorderWindowMs
    for (;;) {
      const recorded = await oneAtATime(source.id, async () => {
        const completed = await complete(reported, sessions, performance.now() < waitsUntil)
        return completed && recordFacts(source, delivery, completed)
      })
      if (recorded !== undefined) return recorded
      // The missing event may come to the server that starts next: the sender retries there, and nothing is guessed.
      if (!(await backpressure.pause())) throw new Refusal('BUSY', 'The server stops: send it again')
    }
  }

  async function recordFacts(source: Source, delivery: Delivery, reported: ReportedFact[]): Promise<Recorded[]> {
    const { oneSessionPerRoom } = engineFor(engines, source.type)
    const byRoomName = reported.map((one) => toFact(one, source, delivery))
    const { facts, newRooms } = await placeFacts(known.roomIds, source.keyId, byRoomName)
    const recorded = await record(source.keyId, facts, { newRooms })
    if (oneSessionPerRoom !== 'never') {
      const roomIds = await known.roomIds(source.keyId, newRooms)
      await superseded.endSuperseded(source, inRooms(facts, roomIds), oneSessionPerRoom === 'always')
    }
    return recorded
  }

  function noteHealth(source: Source, { ignored, sentAt }: Report, recorded: Recorded[]): void {
    if (sentAt !== undefined) sourceHealth.noteSent(source, sentAt)
    if (ignored > 0) sourceHealth.noteIgnored(source, ignored)
    sourceHealth.noteFacts(source, recorded)
    reconcilers.noteDelivery(source)
  }
}

function knownSessionsOf({ reads, known }: Pick<Context, 'reads' | 'known'>, { keyId, id }: Source): KnownSessions {
  /** Undefined for a room that was never reported: it has no sessions. */
  const findRoomId = async (roomName: string) => (await known.roomIds(keyId, [roomName])).get(roomName)
  return {
    async listSessions(roomName) {
      const roomId = await findRoomId(roomName)
      return roomId === undefined ? [] : reads.sources.listLives(keyId, id, roomId, latestSessionsMax)
    },
    findRoomName: (sessionKey) => reads.sources.findRoomOfLife(keyId, { source: id, sessionKey }),
    async findParticipant(roomName, sessionKey, connectionId) {
      const roomId = await findRoomId(roomName)
      return roomId === undefined
        ? undefined
        : reads.sources.findConnected(keyId, { source: id, roomId, sessionKey, connectionId })
    },
  }
}

/** Its `roomId` is still the sender's name of the room. */
function toFact(reported: ReportedFact, source: Source, { receivedAt }: Delivery): NamedFact {
  const { reporter, id = identify(reported), ...content } = reported
  return { ...content, id, source: sourceNameOf(source.id, reporter), receivedAt } as object as NamedFact
}

/** A queue by name: work under one name runs one after another. */
function createQueues(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const lasts = new Map<string, Promise<unknown>>()
  return async (name, work) => {
    const done = (lasts.get(name) ?? Promise.resolve()).then(work)
    const settled = done.catch(() => undefined)
    lasts.set(name, settled)
    try {
      return await done
    } finally {
      if (lasts.get(name) === settled) lasts.delete(name)
    }
  }
}
