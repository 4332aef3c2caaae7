import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Refusal } from '../../error.ts'
import { deliveryBytes, ingestMaxBytes, unprovenUnpackedMaxBytes } from '../limits.ts'

/**
 * What of deliveries is in memory, until each is recorded: bounded for each source, and for all of them. Those that prove
 * themselves by their body alone share bounds of their own, which no others feel.
 */
export type Bodies = {
  /**
   * Reads and unpacks a body, and does the work with it. Throws a `Refusal` TOO_LARGE, BUSY where the bounds are met,
   * BAD_REQUEST for what is no gzip, or UNSUPPORTED_MEDIA_TYPE.
   */
  use<T>(whose: BodyOf, request: Sent, work: (body: Buffer) => Promise<T>): Promise<T>
}

/** Whose body it is, and whether it came with a proof. */
export type BodyOf = { sourceId: string; isProven: boolean }
type Sent = { headers: IncomingMessage['headers']; body: unknown }

/** Most bytes of bodies, of one source and of all. */
export type BodyBounds = { perSource: number; all: number }

export function createBodies(bounds: { [kind in keyof typeof deliveryBytes]: BodyBounds } = deliveryBytes): Bodies {
  const oneAtATime = createQueue()
  const shares = { proven: createShares(bounds.proven), unproven: createShares(bounds.unproven) }
  return {
    async use({ sourceId, isProven }, { headers, body }, work) {
      const encoding = headers['content-encoding'] ?? 'identity'
      if (encoding !== 'gzip' && encoding !== 'identity') {
        throw new Refusal('UNSUPPORTED_MEDIA_TYPE', `content-encoding=${encoding} is not understood: it takes gzip`)
      }
      const share = shares[isProven ? 'proven' : 'unproven'](sourceId)
      try {
        const sent = await readSent(body as Readable | undefined, Number(headers['content-length']), share.take)
        if (encoding === 'identity') return await work(sent)
        if (isProven) return await work(await unpack(sent, share.take, ingestMaxBytes))
        return await work(await oneAtATime(() => unpack(sent, share.take, unprovenUnpackedMaxBytes)))
      } finally {
        share.giveBack()
      }
    },
  }
}

/** What one body has taken of the bounds. */
type Share = {
  /** Throws a `Refusal` BUSY where it is not to be had. */
  take(bytes: number): void
  giveBack(): void
}

function createShares({ perSource, all }: BodyBounds): (sourceId: string) => Share {
  const taken = new Map<string, number>()
  let takenByAll = 0
  return (sourceId) => {
    let mine = 0
    return {
      take(bytes) {
        const ofSource = taken.get(sourceId) ?? 0
        if (ofSource + bytes > perSource || takenByAll + bytes > all) {
          throw new Refusal('BUSY', 'Too much comes at once: send it again in a moment')
        }
        mine += bytes
        takenByAll += bytes
        taken.set(sourceId, ofSource + bytes)
      },
      giveBack() {
        const left = (taken.get(sourceId) ?? 0) - mine
        takenByAll -= mine
        mine = 0
        if (left > 0) taken.set(sourceId, left)
        else taken.delete(sourceId)
      },
    }
  }
}

/** Inflating takes about so much beside what comes out, in bytes. */
const inflateBytes = 64 * 1024

async function unpack(sent: Buffer, take: Share['take'], maxBytes: number): Promise<Buffer> {
  take(inflateBytes)
  const gunzip = createGunzip({ chunkSize: inflateBytes })
  gunzip.end(sent)
  try {
    return await collect(gunzip, take, maxBytes)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'BUSY') throw error
    throw new Refusal('BAD_REQUEST', `The body is not gzip of at most ${maxBytes} bytes: ${(error as Error).message}`)
  } finally {
    gunzip.destroy()
  }
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal('TOO_LARGE', `The body is larger than ${maxBytes} bytes`)
}

/** One piece of work after another. */
function createQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const done = last.then(work)
    last = done.catch(() => undefined)
    return done
  }
}

/** @param length what the headers say of it; NaN where they do not */
async function readSent(body: Readable | undefined, length: number, take: Share['take']): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0)
  if (length > ingestMaxBytes) throw tooLarge(ingestMaxBytes)
  // Its sender went while it waited to be read.
  if (body.destroyed) throw brokenOff()
  return collect(body, take, ingestMaxBytes, length > copiedFromBytes ? length : 0)
}

/** A body from this size on is put together as it comes, so that it is never in memory twice. */
const copiedFromBytes = 256 * 1024

/** All that comes, up to `maxBytes`; `length` where it is known beforehand. */
function collect(from: Readable, take: Share['take'], maxBytes: number, length = 0): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const whole = length > 0 ? Buffer.allocUnsafeSlow(length) : undefined
  const chunks: Buffer[] = []
  let bytes = 0
  const stop = (error: unknown) => {
    from.off('data', add)
    chunks.length = 0
    reject(error)
  }
  const add = (chunk: Buffer) => {
    if (bytes + chunk.length > maxBytes) return stop(tooLarge(maxBytes))
    try {
      take(chunk.length)
      if (whole === undefined) chunks.push(chunk)
      else chunk.copy(whole, bytes)
      bytes += chunk.length
    } catch (error) {
      stop(error)
    }
  }
  from.on('data', add)
  from.once('end', () => {
    const [first] = chunks
    resolve(whole ?? (chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks)))
  })
  from.once('error', (error) => stop('httpVersion' in from ? brokenOff() : error))
  return promise
}

function brokenOff(): Refusal {
  return new Refusal('BAD_REQUEST', 'The request broke off before all of its body came')
}
