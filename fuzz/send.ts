import { type Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../chaos/random.ts'
import { openRaw } from '../packages/server/test/support/clients/raw-client.ts'
import type { Answer } from '../packages/server/test/support/start-server.ts'
import { readAnswers } from './read-answers.ts'
import type { FuzzRequest } from './requests.ts'

/** How a request is brought: over a kept connection, by fetch, or as bytes in pieces on a connection of its own. */
export type Way = 'kept' | 'fetch' | 'bytes'

/** A way that can bring it: fetch cannot bring everything. */
export function pickWay(random: Random, { method, headers, body }: FuzzRequest): Way {
  const way = random.pick<Way>(['kept', 'kept', 'fetch', 'bytes'])
  if (way !== 'fetch') return way
  const hasBody = body !== undefined && (method === 'GET' || method === 'HEAD')
  const isOdd =
    method === 'TRACE' || 'expect' in headers || Object.values(headers).some((value) => /[^ -~]/.test(value))
  return hasBody || isOdd ? 'kept' : 'fetch'
}

type Sender = { url: string; agent: Agent; limitMs: number }

/** Rejects where no whole answer came within the limit. Of a stream of events the head alone is read. */
export function sendRequest(
  { url, agent, limitMs }: Sender,
  way: Way,
  random: Random,
  one: FuzzRequest,
): Promise<Answer<unknown>> {
  if (way === 'fetch') return sendByFetch(url, one, limitMs)
  if (way === 'bytes') return sendAsBytes(url, random, one, limitMs)
  return sendOverKept(url, agent, one, limitMs)
}

function sendOverKept(url: string, agent: Agent, one: FuzzRequest, limitMs: number): Promise<Answer<unknown>> {
  const { method, path, headers, body } = one
  const { promise, resolve, reject } = Promise.withResolvers<Answer<unknown>>()
  const { hostname, port } = new URL(url)
  const length = body === undefined ? {} : { 'content-length': String(body.length) }
  const setHost = headers.host === undefined
  const options = { agent, hostname, port, method, path, headers: { ...length, ...headers }, setHost }
  const outgoing = request(options, async (incoming) => {
    try {
      const { statusCode: status = 0, headers } = incoming
      if (isEndless(headers['content-type'])) {
        incoming.destroy()
        return resolve(toAnswer(status, headers, ''))
      }
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk)
      resolve(toAnswer(status, headers, Buffer.concat(chunks).toString()))
    } catch (error) {
      reject(error)
    }
  })
  const timer = setTimeout(() => outgoing.destroy(new Error(`no whole answer within ${limitMs} ms`)), limitMs)
  outgoing.on('error', reject)
  outgoing.end(body)
  return promise.finally(() => clearTimeout(timer))
}

async function sendByFetch(url: string, one: FuzzRequest, limitMs: number): Promise<Answer<unknown>> {
  const { method, path, headers, body } = one
  const answer = await fetch(url + path, {
    method,
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(limitMs),
    ...(body !== undefined && { body: new Uint8Array(body) }),
  })
  const told = Object.fromEntries(answer.headers)
  if (isEndless(told['content-type'])) {
    await answer.body?.cancel()
    return toAnswer(answer.status, told, '')
  }
  return toAnswer(answer.status, told, await answer.text())
}

async function sendAsBytes(url: string, random: Random, one: FuzzRequest, limitMs: number): Promise<Answer<unknown>> {
  const client = await openRaw({ url })
  const bytes = toBytes(url, one)
  const middle = random.below(bytes.length)
  client.write(bytes.subarray(0, middle))
  if (random.chance(0.5)) await delay(random.below(3))
  client.write(bytes.subarray(middle))
  const timer = setTimeout(() => client.socket.destroy(), limitMs)
  const isEnough = client.until((received) => isEndless(headOf(received)))
  // The connection closes after the answer, but for one that has no end.
  const received = await Promise.race([client.closed, isEnough.catch(() => client.closed)])
  clearTimeout(timer)
  client.socket.destroy()
  const [answer] = readAnswers(received, { isHead: one.method === 'HEAD' })
  if (answer === undefined) throw new Error(`no whole answer, but ${JSON.stringify(received.toString().slice(0, 500))}`)
  return toAnswer(answer.status, answer.headers, answer.text)
}

function toBytes(url: string, { method, path, headers, body = Buffer.alloc(0) }: FuzzRequest): Buffer {
  const sent = { host: new URL(url).host, 'content-length': body.length, connection: 'close', ...headers }
  const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}`)
  return Buffer.concat([Buffer.from([`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'), 'latin1'), body])
}

/** Of the answer itself, not of one before it that only says to go on. */
function headOf(received: Buffer): string {
  const length = Math.max(0, received.indexOf('\r\n\r\n'))
  const head = received.toString('latin1', 0, length)
  return /^HTTP\/1\.1 100 /.test(head) ? headOf(received.subarray(length + 4)) : head
}

function isEndless(text: string | undefined): boolean {
  return text?.includes('text/event-stream') === true
}

function toAnswer(status: number, headers: Answer<unknown>['headers'], text: string): Answer<unknown> {
  const isJson = headers['content-type']?.startsWith('application/json') === true && text !== ''
  return { status, headers, text, body: isJson ? JSON.parse(text) : text }
}

/** The request as a line for a shell, to be sent again. */
export function toCurl(url: string, { method, path, headers, body }: FuzzRequest): string {
  const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  const lines = Object.entries(headers).map(
    ([name, value]) => `-H ${quote(value === '' ? `${name};` : `${name}: ${value}`)}`,
  )
  const sends = method === 'HEAD' ? '-I' : `-X ${method}`
  if (body === undefined) return ['curl -i --path-as-is', sends, ...lines, quote(url + path)].join(' ')
  const target = [sends, ...lines, '--data-binary @-', quote(url + path)].join(' ')
  const isText = Buffer.from(body.toString()).equals(body) && !body.includes(0)
  const source = isText ? `printf %s ${quote(body.toString())}` : `echo ${body.toString('base64')} | base64 -d`
  return `${source} | curl -i --path-as-is ${target}`
}
