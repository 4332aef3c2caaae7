import type { Fact } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Recorded } from '../record/facts/record.ts'
import { inRooms, type NamedFact, placeFacts } from '../record/facts/rooms-of-facts.ts'
import { noteOrigins, readOrigins } from '../record/origins.ts'
import type { RunningSession, Source } from '../store/sources.ts'
import type { Backpressure } from './backpressure.ts'
import type { Clocks } from './clocks/clocks.ts'
import { asSaid } from './clocks/corrected.ts'
import type { Delivery, KnownSessions, Report, ReportedFact, Sighting } from './engines/engine.ts'
import { type Engines, engineFor } from './engines/engines.ts'
import { identify } from './engines/reported.ts'
import type { SourceHealth } from './health.ts'
import type { Looks } from './reconciling/looks.ts'
import type { Reconcilers } from './reconciling/reconcile.ts'
import { startSightings, toSightedFact } from './reconciling/sightings.ts'
import { createSupersededSessions, latestSessionsMax } from './reconciling/superseded.ts'
import { createSupersededConnections } from './reconciling/superseded-connections.ts'
import { createUnreportedLeaves } from './reconciling/unreported-leaves.ts'
import { sourceNameOf } from './source-name.ts'
import { verifyBody, verifyHead } from './verify.ts'

/** Verifies what media servers send, translates it into facts, and records them. */
export type Ingest = {
  /**
   * Resolves when the delivery is durable, with the outcome of each fact. Rejects with a `Refusal` SIGNATURE_INVALID, or with
   * anything else where it is not the sender's fault: then nothing is lost when the sender sends the same again.
   * @param fitting the settings that its head was found to fit; absent: it is verified here
   */
  take(source: Source, delivery: Delivery, fitting?: Source['settings'][]): Promise<Recorded[]>
  /** Records what waits. */
  stop(): Promise<void>
}

type Parts = {
  engines: Engines
  backpressure: Backpressure
  clocks: Clocks
  sourceHealth: SourceHealth
  reconcilers: Pick<Reconcilers, 'noteDelivery'>
  looks: Looks
}

