import type { ErrorBody } from '@rollcall/protocol'
import { backoffMs } from './backoff.ts'
import { RollcallError } from './error.ts'
import { requestBackoff, requestTimeoutMs, requestTriesMax, retryAfterMaxSeconds } from './limits.ts'

/** The API of one server, over HTTP. Each throws a `RollcallError`. */
export type Api = {
  /** Tried again, a few times, where the network failed or the server asked for it. */
  get<Body>(path: string, query?: Query): Promise<Body>
  /** Tried once: twice might do it twice. A text is sent as it is. */
  post<Body>(path: string, body: object | string): Promise<Body>
  /** Tried once, as `delete` is. */
  patch<Body>(path: string, body: object): Promise<Body>
  put<Body>(path: string, body: object): Promise<Body>
  delete<Body>(path: string): Promise<Body>
  /** Tried once; resolves as soon as the answer begins, whose body is for the caller to read. With a file, it is a POST. */
  open(path: string, query: Query, signal: AbortSignal, file?: Blob | string): Promise<Response>
}

/** What is undefined is left out. */
export type Query = { [name: string]: string | number | Date | undefined }

/** What a busy server, or the proxy before one that is away, answers. */
const retriedStatuses = [429, 502, 503, 504]

export function createApi(base: string, giveToken: () => Promise<string | undefined>, triesMax = requestTriesMax): Api {
  return {
    async get(path, query = {}) {
      const url = base + path + toQueryText(query)
      for (let tries = 1; ; tries++) {
        try {
          return await send('GET', url)
        } catch (error) {
          const waitMs = error instanceof RollcallError && tries < triesMax ? toWaitMs(error, tries) : undefined
          if (waitMs === undefined) throw error
          await new Promise((resolve) => setTimeout(resolve, waitMs))
        }
      }
    },
    post: (path, body) => send('POST', base + path, typeof body === 'string' ? body : JSON.stringify(body)),
    patch: (path, body) => send('PATCH', base + path, JSON.stringify(body)),
    put: (path, body) => send('PUT', base + path, JSON.stringify(body)),
    delete: (path) => send('DELETE', base + path),
    async open(path, query, signal, file) {
      const url = base + path + toQueryText(query)
      const headers = await authorize()
      const [method, sent] =
        file === undefined
          ? ['GET', { headers }]
          : ['POST', { headers: { ...headers, 'content-type': 'application/octet-stream' }, body: file }]
      const response = await fetch(url, { method, signal, ...sent }).catch((cause) =>
        refuseUnanswered(method, url, cause),
      )
      if (response.ok) return response
      const text = await response.text().catch((cause) => refuseUnanswered(method, url, cause))
      throw toError(`${method} ${url}`, response, parseJson(text))
    },
  }

  async function authorize(): Promise<{ authorization?: string }> {
    const token = await giveToken()
    return token === undefined ? {} : { authorization: token }
  }

  async function send<Body>(method: string, url: string, body?: string): Promise<Body> {
    const headers = {
      ...(await authorize()),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    let response: Response
    let text: string
    try {
      const signal = AbortSignal.timeout(requestTimeoutMs)
      response = await fetch(url, { method, headers, signal, ...(body !== undefined && { body }) })
      text = await response.text()
    } catch (cause) {
      refuseUnanswered(method, url, cause)
    }
    const answer = parseJson(text)
    if (response.ok && answer !== undefined) return answer as Body
    throw toError(`${method} ${url}`, response, answer)
  }
}

function refuseUnanswered(method: string, url: string, cause: unknown): never {
  throw new RollcallError(`${method} ${url} was not answered: ${explain(cause)}`, { code: 'UNREACHABLE', cause })
}

function toQueryText(query: Query): string {
  const text = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) text.set(name, value instanceof Date ? toIso(name, value) : String(value))
  }
  return text.size === 0 ? '' : `?${text}`
}

function toIso(name: string, date: Date): string {
  if (Number.isNaN(date.getTime())) throw new TypeError(`${name} is an invalid Date: it takes a moment in time`)
  return date.toISOString()
}

/** How long to wait before another try; undefined where another would not help, or is too far off. */
function toWaitMs({ code, statusCode, retryAfterSeconds = 0 }: RollcallError, tries: number): number | undefined {
  const isPassing = code === 'UNREACHABLE' || (statusCode !== undefined && retriedStatuses.includes(statusCode))
  if (!isPassing || retryAfterSeconds > retryAfterMaxSeconds) return undefined
  return Math.max(backoffMs(tries, requestBackoff), retryAfterSeconds * 1000)
}

function toError(request: string, { status, headers }: Response, answer: unknown): RollcallError {
  const retryAfterSeconds = readRetryAfter(headers.get('retry-after'))
  const told = { statusCode: status, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
  if (isErrorBody(answer)) {
    return new RollcallError(answer.error, { ...told, code: answer.code, requestId: answer.requestId })
  }
  return new RollcallError(`${request} was answered ${status}, in a form that is not Rollcall's`, {
    ...told,
    code: 'UNEXPECTED_ANSWER',
  })
}

/** Seconds, or a date: HTTP knows both. */
function readRetryAfter(text: string | null): number | undefined {
  if (text === null) return undefined
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}

function isErrorBody(answer: unknown): answer is ErrorBody {
  const { error, code } = (answer ?? {}) as Partial<ErrorBody>
  return typeof error === 'string' && typeof code === 'string'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function explain(failure: unknown): string {
  const { message, cause } = failure as Error
  return cause instanceof Error && cause.message !== '' ? cause.message : message
}
