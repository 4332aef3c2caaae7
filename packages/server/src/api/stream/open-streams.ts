import { PassThrough } from 'node:stream'
import {
  type NumberedChange,
  type StreamedChange,
  type StreamReset,
  toIso,
  tokenInvalidMessage,
} from '@rollcall/protocol'
import type { Logger } from 'pino'
import { Refusal } from '../../error.ts'
import { repeat } from '../../runtime/repeat.ts'
import { turns } from '../../runtime/turns.ts'
import { TokenRefusal, type TokenVerifier } from '../auth/token.ts'
import type { FeedLimits } from './limits.ts'
import type { Tails } from './tail.ts'

/** How long a browser waits before it reconnects, in milliseconds. */
const retryMs = 2000

/** Tokens that are checked in one turn of the event loop. */
const tokensInTurn = 20

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
  /**
   * Begins a stream; what it gives is sent to the reader. Throws a `Refusal` TOO_MANY_REQUESTS where the key has as many as it
   * may have.
   */
  open(start: StreamStart): PassThrough
  /** Ends all streams. */
  close(): void
}

type OpenStream = {
  keyId: number
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
  const ofKeys = new Map<number, number>()
  const heart = repeat(Math.min(limits.heartbeatMs, limits.tokenCheckMs), beat, (err) =>
    log.error({ err }, 'streams not looked after; the next round retries'),
  )

  return {
    open({ keyId, token, requestId, seq, reset, isWanted }) {
      if ((ofKeys.get(keyId) ?? 0) >= limits.streamsOfKeyMax) {
        throw new Refusal(
          'TOO_MANY_REQUESTS',
          `This key has ${limits.streamsOfKeyMax} streams open, which is as many as it may: close some, or let one reader tell the others`,
        )
      }
      const out = new PassThrough()
      // With the place where it begins: a reader that loses the connection before the first change goes on there.
      out.write(`retry: ${retryMs}\nid: ${seq}\n${reset === undefined ? '' : toReset(reset)}\n`)
      const stream = { keyId, out, token, seq, writtenAt: performance.now() }
      send(keyId, stream, isWanted).catch((err) => {
        log.error({ requestId, err }, 'stream failed')
        out.destroy()
      })
      return out
    },

    close() {
      heart.stop()
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
    ofKeys.set(keyId, (ofKeys.get(keyId) ?? 0) + 1)
    try {
      for await (const page of tails.follow(keyId, stream.seq, closed.signal)) {
        const wanted = page.filter(isWanted)
        stream.seq = page.at(-1)?.seq ?? stream.seq
        if (wanted.length > 0 && !write(stream, toMessages(wanted))) await waitUntilTaken(out)
      }
    } finally {
      streams.delete(stream)
      const left = (ofKeys.get(keyId) ?? 0) - 1
      if (left > 0) ofKeys.set(keyId, left)
      else ofKeys.delete(keyId)
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

  /** Checks the tokens of all streams, some in a turn, and writes a heartbeat to those that are quiet. */
  async function beat(): Promise<void> {
    for (const [i, [token, ofToken]] of [...Map.groupBy(streams, (stream) => stream.token)].entries()) {
      if (i % tokensInTurn === tokensInTurn - 1) await turns.next(ofToken[0]?.keyId ?? 0)
      verifyToken(token).catch((error) => {
        if (error instanceof TokenRefusal) for (const { out } of ofToken) out.end(toClosed())
        else log.error({ err: error }, 'token of a stream not checked; the next check retries')
      })
    }
    for (const stream of streams) {
      const quietMs = performance.now() - stream.writtenAt
      // An id without data moves the reader's place past changes that it does not want, and is no message.
      if (quietMs >= limits.heartbeatMs && !stream.out.writableNeedDrain) write(stream, `: \nid: ${stream.seq}\n\n`)
    }
  }
}

function write(stream: OpenStream, text: string | Buffer): boolean {
  stream.writtenAt = performance.now()
  return stream.out.write(text)
}

function toReset(reset: StreamReset): string {
  return `event: reset\ndata: ${JSON.stringify(reset)}\n`
}

function toClosed(): string {
  return `event: closed\ndata: ${JSON.stringify({ code: 'TOKEN_INVALID', error: tokenInvalidMessage })}\n\n`
}

/** By the first of some changes without a gap the text of them all: made once for all readers who get the same. */
const written = new WeakMap<NumberedChange, { lastSeq: number; text: Buffer }>()

function toMessages(changes: NumberedChange[]): Buffer {
  const [first] = changes
  const last = changes.at(-1)
  if (first === undefined || last === undefined) return Buffer.alloc(0)
  const known = written.get(first)
  const isWhole = last.seq - first.seq === changes.length - 1
  if (isWhole && known?.lastSeq === last.seq) return known.text
  const text = Buffer.from(changes.map(toMessage).join(''))
  if (isWhole) written.set(first, { lastSeq: last.seq, text })
  return text
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
