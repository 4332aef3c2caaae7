import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { startKeyUses } from '../api/auth/key-uses.ts'
import { createRateLimit } from '../api/auth/rate-limit.ts'
import { createTokenVerifier } from '../api/auth/token.ts'
import { createIngestSockets, ingestSocketPath } from '../api/ingest/sockets.ts'
import type { Timeouts } from '../api/limits.ts'
import { createApiServer } from '../api/server.ts'
import { type FeedLimits, feedLimits } from '../api/stream/limits.ts'
import { createTails } from '../api/stream/tail.ts'
import { type Cluster, joinCluster } from '../cluster/cluster.ts'
import type { ClusterLimits } from '../cluster/limits.ts'
import { addressOf, type Config } from '../config.ts'
import type { Context } from '../context.ts'
import { StartRefusal } from '../error.ts'
import type { ChangeSignal } from '../record/change-signal.ts'
import type { Store } from '../record/open-store.ts'
import { startGathering, startPeopleKeeper, startRetention, startSealer, startSweeper } from '../record/upkeep.ts'
import { startPacking } from '../record/usage/start-packing.ts'
import { createHostedRooms, type HostedRooms, hostedRoomPath } from '../rooms/hosted-rooms.ts'
import type { RtcLimits } from '../rooms/limits.ts'
import { clientAddressOf, toTrust } from '../runtime/client-address.ts'
import { createGuardedFetch, type GuardedFetch } from '../runtime/guarded-fetch.ts'
import { type CountStranger, routeUpgrades } from '../runtime/upgrades.ts'
import { startAutoClose } from '../sources/auto-close.ts'
import { createBackpressure } from '../sources/backpressure.ts'
import { createClocks } from '../sources/clocks/clocks.ts'
import { createCommands } from '../sources/commands/commands.ts'
import {
  createMediaServerCommands,
  type MediaServerCommandLimits,
  mediaServerCommandLimits,
} from '../sources/commands/media-server-commands.ts'
import { withRouting } from '../sources/commands/remote-commands.ts'
import { createEngines } from '../sources/engines/engines.ts'
import { startSourceHealth } from '../sources/health.ts'
import { startIngest } from '../sources/ingest.ts'
import { type ReconcileLimits, reconcileLimits } from '../sources/reconciling/limits.ts'
import { createLooks } from '../sources/reconciling/looks.ts'
import { startReconcilers } from '../sources/reconciling/reconcile.ts'
import { startWebhooks } from '../webhooks/dispatcher.ts'
import { type WebhookLimits, webhookLimits } from '../webhooks/limits.ts'

/** Limits, and what else the tests have otherwise. */
export type ServingParts = {
  rtcLimits?: RtcLimits
  feedLimits?: FeedLimits
  webhookLimits?: WebhookLimits
  clusterLimits?: ClusterLimits
  reconcileLimits?: ReconcileLimits
  mediaServerCommandLimits?: MediaServerCommandLimits
  timeouts?: Timeouts
  /** How long deliveries of media servers wait while the queue of facts is full, in place of each engine's own limit. */
  ingestMaxWaitMs?: number
  /** How long requests in flight may take when the server stops, in milliseconds. Default: five seconds. */
  drainMs?: number
  /** How long what is reported waits for a PostgreSQL service that is away, in milliseconds. Default: half a minute. */
  awayMaxMs?: number
}

/** Has a part stopped when the server stops, or when the rest of it does not start: the last first. */
export type Start = <Part extends { stop(): Promise<void> }>(part: Part) => Part

/** What there is of a server once its record is open. */
type Opened = {
  context: Context
  store: Store
  signal: ChangeSignal
  parts: ServingParts
  start: Start
  /** Called when nothing can be recorded any more. */
  fail(error: Error): void
}
/** What the steps of a start share. */
type Run = Opened & { cluster: Cluster }

/** How long requests in flight may take when the server stops, in milliseconds: process managers kill soon after 10 s. */
const drainMs = 5000