export function startIngest(
  context: Pick<Context, 'reads' | 'writes' | 'known' | 'record' | 'clock' | 'log'>,
  { engines, backpressure, clocks, sourceHealth, reconcilers, looks }: Parts,
): Ingest {
  const { reads, writes, known, record, clock } = context
  const superseded = createSupersededSessions(context, recordEvidence)
  const supersededConnections = createSupersededConnections(context, recordEvidence)
  const unreportedLeaves = createUnreportedLeaves(context, recordEvidence)
  const sightings = startSightings(context, recordSightings)
  const oneAtATime = createQueues()

  return {
    async take(source, delivery, fitting) {
      const engine = engineFor(engines, source.type)
      await verifyBody(engine, delivery, fitting ?? verifyHead(engine, delivery, source))
      // Not before it is proven: whoever knows the address could else keep webhooks from others.
      await noteOrigins(writes, source, readOrigins(delivery.headers))
      const report = await clocks.correct(source, engine.normalise(delivery, source.id), delivery.receivedAt)
      const sighted = sightings.select(source, report.sightings ?? [])
      const recorded = await backpressure.retryWhileBusy(engine.maxWaitMs, async () =>
        completeAndRecord(source, delivery, [...report.facts, ...(await identifySighted(source, sighted))]),
      )
      return noteHealth(source, report, report.isDatedByArrival ? recorded.map(asSentAgain) : recorded)
    },

    stop: sightings.stop,
  }

  async function recordSightings(source: Source, waiting: Sighting[]): Promise<void> {
    await recordFacts(source, clock.now(), await identifySighted(source, waiting))
  }

  /** Where passing events may call somebody by another name, they are whoever joined under the same connection. */
  async function identifySighted(source: Source, sighted: Sighting[]): Promise<ReportedFact[]> {
    if (engineFor(engines, source.type).complete === undefined) return sighted.map(toSightedFact)
    const { findParticipant } = knownSessionsOf({ reads, known }, source)
    const facts: ReportedFact[] = []
    for (const sighting of sighted) {
      const { roomId, sessionKey = '', participant } = sighting
      const { connectionId } = participant ?? {}
      const joined = connectionId === undefined ? undefined : await findParticipant(roomId, sessionKey, connectionId)
      const participantId = joined ?? participant?.participantId ?? ''
      facts.push(
        toSightedFact(
          participant === undefined ? sighting : { ...sighting, participant: { ...participant, participantId } },
        ),
      )
    }
    return facts
  }

  async function completeAndRecord(source: Source, delivery: Delivery, reported: ReportedFact[]): Promise<Recorded[]> {
    if (reported.length === 0) return []
    const { complete, reorderWindowMs = 0 } = engineFor(engines, source.type)
    const { receivedAt } = delivery
    if (complete === undefined) return recordFacts(source, receivedAt, reported)
    const sessions = knownSessionsOf({ reads, known }, source)
    const waitsUntil = performance.now() + reorderWindowMs
    for (;;) {
      const recorded = await oneAtATime(source.id, async () => {
        const mayWait = performance.now() < waitsUntil
        const completed = await complete(reported, sessions, { receivedAt, mayWait })
        return completed && recordFacts(source, receivedAt, completed)
      })
      if (recorded !== undefined) return recorded
      // The missing event may come to the server that starts next: the sender retries there, and nothing is guessed.
      if (!(await backpressure.pause())) throw new Refusal('BUSY', 'The server stops: send it again')
    }
  }

  async function recordFacts(source: Source, receivedAt: number, reported: ReportedFact[]): Promise<Recorded[]> {
    const { oneSessionPerRoom, oneConnectionPerPerson, leavesPrecedeEnd } = engineFor(engines, source.type)
    await recordEvidenceBefore(source, reported)
    const byRoomName = reported.map((one) => toFact(one, source, receivedAt))
    const { facts, newRooms } = await placeFacts(known.roomIds, source.keyId, byRoomName)
    if (leavesPrecedeEnd) await unreportedLeaves.endBefore(source, facts as Fact[])
    const recorded = await record(source.keyId, facts, { newRooms })
    sightings.noteRecorded(source, reported)
    if (oneSessionPerRoom !== 'never') {
      const placed = inRooms(facts, await known.roomIds(source.keyId, newRooms))
      await superseded.endSuperseded(source, placed, oneSessionPerRoom === 'always')
      if (oneConnectionPerPerson) await supersededConnections.endOlder(source, placed, recorded)
    }
    return recorded
  }

  /** A restart ends stays at the last evidence. */
  async function recordEvidenceBefore(source: Source, reported: ReportedFact[]): Promise<void> {
    for (const fact of reported) {
      if (fact.type !== 'source-started') continue
      const running = await reads.sources.listRunning(source.keyId, sourceNameOf(source.id, fact.reporter))
      const isOfRoom = ({ roomId, customRoomId }: RunningSession) =>
        fact.roomId === '' || [roomId, customRoomId].includes(fact.roomId)
      const sessionIds = running.filter(isOfRoom).map(({ id }) => id)
      if (sessionIds.length > 0) await recordEvidence(source, sessionIds)
    }
  }

  async function recordEvidence(source: Source, sessionIds: string[]): Promise<void> {
    const waiting = sightings.take(source)
    if (waiting.length > 0) await recordSightings(source, waiting)
    for (const sessionId of sessionIds) await looks.recordLook(source.keyId, sessionId)
  }

  function noteHealth(source: Source, { facts, ignored, sentAt }: Report, recorded: Recorded[]): Recorded[] {
    if (sentAt !== undefined) sourceHealth.noteSent(source, sentAt)
    if (ignored > 0) sourceHealth.noteIgnored(source, ignored)
    sourceHealth.noteFacts(source, recorded, typeOf(facts))
    reconcilers.noteDelivery(source)
    return recorded
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

/** Null where they are of several. */
function typeOf([first, ...others]: ReportedFact[]): string | null {
  return first !== undefined && others.every(({ type }) => type === first.type) ? first.type : null
}

/** The sender's id of an event identifies it: what was recorded under it stays, whatever this arrival would say of its time. */
function asSentAgain(recorded: Recorded): Recorded {
  return recorded.outcome === 'refused' ? { id: recorded.id, outcome: 'duplicate' } : recorded
}

/** Its `roomId` is still the sender's name of the room. What has no id is what its sender said, whatever is made of its times. */
function toFact(reported: ReportedFact, source: Source, receivedAt: number): NamedFact {
  const { reporter, id = identify(asSaid(reported)), ...content } = reported
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
