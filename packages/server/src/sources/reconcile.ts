import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Fact, reporterOf, type Snapshot } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { concludeEnd, concludeFromSnapshot, type People } from '../ledger/conclude.ts'
import type { Session } from '../ledger/state.ts'
import { createFairPool } from '../runtime/fair-pool.ts'
import type { GuardedFetch } from '../runtime/guarded-fetch.ts'
import { repeat } from '../runtime/repeat.ts'
import type { SourceHealth as KnownHealth, Source } from '../store/sources.ts'
import { type Engines, engineFor } from './engines/engines.ts'
import { createAsk, type Looked, type SeenRoom } from './engines/media-server.ts'
import type { SourceHealth } from './health.ts'
import { livesMax } from './superseded.ts'

export type ReconcileLimits = {
  /** Each media server is asked this often, in milliseconds. */
  intervalMs: number
  /** What it said waits for this long, so that events that are on their way come before it, in milliseconds. */
  settleMs: number
  /** That everybody is where they were is recorded this often, in milliseconds. */
  renewMs: number
  /** After a silence of this length a delivery has it asked at once, in milliseconds. */
  gapMs: number
  /** Most media servers that are asked at the same time: each key has its share of them. */
  looksMax: number
}
export const reconcileLimits: ReconcileLimits = {
  intervalMs: 30_000,
  settleMs: 2000,
  renewMs: 300_000,
  gapMs: 120_000,
  looksMax: 20,
}

/** Ask media servers who is inside, so that what they told and nobody heard is missed for no longer than a minute and a half. */
export type Reconcilers = {
  /** It sent something: after a silence, or where it did not answer before, it is asked at once. */
  noteDelivery(source: Source): void
  stop(): Promise<void>
}

type Parts = {
  engines: Engines
  guardedFetch: GuardedFetch
  sourceHealth: Pick<SourceHealth, 'noteError'>
  limits: ReconcileLimits
  /** Whether it is this process that asks. */
  isMine(): boolean
}
type Asking = Pick<Context, 'reads' | 'known' | 'writes' | 'record' | 'clock' | 'log' | 'metrics'>
type KnownSource = Source & { health: Pick<KnownHealth, 'skewMs'> }

/** What is remembered of a source from one look to the next. */
type Memory = {
  heardAt: number
  failed: boolean
  /** By session: the latest snapshot that said nothing new, and is not recorded. */
  unsaid: Map<string, Snapshot>
  /** Sessions whose room was not there at the last look. */
  gone: Set<string>
}

/** One process asks for all that share a database. */
export function startReconcilers(
  context: Asking,
  { engines, guardedFetch, sourceHealth, limits, isMine }: Parts,
): Reconcilers {
  const { reads, clock, log, metrics } = context
  const stopping = new AbortController()
  const memories = new Map<string, Memory>()
  const underWay = new Map<string, Promise<void>>()
  const waiting = new Map<string, KnownSource>()
  const pool = createFairPool(limits.looksMax)

  const round = async () => {
    if (!isMine()) return memories.clear()
    const sources = (await reads.sources.listAll()).filter(canAsk)
    const ids = new Set(sources.map(({ id }) => id))
    for (const id of memories.keys()) if (!ids.has(id)) memories.delete(id)
    for (const source of sources) ask(source)
  }
  const failed = (err: unknown) => log.error({ err }, 'media servers could not be asked; the next time tries again')
  const rounds = repeat(limits.intervalMs, round, failed)
  const first = round().catch(failed)

  return {
    noteDelivery(source) {
      if (!isMine() || !canAsk(source)) return
      const memory = memoryOf(source)
      const silentMs = clock.now() - memory.heardAt
      memory.heardAt = clock.now()
      if (memory.failed || silentMs > limits.gapMs) ask({ ...source, health: { skewMs: null } })
    },
    async stop() {
      stopping.abort(new Error('the server stops'))
      await first
      await rounds.stop()
      await Promise.all(underWay.values())
    },
  }

  function canAsk({ type, settings }: Source): boolean {
    return engineFor(engines, type).api?.isReachable(settings) === true
  }

  function memoryOf({ id }: Source): Memory {
    const known = memories.get(id)
    if (known !== undefined) return known
    const memory = { heardAt: clock.now(), failed: false, unsaid: new Map(), gone: new Set<string>() }
    memories.set(id, memory)
    return memory
  }

  /** One look at a source at a time; whoever comes when too many of their key, or of all, are under way waits for their turn. */
  function ask(source: KnownSource): void {
    if (stopping.signal.aborted || underWay.has(source.id)) return
    if (!pool.take(source.keyId)) {
      waiting.set(source.id, source)
      return
    }
    const looking = reconcile(source).finally(() => {
      underWay.delete(source.id)
      pool.release(source.keyId)
      askNext()
    })
    underWay.set(source.id, looking)
  }

  /** The first that waits and whose key may be asked of. */
  function askNext(): void {
    for (const next of [...waiting.values()]) {
      waiting.delete(next.id)
      ask(next)
      if (!waiting.has(next.id)) return
    }
  }

  async function reconcile(source: KnownSource): Promise<void> {
    const memory = memoryOf(source)
    try {
      const looked = await look(source)
      metrics.noteLook('answered')
      if (memory.failed) log.info({ source: source.id }, 'a media server says again who is inside')
      memory.failed = false
      await delay(limits.settleMs, undefined, { signal: stopping.signal })
      await compare(context, source, looked, memory, limits)
    } catch (err) {
      if (stopping.signal.aborted) return
      metrics.noteLook('failed')
      sourceHealth.noteError(source, `It does not say who is inside: ${(err as Error).message}`)
      if (!memory.failed) log.warn({ source: source.id, err }, 'a media server does not say who is inside')
      memory.failed = true
      // What it might have said meanwhile is not known: absence in a row begins anew.
      memory.gone.clear()
    }
  }

  function look(source: KnownSource): Promise<Looked> {
    const { id, keyId, type, settings, health } = source
    const { api } = engineFor(engines, type)
    if (api === undefined) throw new Error(`a ${type} source has no API`)
    const ask = createAsk({ guardedFetch, clock, skewMs: health.skewMs ?? 0, signal: stopping.signal })
    return api.look(ask, settings, async (reporter) => {
      const running = await reads.sources.listRunning(keyId, nameOf(id, reporter))
      return running.map(({ customRoomId, roomId }) => customRoomId ?? roomId)
    })
  }
}

