import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Refusal } from '../../error.ts'
import { deliveryBytes, ingestMaxBytes } from '../limits.ts'

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
  const shares = { proven: createShares(bounds.proven), unproven: createShares(bounds.unproven) }
  return {
    async use({ sourceId, isProven }, { headers, body }, work) {
      const encoding = headers['content-encoding'] ?? 'identity'
      if (encoding !== 'gzip' && encoding !== 'identity') {
        throw new Refusal('UNSUPPORTED_MEDIA_TYPE', `content-encoding=${encoding} is not understood: it takes gzip`)
      }
      const share = shares[isProven ? 'proven' : 'unproven'](sourceId)
      try {
        if (Number(headers['content-length']) > ingestMaxBytes) throw tooLarge()
        const sent = body === undefined ? Buffer.alloc(0) : await collect(body as Readable, share.take)
        return await work(encoding === 'gzip' ? await unpack(sent, share.take) : sent)
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

async function unpack(sent: Buffer, take: Share['take']): Promise<Buffer> {
  take(inflateBytes)
  const gunzip = createGunzip({ chunkSize: inflateBytes })
  gunzip.end(sent)
  try {
    return await collect(gunzip, take)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'BUSY') throw error
    throw new Refusal(
      'BAD_REQUEST',
      `The body is not gzip of at most ${ingestMaxBytes} bytes: ${(error as Error).message}`,
    )
  } finally {
    gunzip.destroy()
  }
}

function tooLarge(): Refusal {
  return new Refusal('TOO_LARGE', `The body is larger than ${ingestMaxBytes} bytes`)
}

/** All that comes, up to the largest body that is taken. */
function collect(from: Readable, take: Share['take']): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  // Its sender went while it waited to be read.
  if (from.destroyed) throw brokenOff()
  const chunks: Buffer[] = []
  let bytes = 0
  const stop = (error: unknown) => {
    from.off('data', add)
    chunks.length = 0
    reject(error)
  }
  const add = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > ingestMaxBytes) return stop(tooLarge())
    try {
      take(chunk.length)
      chunks.push(chunk)
    } catch (error) {
      stop(error)
    }
  }
  from.on('data', add)
  from.once('end', () => resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)))
  from.once('error', (error) => stop('httpVersion' in from ? brokenOff() : error))
  return promise
}

function brokenOff(): Refusal {
  return new Refusal('BAD_REQUEST', 'The request broke off before all of its body came')
}
