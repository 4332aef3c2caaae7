import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { ensureFirstKey } from './api/auth/first-key.ts'
import { createTokenVerifier } from './api/auth/token.ts'
import { createIngestSockets, ingestSocketPath } from './api/ingest/sockets.ts'
import type { Timeouts } from './api/limits.ts'
import { createApiServer } from './api/server.ts'
import { type FeedLimits, feedLimits } from './api/stream/limits.ts'
import { createTails } from './api/stream/tail.ts'
import { joinFleet } from './cluster/cluster.ts'
import type { FleetLimits } from './cluster/limits.ts'
import { addressOf, type Config, toRules } from './config.ts'
import type { Context } from './context.ts'
import { StartRefusal } from './error.ts'
import { createChangeSignal } from './record/change-signal.ts'
import { countFacts } from './record/count-facts.ts'
import { openStore } from './record/open-store.ts'
import { startRetention, startSealer, startSweeper } from './record/upkeep.ts'
import { createHostedRooms, hostedRoomPath } from './rooms/hosted-rooms.ts'
import type { RtcLimits } from './rooms/limits.ts'
import { type Clock, systemClock } from './runtime/clock.ts'
import { createGuardedFetch } from './runtime/guarded-fetch.ts'
import { createLog } from './runtime/log.ts'
import { createMetrics } from './runtime/metrics.ts'
import { routeUpgrades } from './runtime/upgrades.ts'
import { startAutoClose } from './sources/auto-close.ts'
import { createPatience } from './sources/backpressure.ts'
import { createCommands } from './sources/commands.ts'
import { createEngines } from './sources/engines/engines.ts'
import { startSourceHealth } from './sources/health.ts'
import { createDeliveries } from './sources/ingest.ts'
import { createOrders, type OrderLimits, orderLimits } from './sources/orders.ts'
import { type ReconcileLimits, reconcileLimits, startReconcilers } from './sources/reconcile.ts'
import { commandAfar } from './sources/remote-commands.ts'
import type { Key } from './store/rows.ts'
import { startWebhooks } from './webhooks/dispatcher.ts'
import { type WebhookLimits, webhookLimits } from './webhooks/limits.ts'

/** A running server. */
export type App = {
  /** Where it listens, without a slash at the end. */
  url: string
  context: Context
  /** The key to begin with; undefined where every key is disabled. */
  firstKey: Key | undefined
  /** Stops accepting, tells the sockets, answers what is in flight, and closes the store. Twice is once. */
  stop(): Promise<void>
}

export type AppParts = {
  clock?: Clock
  log?: Logger
  rtcLimits?: RtcLimits
  feedLimits?: FeedLimits
  webhookLimits?: WebhookLimits
  fleetLimits?: FleetLimits
  reconcileLimits?: ReconcileLimits
  orderLimits?: OrderLimits
  timeouts?: Timeouts
  /** How long deliveries of media servers are held while there is no room for them, in place of what each type says. */
  patienceMs?: number
  /** Requests in flight get this long to finish when the server stops. Default: five seconds. */
  drainMs?: number
  /** Most facts that wait for the disk at once. Default 50,000. */
  factsWaitingMax?: number
  /** The program of the thread that writes to SQLite. Default: the one beside what runs. */
  threadUrl?: URL | undefined
  /** Nothing can be recorded any more: the process should end. */
  onFailure?: (error: Error) => void
}

/** In milliseconds. */
const drainMs = 5000

