import type { IncomingHttpHeaders } from 'node:http'
import type { Fact, ParticipantSeen } from '@rollcall/protocol'
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
  /** What its token says, where an engine has read it. */
  claims?: { [name: string]: unknown }
}

/**
 * A fact as its sender reports it: `roomId` holds the sender's own name for the room. Without an `id` its content identifies
 * it, so the content includes a time. Where several servers report as one source, `reporter` says which: each has rooms of
 * its own.
 */
export type ReportedFact = Reported<Fact>
type Reported<F> = F extends Fact ? Omit<F, 'id' | 'source' | 'receivedAt'> & { id?: string; reporter?: string } : never

/** What an event shows in passing: that somebody was inside then, or, without a `participant`, that the session ran. */
export type Sighting = {
  roomId: string
  sessionKey?: string
  reporter?: string
  at: number
  /** See `FactBase`. */
  clockCorrectedMs?: number
  participant?: Pick<ParticipantSeen, 'participantId' | 'connectionId' | 'name' | 'kind' | 'metadata'>
}

export type Report = {
  facts: ReportedFact[]
  /** What else the events show. */
  sightings?: Sighting[]
  /** A time in the facts follows from the arrival: sent again, the same event has another. */
  isDatedByArrival?: boolean
  /** Events that tell of no coming or going: they are counted, and not kept. */
  ignored: number
  /** When the sender sent it, by its own clock; undefined where it does not say. */
  sentAt?: number | undefined
}

/** A session of a room, as the record has it. */
export type KnownSession = {
  sessionKey: string
  startAt: number
  /** The end that was reported; null where none was. */
  endedAt: number | null
  /** The latest evidence of it. */
  lastAt: number
  /** When its room was said to begin, or was last found to run; 0: people alone tell of it, and its name is a guess. */
  saidAt: number
}

/** Reads the record of a source's rooms, by the sender's names for them. */
export type KnownSessions = {
  /** The latest sessions of a room, newest start first. */
  listSessions(roomName: string): Promise<KnownSession[]>
  /** The room that a session is in. */
  findRoomName(sessionKey: string): Promise<string | undefined>
  /** Who joined under a connection. */
  findParticipant(roomName: string, sessionKey: string, connectionId: string): Promise<string | undefined>
}

/** A delivery before its body is read. */
export type DeliveryHead = Omit<Delivery, 'body'>

/** The code that understands one type of media server. A file each. */
export type Engine<Settings> = {
  /**
   * Throws a `Refusal` SIGNATURE_INVALID where the head alone shows that a delivery is not from whoever holds the source's
   * credentials: then nothing of its body is read or unpacked.
   */
  verifyHead(head: DeliveryHead, settings: Settings): void
  /** The same for what the signature says of the body; absent where the head proves all. */
  verifyBody?(delivery: Delivery, settings: Settings): void | Promise<void>
  /** The head proves nothing: until the body is verified, the delivery may be anybody's who knows the address. */
  headProvesNothing?(head: DeliveryHead): boolean
  /**
   * Translates a delivery into facts. Never throws for odd content: what it does not understand becomes a fact `unknown`.
   * @param sourceId names what the engine remembers between deliveries
   */
  normalise(delivery: Delivery, sourceId: string): Report
  /**
   * Adds what this sender's events leave out and the record knows. The deliveries of a source are then processed one at a
   * time, so that each finds the record as those before it left it.
   * @param arrival when they came, by our clock, and whether they may wait: not once `reorderWindowMs` are over
   * @returns undefined where an event that is needed may still be on its way
   */
  complete?(
    facts: ReportedFact[],
    known: KnownSessions,
    arrival: { receivedAt: number; mayWait: boolean },
  ): Promise<ReportedFact[] | undefined>
  /** How long an event waits for an earlier one that it overtook, in milliseconds. */
  reorderWindowMs?: number
  /**
   * Whether a room there has one session at a time, so that a newer session supersedes an older one: `usually` spares an
   * older one that has reported since.
   */
  oneSessionPerRoom: 'always' | 'usually' | 'never'
  /** A person has one connection in a room at a time: a join by a newer one ends the older one. */
  oneConnectionPerPerson?: true
  /** Every leave is reported before the end of its session: whoever is inside by then has a leave that was lost. */
  leavesPrecedeEnd?: true
  /**
   * How long a delivery may wait while too many facts wait for the disk, in milliseconds: less than the sender's own
   * time-out. Afterwards the answer is 503, and each of these senders tries again.
   */
  maxWaitMs: number
  /** The sender takes any answer for success, an error too: it sends again only where the connection breaks. */
  takesAnyAnswer?: true
  /** The subprotocol of its WebSocket, where it can open one. */
  subprotocol?: string
  /** Its API, where it has one. */
  api?: MediaServer<Settings>
  /**
   * The lines to paste into the media server's configuration.
   * @param url where the media server sends its events
   * @param secret to configure there, where it may be shown
   * @param name what its operator calls it
   */
  describeSetup(url: string, settings: Settings, secret: string | undefined, name: string): string
}