/** All that a server does with its record: it keeps it, follows it, and answers. Gives where it listens, without a slash at the end. */
export async function serve(opened: Opened): Promise<string> {
  const { context, store, parts, start, fail } = opened
  const { config, clock } = context
  // The lease before the rooms: a socket that is taken has to be under one.
  const cluster = start(await joinCluster(context, store, { limits: parts.clusterLimits, onFailure: fail }))
  const run: Run = { ...opened, cluster }
  startUpkeep(run)
  const keyUses = start(startKeyUses(context))
  const verifyToken = createTokenVerifier({
    reads: context.reads,
    clock,
    strictRoles: config.strictRoles,
    keyUses,
  })
  const rateLimit = createRateLimit(config.keyRequestsPerSecond, context.metrics)
  const trust = toTrust(config.trustProxy)
  const countStranger: CountStranger = (request) => rateLimit.checkAddress(clientAddressOf(request, trust))
  const hostedRooms = createHostedRooms(context, {
    verifyToken,
    countStranger,
    leases: cluster.rooms,
    endSessions: (...of) => sources.commands.endSessions(...of),
    limits: parts.rtcLimits,
  })
  const sources = startSources(run, hostedRooms)
  const readers = startLogReaders(run, sources)
  watchGauges(run, hostedRooms)
  const { timeouts, awayMaxMs } = parts
  const { addresses: serverAddresses } = cluster
  const asked = { verifyToken, rateLimit, timeouts, awayMaxMs, serverAddresses }
  const api = await createApiServer(context, { ...sources, ...readers, ...asked })
  const ingestSockets = createIngestSockets(context, { ...sources, countStranger })
  const routes = [
    { path: hostedRoomPath, upgrade: hostedRooms.upgrade },
    { path: ingestSocketPath, upgrade: ingestSockets.upgrade },
  ]
  routeUpgrades(api.server, routes, countStranger)
  start({ stop: () => drain(api, [hostedRooms, ingestSockets], parts.drainMs ?? drainMs) })
  await listen(api, config)
  const url = urlOf(api, config)
  await cluster.announce(config.processUrl ?? url)
  return url
}

/** What the clock does to the record. */
function startUpkeep({ context: { config, clock, log }, store, cluster, start }: Run): void {
  const upkeep = { clock, log, isMine: cluster.isMine }
  start(startSweeper(store, upkeep))
  start(startSealer(store, upkeep))
  start(startGathering(store, upkeep))
  start(startPeopleKeeper(store, upkeep))
  start(startPacking(store, upkeep))
  start(startRetention(store, { ...upkeep, config }))
}

/** Media servers and other reporters: what they send, what they are asked, and the commands to whoever runs a session. */
function startSources({ context, cluster, parts, start }: Run, hostedRooms: HostedRooms) {
  const { config, clock, writes } = context
  const sourceHealth = start(startSourceHealth(context))
  const guardedFetch = createGuardedFetch(config)
  const engines = createEngines({ guardedFetch, clock })
  const mediaServers = { engines, guardedFetch, sourceHealth }
  const limits = parts.mediaServerCommandLimits ?? mediaServerCommandLimits
  const mediaServerCommands = start(createMediaServerCommands(context, { ...mediaServers, limits }))
  const commands = withRouting(createCommands(context, hostedRooms, mediaServerCommands), {
    relay: cluster.relay,
    writes,
    hostedRooms,
  })
  start(startAutoClose(context, commands, cluster))
  const looks = createLooks(context)
  const clocks = createClocks(context)
  const reconcilers = start(
    startReconcilers(context, {
      ...mediaServers,
      clocks,
      looks,
      limits: parts.reconcileLimits ?? reconcileLimits,
      isMine: () => cluster.isMine('reconcile'),
    }),
  )
  const backpressure = createBackpressure(parts.ingestMaxWaitMs)
  const ingest = start(startIngest(context, { engines, backpressure, clocks, sourceHealth, reconcilers, looks }))
  return { ...mediaServers, commands, backpressure, ingest }
}

/** What follows the log of changes: streams and webhooks. */
function startLogReaders(
  { context, store, signal, cluster, parts, start }: Run,
  { guardedFetch }: { guardedFetch: GuardedFetch },
) {
  const { reads, known, log } = context
  const limits = parts.feedLimits ?? feedLimits
  const tails = start(createTails({ reads, known, log, signal, limits }))
  const webhooks = start(
    startWebhooks(context, {
      guardedFetch,
      signal,
      limits: parts.webhookLimits ?? webhookLimits,
      factsWaiting: store.factsWaiting,
      isMine: () => cluster.isMine('webhooks'),
    }),
  )
  return { tails, webhooks, feedLimits: limits }
}

function watchGauges({ context: { metrics, reads, log }, store }: Run, hostedRooms: HostedRooms): void {
  const { replica } = store
  metrics.watch(
    {
      rollcall_replica_age_seconds: () =>
        replica === undefined ? 0 : (replica.ageMs() ?? Number.POSITIVE_INFINITY) / 1000,
      rollcall_sessions_open: () => reads.sessions.countRunning(),
      rollcall_facts_waiting: store.factsWaiting,
      rollcall_rtc_sockets: hostedRooms.socketCount,
    },
    (err) => log.error({ err }, 'metric not read'),
  )
}

/** Stops accepting, closes the sockets, and answers requests in flight that end within `maxMs`. */
async function drain(api: FastifyInstance, sockets: { stop(): Promise<void> }[], maxMs: number): Promise<void> {
  const closed = api.close()
  const timeout = setTimeout(() => api.server.closeAllConnections(), maxMs)
  await Promise.all(sockets.map((some) => some.stop()))
  await closed
  clearTimeout(timeout)
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