/** Starts a whole server. Throws a `StartRefusal` where the settings, the folder or the port do not allow it. */
export async function startApp(config: Config, parts: AppParts = {}): Promise<App> {
  const { clock = systemClock, log = createLog(config.logLevel), onFailure } = parts
  // Whatever started is stopped again, last first: here where the rest does not start, later by `stop`.
  await using started = new AsyncDisposableStack()
  const fail = (err: Error) => {
    log.fatal({ err }, 'nothing can be recorded any more')
    onFailure?.(err)
  }
  const metrics = createMetrics()
  const signal = createChangeSignal()
  const store = await openStore({
    databaseUrl: config.databaseUrl,
    dataFolder: config.dataFolder,
    masterKey: config.masterKey,
    rules: toRules(config),
    clock,
    onCommit: metrics.noteCommit,
    onChange: signal.tell,
    onFailure: fail,
    factsWaitingMax: parts.factsWaitingMax,
    threadUrl: parts.threadUrl,
  })
  started.defer(() => store.close())
  const { reads, writes } = store
  const record = countFacts(store.record, metrics)
  const context: Context = { config, clock, log, metrics, reads, writes, record }
  const firstKey = await ensureFirstKey(context)
  await store.resume(clock.now())
  // The lease before the rooms: a socket that is taken has to be under one.
  const fleet = await joinFleet(context, store, { limits: parts.fleetLimits, onFailure: fail })
  started.defer(() => fleet.stop())
  const upkeep = { clock, log, isMine: fleet.isMine }
  const sweeper = startSweeper(store, upkeep)
  started.defer(() => sweeper.stop())
  const sealer = startSealer(store, upkeep)
  started.defer(() => sealer.stop())
  const retention = startRetention(store, { ...upkeep, config })
  started.defer(() => retention.stop())
  const verifyToken = createTokenVerifier({ reads, clock, strictRoles: config.strictRoles })
  const hostedRooms = createHostedRooms(context, { verifyToken, holds: fleet.rooms, limits: parts.rtcLimits })
  const sourceHealth = startSourceHealth(context)
  started.defer(() => sourceHealth.stop())
  const guardedFetch = createGuardedFetch(config)
  const engines = createEngines({ guardedFetch, clock })
  const mediaServers = { engines, guardedFetch, sourceHealth }
  const orders = createOrders(context, { ...mediaServers, limits: parts.orderLimits ?? orderLimits })
  started.defer(() => orders.stop())
  const commands = commandAfar(createCommands(context, hostedRooms, orders), {
    relay: fleet.relay,
    writes,
    hostedRooms,
  })
  const autoClose = startAutoClose(context, commands, fleet)
  started.defer(() => autoClose.stop())
  const reconcilers = startReconcilers(context, {
    ...mediaServers,
    limits: parts.reconcileLimits ?? reconcileLimits,
    isMine: () => fleet.isMine('reconcile'),
  })
  started.defer(() => reconcilers.stop())
  const following = { signal, limits: parts.feedLimits ?? feedLimits }
  const tails = createTails({ reads, log, ...following })
  started.defer(() => tails.stop())
  const webhooks = startWebhooks(context, {
    guardedFetch,
    signal,
    limits: parts.webhookLimits ?? webhookLimits,
    factsWaiting: store.factsWaiting,
    isMine: () => fleet.isMine('webhooks'),
  })
  started.defer(() => webhooks.stop())
  metrics.watch(
    {
      rollcall_sessions_open: () => reads.countRunning(),
      rollcall_facts_waiting: store.factsWaiting,
      rollcall_rtc_sockets: hostedRooms.socketCount,
    },
    (err) => log.error({ err }, 'a metric could not be told'),
  )
  const patience = createPatience(parts.patienceMs)
  const deliveries = createDeliveries(context, { engines, patience, sourceHealth, reconcilers })
  const api = await createApiServer(context, {
    verifyToken,
    commands,
    deliveries,
    engines,
    guardedFetch,
    patience,
    sourceHealth,
    tails,
    webhooks,
    feedLimits: following.limits,
    timeouts: parts.timeouts,
    serverAddresses: fleet.addresses,
  })
  const ingestSockets = createIngestSockets(context, { deliveries, engines, sourceHealth })
  routeUpgrades(api.server, [
    { path: hostedRoomPath, upgrade: hostedRooms.upgrade },
    { path: ingestSocketPath, upgrade: ingestSockets.upgrade },
  ])
  started.defer(() => drain(api, [hostedRooms, ingestSockets], parts.drainMs ?? drainMs))
  await listen(api, config)
  const url = urlOf(api, config)
  await fleet.settle(config.processUrl ?? url)
  log.info({ url }, 'started')

  const running = started.move()
  let stopped: Promise<void> | undefined
  const stop = async () => {
    log.info('stopping')
    await running.disposeAsync()
    log.info('stopped')
  }
  return {
    url,
    context,
    firstKey,
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}

/** Stops accepting, tells the sockets, and answers what is in flight, as far as it comes to an end. */
async function drain(api: FastifyInstance, sockets: { stop(): Promise<void> }[], maxMs: number): Promise<void> {
  const closed = api.close()
  const giveUp = setTimeout(() => api.server.closeAllConnections(), maxMs)
  await Promise.all(sockets.map((some) => some.stop()))
  await closed
  clearTimeout(giveUp)
}

async function listen(api: FastifyInstance, { host, port }: Config): Promise<void> {
  try {
    await api.listen({ host, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      throw new StartRefusal(`PORT=${port} is in use on ${host}: stop what listens there, or set another PORT`)
    }
    if (code === 'EACCES') throw new StartRefusal(`PORT=${port} may not be used by this user: set a PORT above 1023`)
    throw new StartRefusal(`HOST=${host} cannot be listened on: ${message}`)
  }
}

function urlOf(api: FastifyInstance, config: Config): string {
  const { port } = api.server.address() as AddressInfo
  return addressOf({ ...config, port })
}
