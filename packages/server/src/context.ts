import type { Fact, Outcome } from '@rollcall/protocol'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Clock } from './runtime/clock.ts'
import type { Metrics } from './runtime/metrics.ts'
import type { Reads, Writes } from './store/store.ts'

/** What became of one fact. */
export type Recorded = {
  /** The fact's id. */
  id: string
  outcome: Outcome
  /** Why it was ignored or refused. */
  reason?: string
  /** The session it belongs to; absent where it was ignored or refused. */
  sessionId?: string
}

/** The one door for facts. Resolves when they are durable; rejects with a `Refusal` BUSY when the queue is full. */
export type Record = (keyId: number, facts: Fact[], about?: AboutRooms) => Promise<Recorded[]>

/** What else is to be known of the rooms that facts are about. */
export type AboutRooms = {
  /** That of the lease on the hosted room; where another process holds it by now, the facts are refused as ROOM_MOVED. */
  fence?: number | undefined
  /** Those of the facts' roomIds that are names, roomIds or customRoomIds, of rooms to be made with them. */
  newRooms?: string[]
}

/** The parts of a running server, passed as one value: take from it only what you use. */
export type Context = {
  config: Config
  clock: Clock
  log: Logger
  metrics: Metrics
  reads: Reads
  writes: Writes
  record: Record
}
