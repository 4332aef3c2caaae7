import { setTimeout as delay } from 'node:timers/promises'
import { reporterIn, sourceIdOf } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import type { Session } from '../ledger/state.ts'
import { foldStays } from '../ledger/stays.ts'
import { FetchFailure, type GuardedFetch } from '../runtime/guarded-fetch.ts'
import type { Source } from '../store/sources.ts'
import { type Engines, engineFor } from './engines/engines.ts'
import { type Ask, createAsk, type MediaServer, MediaServerRefusal, type Order } from './engines/media-server.ts'
import type { SourceHealth } from './health.ts'

/** Whether whoever runs the session carried the command out: false where it takes no orders. */
export type Enforced = boolean | 'pending'

export type OrderLimits = {
  /** Whoever gave the command waits for the media server no longer than this, in milliseconds. */
  waitMs: number
  /** One that did not answer is told again after each of these, in milliseconds. */
  againMs: number[]
}
export const orderLimits: OrderLimits = { waitMs: 5000, againMs: [1000, 5000, 15_000, 45_000, 120_000] }

/** What media servers are told to do about the sessions that live in them. */
export type Orders = {
  /**
   * To be called before the command is recorded: it keeps who is inside. What it gives carries the order out.
   * @param participantId whom to remove; without one, the session is to be ended
   */
  prepare(keyId: number, session: Session, participantId?: string): Promise<() => Promise<Enforced>>
  stop(): Promise<void>
}

type Parts = { engines: Engines; guardedFetch: GuardedFetch; sourceHealth: SourceHealth; limits: OrderLimits }

export function createOrders(
  { reads, clock, log }: Pick<Context, 'reads' | 'clock' | 'log'>,
  { engines, guardedFetch, sourceHealth, limits }: Parts,
): Orders {
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()

  return {
    async prepare(keyId, session, participantId) {
      const source = await reads.sources.find(sourceIdOf(session.source))
      if (source === undefined || source.keyId !== keyId) return async () => false
      const { api } = engineFor(engines, source.type)
      if (api === undefined || !api.isReachable(source.settings)) return async () => false
      const order = await toOrder(keyId, session)
      const ask = createAsk({ guardedFetch, clock, signal: stopping.signal })
      return () => carryOut(source, (isAgain) => tell(api, ask, source, { ...order, isAgain }, participantId))
    },

    async stop() {
      stopping.abort(new Error('the server stops'))
      await Promise.all(underWay)
    },
  }

  async function toOrder(keyId: number, session: Session): Promise<Omit<Order, 'isAgain'>> {
    const { id, roomId, sessionKey, source } = session
    const room = await reads.rooms.find(keyId, roomId)
    const marks = await reads.sources.listMarksOfInside(keyId, id)
    const inside = [...Map.groupBy(marks, (mark) => mark.participantId)].flatMap(([participantId, ofPerson]) =>
      foldStays(ofPerson)
        .stays.filter(({ leftAt }) => leftAt === null)
        .map(({ connectionId }) => ({ participantId, connectionId })),
    )
    return { reporter: reporterIn(source), rooms: [room?.customRoomId ?? roomId, roomId], sessionKey, inside }
  }

  async function carryOut(source: Source, give: (isAgain: boolean) => Promise<void>): Promise<Enforced> {
    const { promise: late, resolve: giveUp } = Promise.withResolvers<Enforced>()
    const timer = setTimeout(giveUp, limits.waitMs, 'pending')
    const { promise: first, resolve: told } = Promise.withResolvers<Enforced>()
    const work = persist(source, give, told).finally(() => underWay.delete(work))
    underWay.add(work)
    try {
      return await Promise.race([first, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Gives the order, and again where no answer comes. `told` hears what became of it the first time. */
  async function persist(
    source: Source,
    give: (isAgain: boolean) => Promise<void>,
    told: (enforced: Enforced) => void,
  ): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await give(tries > 0)
        return told(true)
      } catch (error) {
        if (stopping.signal.aborted) return told('pending')
        const { message } = error as Error
        sourceHealth.noteError(source, `It did not do as it was told: ${message}`)
        if (isFinal(error)) {
          log.warn({ source: source.id, err: error }, 'a media server refuses an order')
          return told(false)
        }
        told('pending')
        const againMs = limits.againMs[tries]
        if (againMs === undefined) {
          log.warn(
            { source: source.id, err: error },
            'a media server was not told to do as ordered: it does not answer',
          )
          return
        }
        if (!(await pause(againMs))) return
      }
    }
  }

  function pause(ms: number): Promise<boolean> {
    return delay(ms, true, { signal: stopping.signal }).catch(() => false)
  }
}

type Settings = Source['settings']

function tell(
  api: MediaServer<Settings>,
  ask: Ask,
  { settings }: Source,
  order: Order,
  participantId: string | undefined,
): Promise<void> {
  return participantId === undefined
    ? api.end(ask, settings, order)
    : api.remove(ask, settings, { ...order, participantId })
}

/** To try again would not help. */
function isFinal(error: unknown): boolean {
  return error instanceof MediaServerRefusal || (error instanceof FetchFailure && error.code === 'ADDRESS')
}
