import type { ServerResponse } from 'node:http'
import type { NumberedChange } from '@rollcall/protocol'
import type { Logger } from 'pino'
import { coalesce } from '../../runtime/single-flight.ts'
import { turns } from '../../runtime/turns.ts'
import type { FeedLimits } from './limits.ts'
import { toMessages } from './messages.ts'
import type { Tails } from './tail.ts'

/** Streams that are written to in one turn of the event loop, and bytes: the system copies them for each. */
export const streamsInTurn = 50
const bytesInTurn = 1024 * 1024

/** One reader. It is written to as it is, without a stream between: there may be a thousand, and each costs memory. */
export type Stream = {
  requestId: string
  token: string
  answer: ServerResponse
  /** Undefined: all changes are wanted. */
  isWanted: ((change: NumberedChange) => boolean) | undefined
  /** The last change that was looked at, whether it was sent or not. */
  seq: number
  /** By the monotonic clock, in milliseconds. */
  writtenAt: number
}

/** All streams of one key: what comes is written to each of them, to some in each turn of the event loop. */
export type Feed = {
  streams: ReadonlySet<Stream>
  add(stream: Stream): void
  remove(stream: Stream): void
  close(): void
}

type Parts = { tails: Tails; log: Logger; limits: Pick<FeedLimits, 'stallMs'> }

/** @param last the last change of the key, as it was read just now */
export function openFeed(keyId: number, last: number, { tails, log, limits }: Parts): Feed {
  const streams = new Set<Stream>()
  /** Those that took what was written to them, and have all that is kept but for what came just now. */
  const following = new Set<Stream>()
  const spread = coalesce(async () => {
    for (let isBehind = true; isBehind; ) {
      isBehind = false
      let [count, bytes] = [0, 0]
      for (const stream of following) {
        if (count === streamsInTurn || bytes > bytesInTurn) {
          await turns.next(`streams of ${keyId}`)
          ;[count, bytes] = [0, 0]
        }
        const written = writeNext(stream)
        if (written !== undefined) isBehind = true
        count += 1
        bytes += written ?? 0
      }
    }
  })
  const tail = tails.open(keyId, last, () => void spread())

  return {
    streams,
    add(stream) {
      streams.add(stream)
      catchUp(stream)
    },
    remove(stream) {
      streams.delete(stream)
      following.delete(stream)
    },
    close: tail.close,
  }

  /** Writes a page to a stream that follows. Gives its bytes: there may be more; undefined where it wrote none. */
  function writeNext(stream: Stream): number | undefined {
    const page = tail.after(stream.seq)
    if (page?.length === 0) return undefined
    if (page === undefined || stream.answer.writableNeedDrain) {
      following.delete(stream)
      catchUp(stream)
      return undefined
    }
    return writePage(stream, page)
  }

  function catchUp(stream: Stream): void {
    writeUntilFollowing(stream).catch((err) => {
      log.error({ requestId: stream.requestId, err }, 'stream failed')
      stream.answer.destroy()
    })
  }

  /** Writes page after page, the next one when the last was taken, until there is no more. */
  async function writeUntilFollowing(stream: Stream): Promise<void> {
    for (;;) {
      if (stream.answer.writableNeedDrain) await waitUntilTaken(stream.answer)
      if (!streams.has(stream)) return
      const page = tail.after(stream.seq)
      // In the turn in which it is found to have all: whatever comes from here on is spread to it.
      if (page?.length === 0) return void following.add(stream)
      if (page !== undefined) writePage(stream, page)
      else {
        await turns.next(`streams of ${keyId}`)
        const read = await tail.readAfter(stream.seq)
        if (!streams.has(stream)) return
        writePage(stream, read.page)
        stream.seq = read.seq
      }
      await turns.next(`streams of ${keyId}`)
    }
  }

  /** A reader that is too slow is cut off: it reconnects with the number of the last change that it got. */
  function waitUntilTaken(answer: ServerResponse): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stalled = setTimeout(() => answer.destroy(), limits.stallMs)
    const done = () => {
      clearTimeout(stalled)
      answer.off('drain', done)
      answer.off('close', done)
      resolve()
    }
    answer.on('drain', done)
    answer.on('close', done)
    return promise
  }
}

/** Gives how many bytes it wrote. */
function writePage(stream: Stream, page: NumberedChange[]): number {
  const wanted = stream.isWanted === undefined ? page : page.filter(stream.isWanted)
  stream.seq = page.at(-1)?.seq ?? stream.seq
  if (wanted.length === 0) return 0
  const text = toMessages(wanted)
  write(stream, text)
  return text.length
}

/** What ended meanwhile is written to no more. */
export function write(stream: Stream, text: string | Buffer): void {
  if (stream.answer.writableEnded || stream.answer.destroyed) return
  stream.writtenAt = performance.now()
  stream.answer.write(text)
}
