import { PassThrough } from 'node:stream'
import {
  type NumberedChange,
  type StreamedChange,
  type StreamReset,
  toIso,
  tokenInvalidMessage,
} from '@rollcall/protocol'
import type { Logger } from 'pino'
import { TokenRefusal, type TokenVerifier } from '../auth/token.ts'
import type { FeedLimits } from './limits.ts'
import type { Tails } from './tail.ts'

/** How long a browser waits before it reconnects, in milliseconds. */
const retryMs = 2000

export type ChangeFilter = (change: NumberedChange) => boolean

export type StreamStart = {
  keyId: number
  token: string
  requestId: string
  /** The change after which the stream begins. */
  seq: number
  /** Sent first, where the reader's own place is not in the log. */
  reset: StreamReset | undefined
  isWanted: ChangeFilter
}

/** The streams that are open, as Server-Sent Events. */
export type OpenStreams = {
  /** Begins a stream; what it gives is sent to the reader. */
  open(start: StreamStart): PassThrough
  /** Ends all streams. */
  close(): void
}

type OpenStream = {
  out: PassThrough
  token: string
  /** The last change that was looked at, whether it was sent or not. */
  seq: number
  /** By the monotonic clock, in milliseconds. */
  writtenAt: number
}

export function createOpenStreams({
  log,
  tails,
  verifyToken,
  limits,
}: {
  log: Logger
  tails: Tails
  verifyToken: TokenVerifier
  limits: Omit<FeedLimits, 'pollMs'>
}): OpenStreams {
  const streams = new Set<OpenStream>()
  const heart = setInterval(beat, Math.min(limits.heartbeatMs, limits.tokenCheckMs))
  heart.unref()

  return {
    open({ keyId, token, requestId, seq, reset, isWanted }) {
      const out = new PassThrough()
      // With the place where it begins: a reader that loses the connection before the first change goes on there.
      out.write(`retry: ${retryMs}\nid: ${seq}\n${reset === undefined ? '' : toReset(reset)}\n`)
      const stream = { out, token, seq, writtenAt: performance.now() }
      send(keyId, stream, isWanted).catch((err) => {
        log.error({ requestId, err }, 'stream failed')
        out.destroy()
      })
      return out
    },

    close() {
      clearInterval(heart)
      for (const { out } of streams) out.end()
    },
  }

  /** Writes page after page, the next one when the last was taken, until either side closes. */
  async function send(keyId: number, stream: OpenStream, isWanted: ChangeFilter): Promise<void> {
    const { out } = stream
    const closed = new AbortController()
    out.once('close', () => closed.abort())
    out.once('finish', () => closed.abort())
    streams.add(stream)
    try {
      for await (const page of tails.follow(keyId, stream.seq, closed.signal)) {
        const text = page.filter(isWanted).map(toMessage).join('')
        stream.seq = page.at(-1)?.seq ?? stream.seq
        if (text !== '' && !write(stream, text)) await waitUntilTaken(out)
      }
    } finally {
      streams.delete(stream)
    }
  }

  /** A reader that is too slow is cut off: it reconnects with the number of the last change that it got. */
  function waitUntilTaken(out: PassThrough): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stalled = setTimeout(() => out.destroy(), limits.stallMs)
    const done = () => {
      clearTimeout(stalled)
      resolve()
    }
    out.once('drain', done)
    out.once('close', done)
    return promise
  }

  /** Checks the token of each stream, and writes a heartbeat to those that are quiet. */
  function beat(): void {
    for (const stream of streams) {
      verifyToken(stream.token).catch((error) => {
        if (error instanceof TokenRefusal) stream.out.end(toClosed())
        else log.error({ err: error }, 'token of a stream not checked; the next check retries')
      })
      const quietMs = performance.now() - stream.writtenAt
      // An id without data moves the reader's place past changes that it does not want, and is no message.
      if (quietMs >= limits.heartbeatMs && !stream.out.writableNeedDrain) write(stream, `: \nid: ${stream.seq}\n\n`)
    }
  }
}

function write(stream: OpenStream, text: string): boolean {
  stream.writtenAt = performance.now()
  return stream.out.write(text)
}

function toReset(reset: StreamReset): string {
  return `event: reset\ndata: ${JSON.stringify(reset)}\n`
}

function toClosed(): string {
  return `event: closed\ndata: ${JSON.stringify({ code: 'TOKEN_INVALID', error: tokenInvalidMessage })}\n\n`
}

function toMessage({ seq, type, sessionId, roomId, at, participantId, name, kind, reason }: NumberedChange): string {
  const data: StreamedChange = {
    seq,
    type,
    sessionId,
    roomId,
    at: toIso(at),
    ...(participantId !== undefined && { participantId }),
    ...(name !== undefined && { name }),
    ...(participantId !== undefined && { kind: kind ?? 'person' }),
    ...(reason !== undefined && { reason }),
  }
  return `id: ${seq}\ndata: ${JSON.stringify(data)}\n\n`
}
