import type { Context } from '../context.ts'
import type { Store } from '../record/open-store.ts'
import type { Shared } from '../record/shared.ts'
import { repeat } from '../runtime/repeat.ts'
import type { MemberParts } from '../store/members.ts'
import { pooledPrefix } from '../store/pooled-members.ts'
import { createDuties, type Duty } from './duties.ts'
import { createFailureDetector } from './failure-detector.ts'
import { createHeldAloneCheck, heldRefusal } from './held-alone.ts'
import { createInvalidation, type Invalidation } from './invalidation.ts'
import { type ClusterLimits, clusterLimits } from './limits.ts'
import { type ProcessLease, startProcessLease } from './process-lease.ts'
import { createRelay, noRelay, type Relay } from './relay.ts'
import { createRoomLeases, type RoomLeases } from './room-leases.ts'

/** The servers before one database, as one of them sees them. */
export type Cluster = {
  /** Whether this process has a duty at the moment. */
  isMine(duty: Duty): boolean
  rooms: RoomLeases
  relay: Relay
  /** Where joins may be redirected: the addresses of all processes, this one's among them. Empty where there is one alone. */
  addresses(): string[]
  /** Publishes the address of this process: others redirect joins to it, and commands beside it show it. */
  announce(address: string): Promise<void>
  stop(): Promise<void>
}

type ClusterContext = Pick<Context, 'writes' | 'clock' | 'log' | 'config'>
/** What travels by notification: what was written, or that a message lies ready for a process. */
type Notification = Invalidation | { to: string }

/** Resolves when the lease on this process's sockets is durable: only then may one be taken. */
export async function joinCluster(
  context: ClusterContext,
  store: Pick<Store, 'shared'>,
  { limits = clusterLimits, onFailure }: { limits?: ClusterLimits | undefined; onFailure(error: Error): void },
): Promise<Cluster> {
  return store.shared === undefined
    ? standAlone(context, limits)
    : joinOthers(context, store.shared, { limits, onFailure })
}

/** The one server that there is. */
async function standAlone(context: ClusterContext, limits: ClusterLimits): Promise<Cluster> {
  let address: string | null = null
  const lease = await startProcessLease(context, {
    intervalMs: limits.leaseIntervalMs,
    address: () => address,
    prepare: async () => {},
    revoked: () => {},
  })
  return {
    isMine: () => true,
    rooms: createRoomLeases(context, undefined),
    relay: noRelay,
    addresses: () => [],
    async announce(at) {
      address = at
      await lease.renew()
    },
    stop: () => lease.stop(),
  }
}

async function joinOthers(
  context: ClusterContext,
  shared: Shared,
  { limits: usualLimits, onFailure }: { limits: ClusterLimits; onFailure(error: Error): void },
): Promise<Cluster> {
  const { log } = context
  const { isPooled } = shared
  const limits = isPooled ? { ...usualLimits, ...usualLimits.pooled } : usualLimits
  let address: string | null = null
  let lease: ProcessLease | undefined
  const holder = () => lease?.holder() ?? ''
  const failed = (err: unknown) => log.error({ err }, 'cluster check failed; the next one tries again')
  const duties = createDuties(log, { shared: shared.duties, limits })
  const invalidation = createInvalidation(shared, log, (text) => member.tell(text))
  const parts: MemberParts = {
    heard(text) {
      const notification = JSON.parse(text) as Notification
      if ('from' in notification) invalidation.receive(notification)
      else if (notification.to === lease?.holder()) relay.receive().catch(failed)
    },
    lost() {
      shared.breakOff()
      log.warn('cluster connection lost; reconnecting')
    },
    back() {
      detector.forget()
      invalidation.receiveAll()
      if (lease !== undefined) lockName(lease.holder()).catch(failed)
      log.info('cluster connection restored')
    },
    notBack: (err) => log.debug({ err }, 'cluster connection not restored yet'),
    failed: onFailure,
  }
  const member = isPooled ? shared.pooledMember : await joinOrRefuse(shared.databaseUrl, parts)
  /** Other processes take this lock for a sign that its holder is connected. */
  const lockName = async (name: string) => void (await member.lock([name]))
  const detector = createFailureDetector(context, { shared, member, limits })
  const rooms = createRoomLeases(context, {
    shared,
    detector,
    limits,
    holder,
    renew: () => lease?.renew().catch(failed),
  })
  const wake = (to: string) => member.tell(JSON.stringify({ to } satisfies Notification))
  const relay = createRelay({ shared, log, limits, holder, wake })
  lease = await startProcessLease(context, {
    intervalMs: limits.leaseIntervalMs,
    address: () => address,
    prefix: isPooled ? pooledPrefix : '',
    prepare: lockName,
    revoked: rooms.lose,
  })
  const ownLease = lease
  // The lease before this: whoever needs the database for itself takes the lock first, and then looks for leases.
  if (isPooled && (await shared.isHeldAlone())) {
    await ownLease.stop()
    throw heldRefusal()
  }
  const checkHeldAlone = createHeldAloneCheck(shared, { heldAloneMs: limits.heldAloneMs, onFailure })
  const checks = repeat(
    limits.checkMs,
    async () => {
      await duties.take()
      await checkHeldAlone()
      const { hasLease } = await detector.check(holder())
      if (!hasLease) await ownLease.renew()
      await rooms.release()
      await relay.receive()
    },
    (err) => {
      detector.forget()
      failed(err)
    },
  )
  // Without notifications, anything may have been written since.
  const polling = repeat(limits.pollMs, isPooled ? async () => invalidation.receiveAll() : invalidation.poll, failed)
  await duties.take()
  return {
    isMine: duties.isMine,
    rooms,
    relay,
    addresses: detector.addresses,
    async announce(at) {
      address = at
      await ownLease.renew()
    },
    async stop() {
      await checks.stop()
      await polling.stop()
      await duties.release()
      await ownLease.stop()
      await invalidation.settled()
      await member.leave()
    },
  }
}

async function joinOrRefuse(databaseUrl: string, parts: MemberParts) {
  // With the client of PostgreSQL, which one server alone on SQLite does without.
  const { joinMembers } = await import('../store/members.ts')
  const member = await joinMembers(databaseUrl, parts)
  if (member !== undefined) return member
  throw heldRefusal()
}
