import type { MediaKind, Snapshot } from '@rollcall/protocol'
import type { Clock } from '../../runtime/clock.ts'
import type { GuardedFetch, GuardedRequest } from '../../runtime/guarded-fetch.ts'

/** The API of a media server: it lists who is inside, and executes commands. */
export type MediaServer<Settings> = {
  /** Whether the settings suffice to call the API. */
  isReachable(settings: Settings): boolean
  /**
   * Lists who is in its rooms. Rejects where the answer is missing or unreadable.
   * @param listRunning the names of the rooms in which the record has somebody: rooms that it does not list may be among them
   */
  fetchRooms(ask: Ask, settings: Settings, listRunning: (reporter?: string) => Promise<string[]>): Promise<FetchedRooms>
  /** Ends what runs in a room. Rejects with a `MediaServerRefusal` where it refuses. */
  end(ask: Ask, settings: Settings, command: MediaServerCommand): Promise<void>
  /** Removes somebody. Rejects with a `MediaServerRefusal` where it refuses. */
  remove(ask: Ask, settings: Settings, command: MediaServerCommand & { participantId: string }): Promise<void>
}

export type FetchedRooms = {
  /** Which of several servers of the source it is, as its events name it. */
  reporter?: string
  /** When the list of rooms was requested, by its own clock. */
  at: number
  rooms: FetchedRoom[]
}

/** One room as its media server lists it. `roomName` and `sessionKey` are as its events name them. */
export type FetchedRoom = {
  roomName: string
  sessionKey?: string
  /** Everybody listed was inside at some moment after this, by its own clock. */
  at: number
  /** See `FactBase`. */
  clockCorrectedMs?: number
  participants: Snapshot['participants']
  /** What they publish; undefined where it does not say. */
  media?: ListedMedium[]
}

/** Something that somebody publishes, by the connection that does. */
export type ListedMedium = { participantId: string; connectionId: string; media: MediaKind; mediaId: string }

/** A command about the session that ran when it was prepared. */
export type MediaServerCommand = {
  /** Which of several servers of the source it is for, as its events name it. */
  reporter: string | undefined
  /** Possible names of the room there, in order of preference. */
  roomNames: string[]
  sessionKey: string | null
  /** Who was inside at that time, by the record. */
  inside: { participantId: string; connectionId: string }[]
  /** An earlier try may have arrived: what began since is left alone. */
  isRetry: boolean
}

export type Asked = {
  status: number
  body: string
  /** The latest moment, by its own clock, that is certainly before it made the answer. */
  at: number
}

/** One request to a media server. Rejects where no answer comes. */
export type Ask = (url: string, request?: GuardedRequest) => Promise<Asked>

/** The media server answered that it does not execute the command, or not for us: a retry would not help. */
export class MediaServerRefusal extends Error {
  override name = 'MediaServerRefusal'
}

/** Largest answer that is read, in bytes: a room of 50,000 people. */
const answerMaxBytes = 64 * 1024 * 1024

export type AskParts = {
  guardedFetch: GuardedFetch
  clock: Clock
  /** How far its clock is behind ours, in milliseconds, for answers without a `Date`. Default 0. */
  skewMs?: number
  /**
   * Told of each answer with a `Date` how far its clock is behind ours, in milliseconds: between these two, which are far from
   * each other, or in the wrong order, where ours was set while it was under way.
   */
  noteClock?(leastMs: number, mostMs: number): void
  /** Aborts requests under way. */
  signal: AbortSignal
}

export function createAsk({ guardedFetch, clock, skewMs = 0, noteClock, signal }: AskParts): Ask {
  return async (url, request = {}) => {
    signal.throwIfAborted()
    const sentAt = clock.now()
    const sent = performance.now()
    const stopped = Promise.withResolvers<never>()
    const stop = () => stopped.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      const sending = guardedFetch.send(url, { maxBytes: answerMaxBytes, ...request })
      const { status, headers, body } = await Promise.race([sending, stopped.promise])
      const tookMs = Math.ceil(performance.now() - sent)
      const saidAt = Date.parse(headers.date ?? '')
      if (!Number.isNaN(saidAt)) noteClock?.(sentAt - saidAt - 1000, clock.now() - saidAt)
      // It made the answer after the request was sent: its `Date`, in whole seconds, may be later by that much.
      return { status, body: body.toString(), at: Number.isNaN(saidAt) ? sentAt - skewMs : saidAt - tookMs }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}
