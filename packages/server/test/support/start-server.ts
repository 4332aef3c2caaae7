import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import type { TokenClaims } from '@rollcall/protocol'
import type { AppParts } from '../../src/app/app.ts'
import type { Context } from '../../src/context.ts'
import { readConfig, startApp } from './built-server.ts'
import { dataParent } from './data-parent.ts'
import { assertDescribed, describeServer } from './documents/openapi-check.ts'
import { copyEmptyRecord } from './empty-record.ts'
import { Agent, request } from './http.ts'
import { signToken } from './sign-token.ts'

export type Answer<Body> = { status: number; headers: IncomingHttpHeaders; text: string; body: Body }

export type CallOptions = {
  /** Sent as it is in `Authorization`; null sends none. Default: a token of the server's own key with both roles. */
  token?: string | null
  headers?: { [name: string]: string }
}

export type TestServer = {
  /** Such as http://127.0.0.1:40123, without a slash at the end. */
  url: string
  /** The address of the hosted rooms. */
  wsUrl: string
  apiKey: string
  secret: string
  dataFolder: string
  /** The settings that lead a command of the CLI to the same record. */
  storeEnv: { [name: string]: string }
  context: Context
  /** A token of the server's key, good for an hour by the server's clock. `roles: undefined` signs none. */
  sign(claims?: Partial<TokenClaims>): Promise<string>
  /**
   * A request with a body of JSON, or of text as it is; the answer's body is parsed where it is JSON. Fails where the
   * answer is not as the server's OpenAPI document has it.
   */
  call<Body = { [key: string]: unknown }>(
    method: string,
    path: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<Answer<Body>>
  stop(): Promise<void>
}

/** For tests that break, block or read the file itself. */
export const onSqlite = { skip: process.env.ROLLCALL_TEST_DATABASE_URL !== undefined && 'there is no SQLite file' }

/** A whole real server on a free port, in this process, with a data folder of its own that `stop` removes. */
export async function startServer(env: { [name: string]: string } = {}, parts: AppParts = {}): Promise<TestServer> {
  const dataFolder = env.ROLLCALL_DATA ?? (await makeDataFolder())
  const storeEnv = { ROLLCALL_DATA: dataFolder, ...(await databaseFor(dataFolder)) }
  const config = readConfig({ PORT: '0', LOG_LEVEL: 'silent', ...storeEnv, ...env })
  const app = await startApp(config, parts)
  const { url, context, firstKey } = app
  if (firstKey === undefined) throw new Error('the server has no enabled key')
  const sign: TestServer['sign'] = (claims = {}) =>
    signToken(firstKey, { roles: ['crawler', 'rtc'], ...claims }, { now: context.clock.now(), lifetimeMs: 3_600_000 })

  return {
    url,
    wsUrl: `${url.replace(/^http/, 'ws')}/v2/rtc`,
    apiKey: firstKey.apiKey,
    secret: firstKey.secret,
    dataFolder,
    storeEnv,
    context,
    sign,
    async call(method, path, body, { token, headers = {} } = {}) {
      const authorization = token === undefined ? await sign() : token
      const isText = typeof body === 'string'
      const sent = {
        ...(authorization !== null && { authorization }),
        ...(body !== undefined && !isText && { 'content-type': 'application/json' }),
        ...headers,
      }
      const text = isText || body === undefined ? body : JSON.stringify(body)
      // Asked for before: after the answer the server may be on its way out.
      const described = await describeServer(url)
      const answer = await send<never>(`${url}${path}`, method, sent, text)
      if (method !== 'OPTIONS') assertDescribed(described, method, path, answer)
      return answer
    },
    async stop() {
      await app.stop()
      if (env.ROLLCALL_DATA === undefined) await rm(dataFolder, { recursive: true, force: true })
    },
  }
}

async function makeDataFolder(): Promise<string> {
  const dataFolder = await mkdtemp(join(dataParent, 'rollcall-test-'))
  await copyEmptyRecord(dataFolder)
  return dataFolder
}

const databases = new Map<string, string>()

/** Where `npm run test:postgres` runs the tests: a database for each data folder, in place of its file. */
async function databaseFor(dataFolder: string): Promise<{ [name: string]: string }> {
  const service = process.env.ROLLCALL_TEST_DATABASE_URL
  if (service === undefined) return {}
  const { createDatabase } = await import('./postgres.ts')
  const database = databases.get(dataFolder) ?? (await createDatabase(service))
  databases.set(dataFolder, database)
  return { DATABASE_URL: database, ROLLCALL_MASTER_KEY: '5'.repeat(64) }
}

/** One request on a connection of its own. */
export function send<Body>(
  url: string,
  method: string,
  headers: { [name: string]: string },
  body?: string,
): Promise<Answer<Body>> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer<Body>>()
  const sent = body === undefined ? headers : { 'content-length': String(Buffer.byteLength(body)), ...headers }
  const outgoing = request(url, { method, headers: sent, agent: new Agent({ keepAlive: false }) }, async (incoming) => {
    const chunks: Buffer[] = []
    // A stream of events has no end: of it the head alone is read.
    if (incoming.headers['content-type']?.startsWith('text/event-stream')) {
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: '', body: '' as Body })
      return incoming.destroy()
    }
    for await (const chunk of incoming) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const isJson = incoming.headers['content-type']?.startsWith('application/json') && text !== ''
    resolve({
      status: incoming.statusCode ?? 0,
      headers: incoming.headers,
      text,
      body: (isJson ? JSON.parse(text) : text) as Body,
    })
  })
  outgoing.on('error', reject)
  outgoing.end(body)
  return promise
}
