import type { Snapshot } from '@rollcall/protocol'
import type { Clock } from '../../runtime/clock.ts'
import type { GuardedFetch, GuardedRequest } from '../../runtime/guarded-fetch.ts'

/** What can be asked of a media server that has an API, and what it can be told to do. */
export type MediaServer<Settings> = {
  /** Whether the settings have what that takes. */
  isReachable(settings: Settings): boolean
  /**
   * Who is in its rooms. Rejects where it does not say.
   * @param listRunning the names of the rooms in which the record has somebody: rooms that it does not list may be among them
   */
  look(ask: Ask, settings: Settings, listRunning: (reporter?: string) => Promise<string[]>): Promise<Looked>
  /** Ends what runs in a room. Rejects with a `MediaServerRefusal` where it refuses. */
  end(ask: Ask, settings: Settings, order: Order): Promise<void>
  /** Removes somebody. Rejects with a `MediaServerRefusal` where it refuses. */
  remove(ask: Ask, settings: Settings, order: Order & { participantId: string }): Promise<void>
}

export type Looked = {
  /** Which of several servers of the source it is, as its events name it. */
  reporter?: string
  /** When it was asked which rooms there are, by its own clock. */
  at: number
  rooms: SeenRoom[]
}

/** One room as its media server sees it. `room` and `sessionKey` are as its events name them. */
export type SeenRoom = {
  room: string
  sessionKey?: string
  /** Everybody in the list was inside at some moment after this, by its own clock. */
  at: number
  participants: Snapshot['participants']
}

/** About what ran when it was given. */
export type Order = {
  /** Which of several servers of the source it is for, as its events name it. */
  reporter: string | undefined
  /** What the room may be called there: the first of them that there is. */
  rooms: string[]
  sessionKey: string | null
  /** Who was inside, by the record. */
  inside: { participantId: string; connectionId: string }[]
  /** It may have been given before: what began since is to be left alone. */
  isAgain: boolean
}

export type Asked = {
  status: number
  body: string
  /** A moment before it looked at what it says, by its own clock, and as late as can be told. */
  at: number
}

/** One request to a media server. Rejects where no answer comes. */
export type Ask = (url: string, request?: GuardedRequest) => Promise<Asked>

/** It answered, and does not do what it is told, or not for us: to ask again would not help. */
export class MediaServerRefusal extends Error {
  override name = 'MediaServerRefusal'
}

/** Largest answer that is read, in bytes: a room of 50,000 people. */
const answerMaxBytes = 64 * 1024 * 1024

export type AskParts = {
  guardedFetch: GuardedFetch
  clock: Clock
  /** How far its clock is behind ours, in milliseconds, for answers that say no time. Default 0. */
  skewMs?: number
  /** Ends what is under way. */
  signal: AbortSignal
}

export function createAsk({ guardedFetch, clock, skewMs = 0, signal }: AskParts): Ask {
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
      // It was asked before it answered: by so much the time that it says, in whole seconds, may be late.
      return { status, body: body.toString(), at: Number.isNaN(saidAt) ? sentAt - skewMs : saidAt - tookMs }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}
