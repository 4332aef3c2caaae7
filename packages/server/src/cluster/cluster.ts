import type { Context } from '../context.ts'
import { StartRefusal } from '../error.ts'
import type { Shared, Store } from '../record/open-store.ts'
import { repeat } from '../runtime/repeat.ts'
import { joinMembers, type Member } from '../store/members.ts'
import { createNews, type Told } from './invalidation.ts'
import { type FleetLimits, fleetLimits } from './limits.ts'
import { createWatch } from './liveness.ts'
import { type Presence, startPresence } from './process-lease.ts'
import { createRelay, noRelay, type Relay } from './relay.ts'
import { createRoomHolds, type RoomHolds } from './room-leases.ts'

/** What one process does for all that run before one database. */
export type Duty = 'sweep' | 'seal' | 'retain' | 'auto-close' | 'webhooks' | 'reconcile'
const duties: Duty[] = ['sweep', 'seal', 'retain', 'auto-close', 'webhooks', 'reconcile']

/** The servers before one database, as one of them sees them. */
export type Fleet = {
  /** Whether a duty is this process's at the moment. */
  isMine(duty: Duty): boolean
  rooms: RoomHolds
  relay: Relay
  /** Where joins are sent on to: the addresses of all processes, this one's among them. Empty where there is one alone. */
  addresses(): string[]
  /** This process can be reached there: by those whom others send to it, and as commands beside it say. */
  settle(address: string): Promise<void>
  stop(): Promise<void>
}

type FleetContext = Pick<Context, 'writes' | 'clock' | 'log' | 'config'>

/** Resolves when the lease on this process's sockets is durable: only then may one be taken. */
export async function joinFleet(
  context: FleetContext,
  store: Pick<Store, 'shared'>,
  { limits = fleetLimits, onFailure }: { limits?: FleetLimits | undefined; onFailure(error: Error): void },
): Promise<Fleet> {
  return store.shared === undefined
    ? standAlone(context, limits)
    : joinOthers(context, store.shared, { limits, onFailure })
}

/** The one server that there is. */
async function standAlone(context: FleetContext, limits: FleetLimits): Promise<Fleet> {
  let address: string | null = null
  const presence = await startPresence(context, {
    intervalMs: limits.leaseIntervalMs,
    address: () => address,
    prepare: async () => {},
    lost: () => {},
  })
  return {
    isMine: () => true,
    rooms: createRoomHolds(context, undefined),
    relay: noRelay,
    addresses: () => [],
    async settle(at) {
      address = at
      await presence.renew()
    },
    stop: () => presence.stop(),
  }
}

async function joinOthers(
  context: FleetContext,
  shared: Shared,
  { limits, onFailure }: { limits: FleetLimits; onFailure(error: Error): void },
): Promise<Fleet> {
  const { log } = context
  const mine = new Set<string>()
  let address: string | null = null
  let presence: Presence | undefined
  const news = createNews(shared, log, (text) => member.tell(text))
  const joined = await joinMembers(shared.databaseUrl, {
    heard(text) {
      const told = JSON.parse(text) as Told | { to: string }
      if ('from' in told) news.heard(told)
      else if (told.to === presence?.holder()) relay.receive().catch(failed)
    },
    lost() {
      mine.clear()
      log.warn('the connection that this process is known by is lost; another is tried')
    },
    back() {
      watch.forget()
      news.missed()
      if (presence !== undefined) stand(presence.holder()).catch(failed)
      log.info('the connection that this process is known by is back')
    },
    failed: onFailure,
  })
  if (joined === undefined) {
    throw new StartRefusal(
      'DATABASE_URL is held by something that needs it for itself, such as rollcall rebuild: wait for its end',
    )
  }
  const member: Member = joined
  const failed = (err: unknown) =>
    log.error({ err }, 'the other processes could not be looked after; the next look tries again')
  const watch = createWatch(context, { shared, member, limits })
  const rooms = createRoomHolds(context, {
    shared,
    watch,
    limits,
    holder: () => presence?.holder() ?? '',
    doubt: () => presence?.renew().catch(failed),
  })
  const relay = createRelay({
    shared,
    log,
    limits,
    holder: () => presence?.holder() ?? '',
    wake: (to) => member.tell(JSON.stringify({ to })),
  })
  presence = await startPresence(context, {
    intervalMs: limits.leaseIntervalMs,
    address: () => address,
    prepare: stand,
    lost: rooms.lose,
  })
  const looking = repeat(
    limits.lookMs,
    async () => {
      await takeDuties()
      const holder = presence.holder()
      const others = await watch.look(holder)
      if (!others.isStanding) await presence.renew()
      await rooms.release()
      await relay.receive()
    },
    (err) => {
      watch.forget()
      failed(err)
    },
  )
  const polling = repeat(limits.pollMs, news.look, failed)
  await takeDuties()
  return {
    isMine: (duty) => mine.has(duty),
    rooms,
    relay,
    addresses: watch.addresses,
    async settle(at) {
      address = at
      await presence.renew()
    },
    async stop() {
      await looking.stop()
      await polling.stop()
      await presence.stop()
      await news.settled()
      await member.leave()
    },
  }

  /** Whoever has this lock is there. */
  async function stand(holder: string): Promise<void> {
    await member.lock([holder])
  }

  async function takeDuties(): Promise<void> {
    const others = duties.filter((duty) => !mine.has(duty))
    for (const duty of await member.lock(others)) {
      mine.add(duty)
      log.debug({ duty }, 'this process has a duty now')
    }
  }
}
