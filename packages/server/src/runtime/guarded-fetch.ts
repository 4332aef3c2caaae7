import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { limitResolver, type ResolvedAddress, type Resolver, systemResolver } from './dns.ts'
import { isPublicAddress } from './public-address.ts'

/** Longest exchange, from resolving the name to the last byte, in milliseconds. */
export const fetchTimeoutMs = 10_000
/** Largest answer that is read, in bytes: it is held in memory. */
export const answerMaxBytes = 1024 * 1024

export type GuardedRequest = {
  /** Default GET. */
  method?: string
  headers?: { [name: string]: string }
  body?: string | Buffer
  /** Default `fetchTimeoutMs`. */
  timeoutMs?: number
  /** An answer that is larger fails. Default `answerMaxBytes`. */
  maxBytes?: number
  /** This much of the answer is enough: the rest is not read, and a body that is cut off by the timeout counts. */
  enoughBytes?: number
}

/** An answer of any status: the caller judges it. A redirect is an answer too, and is not followed. */
export type GuardedAnswer = { status: number; headers: IncomingHttpHeaders; body: Buffer }

/** Requests to addresses that users give: they do not reach what only this machine or its network should reach. */
export type GuardedFetch = {
  /** Rejects with a `FetchFailure`. */
  send(url: string, request?: GuardedRequest): Promise<GuardedAnswer>
  /** Rejects with a `FetchFailure` ADDRESS where `send` would; a name that does not resolve yet passes. */
  check(url: string): Promise<void>
}

export type FetchFailureCode =
  /** The address may not be reached. */
  | 'ADDRESS'
  /** No answer came: the name is unknown, or the connection failed. */
  | 'UNREACHABLE'
  | 'TOO_SLOW'
  | 'TOO_LARGE'

export class FetchFailure extends Error {
  override name = 'FetchFailure'
  code: FetchFailureCode

  constructor(code: FetchFailureCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export type GuardOptions = {
  /** `ROLLCALL_ALLOW_PRIVATE_ADDRESSES`: for media servers on one's own network. */
  allowPrivateAddresses: boolean
  /** Default: the system's own. */
  resolver?: Resolver
}

export function createGuardedFetch({ allowPrivateAddresses, resolver = systemResolver }: GuardOptions): GuardedFetch {
  const resolveName = limitResolver(resolver)
  return {
    async send(url, { timeoutMs = fetchTimeoutMs, ...request } = {}) {
      const target = parseTarget(url)
      const signal = AbortSignal.timeout(timeoutMs)
      try {
        const addresses = await orAborted(signal, resolve(target))
        guard(target, addresses)
        return await exchange(target, addresses, signal, request)
      } catch (error) {
        if (error instanceof FetchFailure) throw error
        if (signal.aborted) throw new FetchFailure('TOO_SLOW', `${target.origin} did not answer within ${timeoutMs} ms`)
        const { message } = error as Error
        throw new FetchFailure('UNREACHABLE', `${target.origin} cannot be reached: ${message}`, { cause: error })
      }
    },

    async check(url) {
      const target = parseTarget(url)
      const known = await orAborted(AbortSignal.timeout(fetchTimeoutMs), resolve(target)).catch(() => [])
      guard(target, known)
    },
  }

  async function resolve({ hostname }: URL): Promise<ResolvedAddress[]> {
    const host = withoutBrackets(hostname)
    const family = isIP(host)
    return family === 0 ? resolveName(host) : [{ address: host, family }]
  }

  /** Refuses when any of the addresses may not be reached: the connection picks one of them itself. */
  function guard({ hostname }: URL, addresses: ResolvedAddress[]): void {
    const refused = allowPrivateAddresses ? undefined : addresses.find(({ address }) => !isPublicAddress(address))
    if (refused === undefined) return
    const host = withoutBrackets(hostname)
    const named = refused.address === host ? `${host} is` : `${host} resolves to ${refused.address}, which is`
    throw new FetchFailure(
      'ADDRESS',
      `${named} no public address: set ROLLCALL_ALLOW_PRIVATE_ADDRESSES=on to let the server reach addresses of its own machine and network`,
    )
  }
}

function parseTarget(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new FetchFailure('ADDRESS', `${text} is no http or https address`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new FetchFailure('ADDRESS', `An address with a user and password in it is not taken: ${url.host}`)
  }
  return url
}

/** One request, to the addresses that were guarded: the name is not resolved again, so it cannot change in between. */
function exchange(
  target: URL,
  addresses: ResolvedAddress[],
  signal: AbortSignal,
  { method = 'GET', headers = {}, body, maxBytes = answerMaxBytes, enoughBytes }: GuardedRequest,
): Promise<GuardedAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<GuardedAnswer>()
  const lookup: LookupFunction = (_, { all }, done) => {
    const [first] = addresses
    if (all) done(null, addresses)
    else done(first === undefined ? new Error('the name has no address') : null, first?.address ?? '', first?.family)
  }
  const options: RequestOptions = {
    hostname: withoutBrackets(target.hostname),
    ...(target.port !== '' && { port: target.port }),
    path: target.pathname + target.search,
    method,
    headers: {
      ...headers,
      host: target.host,
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    },
    agent: false,
    signal,
    lookup,
  }
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  const outgoing = send(options, async (incoming) => {
    try {
      const read = await (enoughBytes === undefined
        ? readBody(incoming, maxBytes, target)
        : readBeginning(incoming, enoughBytes, signal))
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: read })
    } catch (error) {
      outgoing.destroy()
      reject(error)
    }
  })
  outgoing.on('error', reject)
  outgoing.end(body)
  return promise
}

async function readBody(incoming: AsyncIterable<Buffer>, maxBytes: number, { origin }: URL): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of incoming) {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) throw new FetchFailure('TOO_LARGE', `${origin} answers more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function readBeginning(
  incoming: AsyncIterable<Buffer>,
  enoughBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  try {
    for await (const chunk of incoming) {
      chunks.push(chunk)
      sizeBytes += chunk.length
      if (sizeBytes >= enoughBytes) break
    }
  } catch (error) {
    // The status came in time: what of the body came with it is enough.
    if (!signal.aborted) throw error
  }
  return Buffer.concat(chunks).subarray(0, enoughBytes)
}

/** Resolving a name cannot be aborted: it is left running. */
function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return Promise.race([work, promise])
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
