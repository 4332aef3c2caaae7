import type { StreamReset } from '@rollcall/protocol'
import type { FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import { Refusal } from '../../error.ts'
import { repeat } from '../../runtime/repeat.ts'
import { turns } from '../../runtime/turns.ts'
import { TokenRefusal } from '../auth/token.ts'
import { type Feed, openFeed, type Stream, streamsInTurn, write } from './feed.ts'
import type { FeedLimits } from './limits.ts'
import { closedMessage, toHeartbeat, toOpening } from './messages.ts'
import type { Tails } from './tail.ts'

/** Tokens that are checked in one turn of the event loop. */
const tokensInTurn = 20

export type StreamStart = Pick<Stream, 'requestId' | 'token' | 'isWanted'> & {
  keyId: number
  /** The change after which the stream begins. */
  seq: number
  /** The last change of the key, as it was read just now. */
  last: number
  /** Sent first, where the reader's own place is not in the log. */
  reset: StreamReset | undefined
}

/** The streams that are open, as Server-Sent Events. */
export type OpenStreams = {
  /**
   * Answers with a stream, under the headers of the reply. Throws a `Refusal` TOO_MANY_REQUESTS where the key has as many as it
   * may have.
   */
  open(reply: FastifyReply, start: StreamStart): void
  /** Ends all streams. */
  close(): void
}

/** `x-accel-buffering` keeps proxies from buffering. */
export function asStream(reply: FastifyReply): FastifyReply {
  return reply.type('text/event-stream').header('cache-control', 'no-store').header('x-accel-buffering', 'no')
}

export function createOpenStreams({
  log,
  tails,
  verify,
  limits,
}: {
  log: Logger
  tails: Tails
  /** Throws a `TokenRefusal` where what a stream was opened with is no longer good. */
  verify(token: string): Promise<unknown>
  limits: Omit<FeedLimits, 'pollMs'>
}): OpenStreams {
  const feeds = new Map<number, Feed>()
  const heart = repeat(Math.min(limits.heartbeatMs, limits.tokenCheckMs), beat, (err) =>
    log.error({ err }, 'streams not looked after; the next round retries'),
  )

  return {
    open(reply, { keyId, seq, last, reset, ...reader }) {
      const feed = feeds.get(keyId) ?? openFeed(keyId, last, { tails, log, limits })
      if (feed.streams.size >= limits.streamsOfKeyMax) {
        throw new Refusal(
          'TOO_MANY_REQUESTS',
          `This key has ${limits.streamsOfKeyMax} streams open, which is as many as it may: close some, or let one reader tell the others`,
        )
      }
      feeds.set(keyId, feed)
      asStream(reply).hijack()
      const answer = reply.raw
      const stream: Stream = { ...reader, answer, seq, writtenAt: performance.now() }
      answer.writeHead(200, reply.getHeaders() as Record<string, string | string[]>)
      write(stream, toOpening(seq, reset))
      answer.once('close', () => {
        feed.remove(stream)
        if (feed.streams.size > 0) return
        feed.close()
        feeds.delete(keyId)
      })
      feed.add(stream)
    },

    close() {
      heart.stop()
      for (const { streams } of feeds.values()) for (const { answer } of streams) answer.end()
    },
  }

  /** Checks the tokens of all streams, and writes a heartbeat to those that are quiet; some in a turn. */
  async function beat(): Promise<void> {
    for (const [keyId, { streams }] of feeds) {
      for (const [i, [token, ofToken]] of [...Map.groupBy(streams, ({ token }) => token)].entries()) {
        if (i % tokensInTurn === tokensInTurn - 1) await turns.next(`streams of ${keyId}`)
        checkToken(token, ofToken)
      }
      let count = 0
      for (const stream of streams) {
        const quietMs = performance.now() - stream.writtenAt
        if (quietMs < limits.heartbeatMs || stream.answer.writableNeedDrain) continue
        if (++count % streamsInTurn === 0) await turns.next(`streams of ${keyId}`)
        write(stream, toHeartbeat(stream.seq))
      }
    }
  }

  function checkToken(token: string, streams: Stream[]): void {
    verify(token).catch((error) => {
      if (error instanceof TokenRefusal) for (const { answer } of streams) answer.end(closedMessage)
      else log.error({ err: error }, 'token of a stream not checked; the next check retries')
    })
  }
}
