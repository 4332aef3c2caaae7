import { setTimeout as delay } from 'node:timers/promises'
import type { Context } from '../../context.ts'
import { createFairPool } from '../../runtime/fair-pool.ts'
import type { GuardedFetch } from '../../runtime/guarded-fetch.ts'
import { repeat } from '../../runtime/repeat.ts'
import type { Source } from '../../store/sources.ts'
import type { Clocks } from '../clocks/clocks.ts'
import { type Engines, engineFor } from '../engines/engines.ts'
import { createAsk, type FetchedRooms } from '../engines/media-server.ts'
import type { SourceHealth } from '../health.ts'
import { loggedNameOf, sourceNameOf } from '../source-name.ts'
import { compareWithRecord, type Observations } from './comparison.ts'
import type { ReconcileLimits } from './limits.ts'
import type { Looks } from './looks.ts'

/** An answer says how late it is by the clock of who answers where it says so within this, in milliseconds; most do within a second. */
const measuredWithinMs = 2000

/** Ask media servers who is inside, so that a lost event is missing from the record for no longer than a minute and a half. */
export type Reconcilers = {
  /** A delivery arrived: after a silence or a failure its media server is asked at once. */
  noteDelivery(source: Source): void
  stop(): Promise<void>
}

type Parts = {
  engines: Engines
  guardedFetch: GuardedFetch
  sourceHealth: Pick<SourceHealth, 'noteError'>
  clocks: Clocks
  looks: Looks
  limits: ReconcileLimits
  /** Whether this process is the one that reconciles. */
  isMine(): boolean
}
/** What is remembered of a source from one reconciliation to the next. */
type Memory = Observations & {
  lastDeliveryAt: number
  isFailing: boolean
  /** Which of several servers of the source answered last. */
  reporter: string | undefined
}

/** One process reconciles for all that share a database. */
export function startReconcilers(
  context: Pick<Context, 'reads' | 'writes' | 'known' | 'record' | 'clock' | 'log' | 'metrics'>,
  { engines, guardedFetch, sourceHealth, clocks, looks, limits, isMine }: Parts,
): Reconcilers {
  const { reads, clock, log, metrics } = context
  const stopping = new AbortController()
  const memories = new Map<string, Memory>()
  const schedule = createSchedule(limits.concurrentMax, reconcile)
  const logFailure = (err: unknown) => log.error({ err }, 'reconciliation failed; the next round retries')
  const rounds = repeat(limits.intervalMs, startRound, logFailure)
  const first = startRound().catch(logFailure)

  return {
    noteDelivery(source) {
      if (!isMine() || !hasApi(engines, source)) return
      const memory = memoryOf(source)
      const silentMs = clock.now() - memory.lastDeliveryAt
      memory.lastDeliveryAt = clock.now()
      if (memory.isFailing || silentMs > limits.gapMs) schedule.start(source)
    },
    async stop() {
      stopping.abort(new Error('the server stops'))
      schedule.close()
      await first
      await rounds.stop()
      await schedule.done()
    },
  }

  async function startRound(): Promise<void> {
    if (!isMine()) return memories.clear()
    const sources = (await reads.sources.listAll()).filter((source) => hasApi(engines, source))
    const ids = new Set(sources.map(({ id }) => id))
    for (const id of memories.keys()) if (!ids.has(id)) memories.delete(id)
    for (const source of sources) schedule.start(source)
  }

  function memoryOf({ id }: Source): Memory {
    const known = memories.get(id)
    if (known !== undefined) return known
    const memory: Memory = {
      lastDeliveryAt: clock.now(),
      isFailing: false,
      reporter: undefined,
      absent: new Set<string>(),
      media: new Map(),
    }
    memories.set(id, memory)
    return memory
  }

  async function reconcile(source: Source): Promise<void> {
    const memory = memoryOf(source)
    try {
      const fetched = await fetchRooms(source)
      metrics.noteLook('answered')
      if (memory.isFailing) log.info({ source: loggedNameOf(source.id) }, 'media server lists its participants again')
      memory.isFailing = false
      memory.reporter = fetched.reporter
      await delay(limits.settleMs, undefined, { signal: stopping.signal })
      await compareWithRecord({ ...context, looks }, source, fetched, memory, limits)
    } catch (err) {
      if (stopping.signal.aborted) return
      metrics.noteLook('failed')
      sourceHealth.noteError(source, `It does not say who is inside: ${(err as Error).message}`)
      if (!memory.isFailing)
        log.warn({ source: loggedNameOf(source.id), err }, 'media server does not list its participants')
      if (!memory.isFailing) await recordLooks(source, memory).catch(logFailure)
      memory.isFailing = true
      // The failed answer might have had the session: only answers in a row show that it is absent.
      memory.absent.clear()
    }
  }

  /** Records what the last look found: whatever is inferred from the silence that may follow is dated by it. */
  async function recordLooks({ id, keyId }: Source, { reporter }: Memory): Promise<void> {
    const running = await reads.sources.listRunning(keyId, sourceNameOf(id, reporter))
    for (const session of running) await looks.recordLook(keyId, session.id)
  }

  /** Its times are by our clock. */
  async function fetchRooms(source: Source): Promise<FetchedRooms> {
    const { id, keyId, type, settings } = source
    const { api } = engineFor(engines, type)
    if (api === undefined) throw new Error(`a ${type} source has no API`)
    const measured: number[] = []
    const ask = createAsk({
      ...{ guardedFetch, clock, signal: stopping.signal },
      skewMs: clocks.skewOf(source, memoryOf(source).reporter),
      noteClock(leastMs, mostMs) {
        const widthMs = mostMs - leastMs
        if (widthMs >= 0 && widthMs <= measuredWithinMs) measured.push((leastMs + mostMs) / 2)
      },
    })
    const fetched = await api.fetchRooms(ask, settings, async (reporter) => {
      const running = await reads.sources.listRunning(keyId, sourceNameOf(id, reporter))
      return running.map(({ customRoomId, roomId }) => customRoomId ?? roomId)
    })
    const [skewMs] = measured
    if (skewMs !== undefined) clocks.noteMeasured(source, fetched.reporter, Math.round(skewMs))
    return clocks.correctRooms(source, fetched)
  }
}

function hasApi(engines: Engines, { type, settings }: Source): boolean {
  return engineFor(engines, type).api?.isReachable(settings) === true
}

type Schedule = {
  /** Nothing happens where the source's work is under way. */
  start(source: Source): void
  /** Starts nothing any more. */
  close(): void
  /** Resolves when all that is under way is done. */
  done(): Promise<void>
}

/** Does one piece of work for a source at a time, and `concurrentMax` altogether, fairly by key; further sources wait their turn. */
function createSchedule(concurrentMax: number, work: (source: Source) => Promise<void>): Schedule {
  const underWay = new Map<string, Promise<void>>()
  const waiting = new Map<string, Source>()
  const pool = createFairPool(concurrentMax)
  let isClosed = false

  return {
    start,
    close() {
      isClosed = true
    },
    async done() {
      await Promise.all(underWay.values())
    },
  }

  function start(source: Source): void {
    if (isClosed || underWay.has(source.id)) return
    if (!pool.take(source.keyId)) {
      waiting.set(source.id, source)
      return
    }
    const working = work(source).finally(() => {
      underWay.delete(source.id)
      pool.release(source.keyId)
      startNext()
    })
    underWay.set(source.id, working)
  }

  /** The first that waits and whose key has its share left. */
  function startNext(): void {
    for (const next of [...waiting.values()]) {
      waiting.delete(next.id)
      start(next)
      if (!waiting.has(next.id)) return
    }
  }
}
