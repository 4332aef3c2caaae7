import type { IncomingHttpHeaders } from 'node:http'
import type { Fact } from '@rollcall/protocol'
import type { MediaServer } from './media-server.ts'

/** What a media server sent in one request. */
export type Delivery = {
  headers: IncomingHttpHeaders
  /** As it was sent, byte for byte; unpacked where it came packed. */
  body: Buffer
  /** The addresses by which the sender may know us, each with the request's own path and query. */
  urls: string[]
  /** Epoch milliseconds, by our clock. */
  receivedAt: number
}

/**
 * A fact as the sender tells it: `roomId` is the room's name there. Without an `id` it is identified by what it says,
 * which has to include a time. Where several servers report as one source, `reporter` is which: their rooms are not the same.
 */
export type Told = OfSender<Fact>
type OfSender<F> = F extends Fact ? Omit<F, 'id' | 'source' | 'receivedAt'> & { id?: string; reporter?: string } : never

export type Report = {
  told: Told[]
  /** Events that say nothing of attendance: they are counted, and not kept. */
  ignored: number
  /** When the sender sent it, by its own clock; undefined where it does not say. */
  sentAt?: number | undefined
}

/** One life of a room, as the record has it. */
export type KnownLife = {
  sessionKey: string
  startAt: number
  /** The end that was reported; null where none was. */
  endedAt: number | null
  /** The latest evidence of it. */
  lastAt: number
  /** When its room was said to begin, or was last found to run; 0: people alone tell of it, and its name is a guess. */
  saidAt: number
}

/** What the record knows of the source's rooms, by their names there. */
export type Known = {
  /** The latest lives of a room, newest start first. */
  listLives(room: string): Promise<KnownLife[]>
  /** Who joined under a connection. */
  findConnected(room: string, sessionKey: string, connectionId: string): Promise<string | undefined>
}

/** The code that understands one type of media server. A file each. */
export type Engine<Settings> = {
  /** Throws a `Refusal` SIGNATURE_INVALID where the delivery is not from whoever holds the source's credentials. */
  verify(delivery: Delivery, settings: Settings): void | Promise<void>
  /**
   * What happened, in our words. Never throws for odd content: what it does not understand it tells as `unknown`.
   * @param sourceId under which it may remember something until the next delivery
   */
  normalise(delivery: Delivery, sourceId: string): Report
  /**
   * Adds what this sender's events leave out and the record knows. The deliveries of a source are then taken in turn, so
   * that each finds what those before it left.
   * @param mayWait false: it has been waited for as long as `waitMs`
   * @returns undefined where an event that is needed may still be on its way
   */
  complete?(told: Told[], known: Known, mayWait: boolean): Promise<Told[] | undefined>
  /** How long an event waits for one that overtook it, in milliseconds. */
  waitMs?: number
  /**
   * Whether a room has one life at a time there, so that a newer one shows that an older one is over: `usually` unless the
   * older one tells of itself since.
   */
  oneLife: 'always' | 'usually' | 'never'
  /**
   * How long a delivery may be held while too many facts wait for the disk, in milliseconds: below the sender's own
   * time-out. Afterwards it is answered 503, whereupon each of these senders tries again.
   */
  patienceMs: number
  /** It takes any answer for success, an error too: only where its connection breaks it sends the same again. */
  takesAnyAnswer?: true
  /** The name of what it sends over a WebSocket, where it can. */
  subprotocol?: string
  /** Its API, where it has one. */
  api?: MediaServer<Settings>
  /**
   * The lines to paste into the media server's configuration.
   * @param url where it is to send what happens
   * @param secret the one it has to be told, where it is to be shown
   * @param name what its operator calls it
   */
  describeSetup(url: string, settings: Settings, secret: string | undefined, name: string): string
}
