import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { type Address, boundLookUps, type LookUp, systemLookUp } from './dns.ts'
import { isPublicAddress } from './public-address.ts'

/** A whole exchange, from the look-up of the name to the last byte, takes at most this, in milliseconds. */
export const fetchTimeoutMs = 10_000
/** Largest body that is read of an answer, in bytes. */
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
  /** So much of the answer is enough: what is beyond it is not read, and what is late of it is not waited for. */
  enoughBytes?: number
}

/** Whatever the status: it is the caller's to judge. A redirect is an answer like any other: it is not followed. */
export type GuardedAnswer = { status: number; headers: IncomingHttpHeaders; body: Buffer }

/** Requests to addresses that users give us: they reach nothing that only this machine, or its network, should reach. */
export type GuardedFetch = {
  /** Rejects with a `FetchFailure`. */
  send(url: string, request?: GuardedRequest): Promise<GuardedAnswer>
  /** Rejects with a `FetchFailure` ADDRESS where `send` would; a name that nobody knows yet passes. */
  check(url: string): Promise<void>
}

export type FetchFailureCode =
  /** The address is not one that may be reached. */
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
  /** All addresses of a name. Default: the system's own look-up. */
  lookUp?: LookUp
}

export function createGuardedFetch({ allowPrivateAddresses, lookUp = systemLookUp }: GuardOptions): GuardedFetch {
  const lookUpInTurn = boundLookUps(lookUp)
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

  async function resolve({ hostname }: URL): Promise<Address[]> {
    const host = withoutBrackets(hostname)
    const family = isIP(host)
    return family === 0 ? lookUpInTurn(host) : [{ address: host, family }]
  }

  /** One address that may not be reached spoils them all: which of them is taken is not ours to choose. */
  function guard({ hostname }: URL, addresses: Address[]): void {
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

/** One request to one of the addresses that were looked at, whatever the name may mean a moment later. */
function exchange(
  target: URL,
  addresses: Address[],
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
    // The status was there in time; whoever asks so wants no more than what came with it.
    if (!signal.aborted) throw error
  }
  return Buffer.concat(chunks).subarray(0, enoughBytes)
}

/** The look-up itself cannot be called off: it is left behind. */
function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return Promise.race([work, promise])
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
