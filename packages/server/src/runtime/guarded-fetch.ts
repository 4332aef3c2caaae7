import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { limitResolver, type ResolvedAddress, type Resolver, systemResolver } from './addresses/dns.ts'
import { createOwnNetworks } from './addresses/own-networks.ts'
import { isListed, isPublicAddress } from './addresses/public-address.ts'
import { createSpread } from './turns.ts'

/** Answers before the answer (1xx) that are listened to: a server may send them without end. */
const interimMax = 100
/** Exchanges that are begun in one turn of the event loop: each takes a tenth of a millisecond, and hundreds may be due at once. */
const begunInTurn = 10
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
  /** Default: the system's own. */
  interfaces?: typeof networkInterfaces
}

export function createGuardedFetch({
  allowPrivateAddresses,
  resolver = systemResolver,
  interfaces = networkInterfaces,
}: GuardOptions): GuardedFetch {
  const resolveName = limitResolver(resolver)
  const ownNetworks = createOwnNetworks(interfaces)
  const spread = createSpread(begunInTurn)
  return {
    async send(url, { timeoutMs = fetchTimeoutMs, ...request } = {}) {
      const target = parseTarget(url)
      const { signal, clear } = startTimeout(timeoutMs)
      try {
        const addresses = await orAborted(signal, resolve(target))
        guard(target, addresses)
        await orAborted(signal, new Promise<void>(spread))
        return await exchange(target, addresses, signal, request)
      } catch (error) {
        if (error instanceof FetchFailure) throw error
        if (signal.aborted) throw new FetchFailure('TOO_SLOW', `${target.origin} did not answer within ${timeoutMs} ms`)
        const { message } = error as Error
        throw new FetchFailure('UNREACHABLE', `${target.origin} cannot be reached: ${message}`, { cause: error })
      } finally {
        clear()
      }
    },

    async check(url) {
      const target = parseTarget(url)
      const { signal, clear } = startTimeout(fetchTimeoutMs)
      const known = await orAborted(signal, resolve(target)).catch(() => [])
      clear()
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
    if (allowPrivateAddresses) return
    const own = ownNetworks()
    const refused = addresses.find(({ address }) => !isPublicAddress(address) || isListed(address, own))
    if (refused === undefined) return
    const host = withoutBrackets(hostname)
    const named = refused.address === host ? `${host} is` : `${host} resolves to ${refused.address}, which is`
    const why = isPublicAddress(refused.address) ? 'an address of this machine or its network' : 'no public address'
    throw new FetchFailure(
      'ADDRESS',
      `${named} ${why}: set ROLLCALL_ALLOW_PRIVATE_ADDRESSES=on to let the server reach addresses of its own machine and network`,
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

/** A bound in time that holds whatever the exchange does. */
function startTimeout(timeoutMs: number): { signal: AbortSignal; clear(): void } {
  const aborting = new AbortController()
  const timer = setTimeout(() => aborting.abort(), timeoutMs)
  return { signal: aborting.signal, clear: () => clearTimeout(timer) }
}

/** One request, to the addresses that were guarded: the name is not resolved again, so it cannot change in between. */
async function exchange(
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
    lookup,
  }
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  let interim = 0
  let soFar: (() => GuardedAnswer) | undefined
  const outgoing = send(options, (incoming) => {
    const read = readAnswer(incoming, { maxBytes, enoughBytes, origin: target.origin }, { resolve, reject })
    if (enoughBytes !== undefined) soFar = read
  })
  outgoing.on('information', () => {
    interim += 1
    if (interim > interimMax) reject(new FetchFailure('TOO_LARGE', `${target.origin} sends answers of 1xx without end`))
  })
  // 101 changes to another protocol, which nobody asked for: to the caller it is an answer like any other.
  outgoing.on('upgrade', ({ statusCode = 0, headers }) =>
    resolve({ status: statusCode, headers, body: Buffer.alloc(0) }),
  )
  outgoing.on('error', reject)
  // The last of its events, whatever came before: nothing waits for it for ever.
  outgoing.on('close', () => reject(new Error('the connection was closed before an answer')))
  // The status came in time: what of the body came with it may be enough.
  const abort = () => (soFar === undefined ? reject(signal.reason) : resolve(soFar()))
  signal.addEventListener('abort', abort)
  outgoing.end(body)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', abort)
    outgoing.destroy()
  }
}

type Settle = { resolve(answer: GuardedAnswer): void; reject(error: Error): void }
type ReadLimits = { maxBytes: number; enoughBytes: number | undefined; origin: string }

/** Reads as much of an answer as is wanted. Gives what makes an answer of what came so far. */
function readAnswer(
  incoming: IncomingMessage,
  { maxBytes, enoughBytes = Number.POSITIVE_INFINITY, origin }: ReadLimits,
  { resolve, reject }: Settle,
): () => GuardedAnswer {
  const { statusCode: status = 0, headers } = incoming
  const chunks: Buffer[] = []
  let sizeBytes = 0
  const soFar = () => ({ status, headers, body: Buffer.concat(chunks).subarray(0, enoughBytes) })
  incoming.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes && enoughBytes > maxBytes) {
      incoming.pause()
      return reject(new FetchFailure('TOO_LARGE', `${origin} answers more than ${maxBytes} bytes`))
    }
    chunks.push(chunk)
    if (sizeBytes >= enoughBytes) resolve(soFar())
  })
  incoming.on('end', () => resolve(soFar()))
  incoming.on('error', reject)
  return soFar
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