/** Records what the record does not know yet of what was seen. */
async function compare(
  { reads, known, record, clock }: Asking,
  { keyId, id }: Source,
  { reporter, at, rooms }: Looked,
  memory: Memory,
  { renewMs }: ReconcileLimits,
): Promise<void> {
  const source = nameOf(id, reporter)
  const running = await reads.sources.listRunning(keyId, source)
  const runningIn = new Map(
    running.flatMap((one) => [one.roomId, one.customRoomId ?? one.roomId].map((name) => [name, one.roomId])),
  )
  const unknown = rooms.filter(({ room, participants }) => participants.length > 0 && !runningIn.has(room))
  const roomIds = new Map([
    ...runningIn,
    ...(await known.roomIds(keyId, [...new Set(unknown.map(({ room }) => room))])),
  ])
  const seen = new Set<string>()
  for (const room of rooms) {
    const roomId = roomIds.get(room.room)
    if (roomId === undefined) {
      await openNew(room)
      continue
    }
    const session = running.find((one) => one.roomId === roomId && one.sessionKey === (room.sessionKey ?? null))
    const snapshot = toSnapshot(room, source, roomId)
    if (session === undefined) await open(snapshot)
    else {
      seen.add(session.id)
      await renew(session, snapshot)
    }
  }
  const unseen = running.filter(
    ({ id, sessionKey, startAt }) => !seen.has(id) && sessionKey !== null && startAt !== null && startAt <= at,
  )
  for (const session of unseen) if (memory.gone.has(session.id)) await end(session)
  memory.gone = new Set(unseen.map(({ id }) => id))
  const stillRunning = new Set(running.map(({ id }) => id))
  for (const id of memory.unsaid.keys()) if (!stillRunning.has(id)) memory.unsaid.delete(id)

  function toSnapshot({ sessionKey, at, participants }: SeenRoom, source: string, roomId: string): Snapshot {
    return {
      type: 'snapshot',
      id: `snapshot ${randomUUID()}`,
      source,
      roomId,
      ...(sessionKey !== undefined && { sessionKey }),
      at,
      receivedAt: clock.now(),
      participants,
    }
  }

  /** Of a room that nobody named before. */
  async function openNew(seen: SeenRoom): Promise<void> {
    const snapshot = toSnapshot(seen, source, seen.room)
    if (snapshot.participants.length > 0) await record(keyId, [snapshot], { newRooms: [seen.room] })
  }

  /** Of a session that does not run, by the record. */
  async function open(snapshot: Snapshot): Promise<void> {
    if (snapshot.participants.length === 0) return
    const { sessionKey, roomId } = snapshot
    if (sessionKey !== undefined) {
      // It is said to be over, and has people in it: what they do moves its end, now and then.
      const lives = await reads.sources.listLives(keyId, source, roomId, livesMax)
      const life = lives.find((one) => one.sessionKey === sessionKey)
      if (life !== undefined && snapshot.at - life.lastAt < renewMs) return
    }
    await record(keyId, [snapshot])
  }

  async function renew(session: Session, snapshot: Snapshot): Promise<void> {
    const people = await findPeople(session, snapshot)
    const isNews = concludeFromSnapshot(session, people, snapshot).length > 0
    const evidenceAt = Math.max(session.lastAt, session.snapshotAt ?? 0)
    if (!isNews && snapshot.at - evidenceAt < renewMs) {
      memory.unsaid.set(session.id, snapshot)
      return
    }
    // Until then all was as it had been.
    await record(keyId, [...unsaidOf(session), snapshot])
  }

  function unsaidOf({ id, snapshotAt }: Session): Fact[] {
    const unsaid = memory.unsaid.get(id)
    memory.unsaid.delete(id)
    return unsaid !== undefined && unsaid.at > (snapshotAt ?? 0) ? [unsaid] : []
  }

  /** Everybody who is inside by the record, and whoever else was seen. */
  async function findPeople({ id }: Session, { participants }: Snapshot): Promise<People> {
    const people: People = Map.groupBy(await reads.sources.listMarksOfInside(keyId, id), (mark) => mark.participantId)
    for (const { participantId } of participants) {
      if (people.has(participantId)) continue
      const found = await reads.sessions.getParticipant(keyId, id, participantId)
      if (found !== undefined) people.set(participantId, found.marks)
    }
    return people
  }

  /** Its room is not there, for the second time in a row. */
  async function end(session: Session): Promise<void> {
    const unsaid = unsaidOf(session)
    if (unsaid.length > 0) await record(keyId, unsaid)
    const now = (await reads.sessions.get(keyId, session.id))?.session
    if (now !== undefined) await record(keyId, [concludeEnd(now, clock.now(), 'absent')])
  }
}

function nameOf(sourceId: string, reporter: string | undefined): string {
  return reporter === undefined ? sourceId : reporterOf(sourceId, reporter)
}
