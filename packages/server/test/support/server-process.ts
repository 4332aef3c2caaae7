import assert from 'node:assert/strict'
import type { ClusterLimits } from '../../src/cluster/limits.ts'
import { type Program, runServer } from './run-program.ts'
import { signToken } from './sign-token.ts'

type Key = { apiKey: string; secret: string }

/** The settings of servers before one database; they and the commands beside them share the master key. */
export function settingsOf(databaseUrl: string, { apiKey, secret }: Key, masterKey: string) {
  return {
    LOG_LEVEL: 'warn',
    DATABASE_URL: databaseUrl,
    ROLLCALL_MASTER_KEY: masterKey,
    ROLLCALL_API_KEY: apiKey,
    ROLLCALL_SECRET: secret,
    ROLLCALL_RATE_LIMIT: '0',
    ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on',
  }
}

/** A server in a process of its own, which can be killed. */
export type ServerProcess = {
  program: Program
  url: string
  wsUrl: string
  sign(): Promise<string>
  /** Fails where the answer is no 200. */
  call<Body>(method: string, path: string, body?: object): Promise<Body>
  kill(): Promise<void>
}

export async function startServerProcess(
  env: { [name: string]: string },
  key: Key,
  clusterLimits: ClusterLimits,
): Promise<ServerProcess> {
  const { program, url } = await runServer(env, { clusterLimits })
  const sign = () => signToken(key, { roles: ['crawler', 'rtc'] }, { now: Date.now(), lifetimeMs: 3_600_000 })
  return {
    program,
    url,
    wsUrl: `${url.replace('http', 'ws')}/v2/rtc`,
    sign,
    async call<Body>(method: string, path: string, body?: object): Promise<Body> {
      const headers = { authorization: await sign(), ...(body && { 'content-type': 'application/json' }) }
      const response = await fetch(`${url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
      const text = await response.text()
      assert.equal(response.status, 200, `${method} ${path}: ${text}`)
      return JSON.parse(text) as Body
    },
    async kill() {
      program.child.kill('SIGKILL')
      await program.ended
    },
  }
}
