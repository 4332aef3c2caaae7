import type { Logger } from 'pino'
import program from '../../package.json' with { type: 'json' }
import { ensureFirstKey } from '../api/auth/first-key.ts'
import { type Config, toRules } from '../config.ts'
import type { Context } from '../context.ts'
import { type ChangeSignal, createChangeSignal } from '../record/change-signal.ts'
import { traceRecording } from '../record/facts/traced.ts'
import { openStore, type Store } from '../record/open-store.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { createLog } from '../runtime/log.ts'
import { createMetrics } from '../runtime/metrics.ts'
import { openTracing, type Tracing } from '../runtime/tracing.ts'
import type { Key } from '../store/keys/key.ts'
import type { ServingParts, Start } from './serving.ts'

/** A running server. */
export type App = {
  /** Where it listens, without a slash at the end. */
  url: string
  context: Context
  /** The key to begin with; undefined where every key is disabled. */
  firstKey: Key | undefined
  /** Stops accepting, closes the sockets, answers requests in flight, and closes the store. A second call waits for the first. */
  stop(): Promise<void>
}

export type AppParts = ServingParts & {
  clock?: Clock
  log?: Logger
  /** Most facts that wait for the disk at once. Default: 50,000. */
  factsWaitingMax?: number
  /** The program of the thread that writes to SQLite. Default: the one beside what runs. */
  threadUrl?: URL | undefined
  /** Called when nothing can be recorded any more: the process should end. */
  onFailure?: (error: Error) => void
}

/** What is said of a data folder whose file was copied alone. */
const logLost =
  'rollcall.db was copied from a running server without its rollcall.db-wal: what was recorded last is not in it. Copy by `rollcall backup`, and if the original is still there, take it from there'

/** Starts a whole server. Throws a `StartRefusal` where the settings, the folder or the port do not allow it. */
export async function startApp(config: Config, parts: AppParts = {}): Promise<App> {
  const { clock = systemClock, log = createLog(config.logLevel) } = parts
  await using started = new AsyncDisposableStack()
  const start: Start = (part) => {
    started.defer(() => part.stop())
    return part
  }
  const fail = (err: Error) => {
    log.fatal({ err }, 'recording failed for good: the process should end')
    parts.onFailure?.(err)
  }
  const { context, store, signal } = await openRecord(config, { clock, log, parts, fail, start })
  // The writing thread takes a tenth of a second to start: what serves is loaded meanwhile.
  const [firstKey, { serve }] = await Promise.all([prepareRecord(context, store), import('./serving.ts')])
  const url = await serve({ context, store, signal, parts, start, fail })
  log.info({ url }, 'started')
  return toApp({ url, context, firstKey }, started.move())
}

/** The key to begin with, and an end for whoever was inside when the last process stopped without a word. */
async function prepareRecord(context: Context, store: Store): Promise<Key | undefined> {
  const firstKey = await ensureFirstKey(context)
  await store.resume(context.clock.now())
  return firstKey
}

/** The store, and the context that everything else takes its parts from. */
async function openRecord(
  config: Config,
  {
    clock,
    log,
    parts,
    fail,
    start,
  }: { clock: Clock; log: Logger; parts: AppParts; fail(error: Error): void; start: Start },
): Promise<{ context: Context; store: Store; signal: ChangeSignal }> {
  const metrics = createMetrics()
  const signal = createChangeSignal()
  const store = await openStore({
    databaseUrl: config.databaseUrl,
    replica: config.readReplica && {
      ...config.readReplica,
      onReplica: (text, isUsed) => (isUsed ? log.info(text) : log.warn(text)),
      onRead: metrics.noteRead,
    },
    dataFolder: config.dataFolder,
    masterKey: config.masterKey,
    rules: toRules(config),
    clock,
    metrics,
    onChange: signal.tell,
    onLogLost: () => log.warn({ dataFolder: config.dataFolder }, logLost),
    onShownOtherwise: (text) => log.warn(text),
    onFailure: fail,
    factsWaitingMax: parts.factsWaitingMax,
    awayMaxMs: parts.awayMaxMs,
    threadUrl: parts.threadUrl,
  })
  start({ stop: () => store.close() })
  const tracing = await startTracing(config, { log, start })
  const { reads, writes, known, recordingHealth } = store
  const record = tracing === undefined ? store.record : traceRecording(store.record, tracing)
  return {
    context: { config, clock, log, metrics, tracing, reads, writes, known, record, recordingHealth },
    store,
    signal,
  }
}

async function startTracing(
  { otlpEndpoint }: Config,
  { log, start }: { log: Logger; start: Start },
): Promise<Tracing | undefined> {
  if (otlpEndpoint === undefined) return undefined
  const service = { name: 'rollcall', version: program.version }
  return start(await openTracing(otlpEndpoint, service, (err) => log.warn({ err }, 'traces not sent')))
}

function toApp(app: Omit<App, 'stop'>, running: AsyncDisposableStack): App {
  const { log } = app.context
  let stopped: Promise<void> | undefined
  const stop = async () => {
    log.info('stopping')
    await running.disposeAsync()
    log.info('stopped')
  }
  return {
    ...app,
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}
