import fastify from 'fastify'
import { signToken } from '../packages/server/src/api/auth/token.ts'
import { startApp } from '../packages/server/src/app/app.ts'
import { readConfig } from '../packages/server/src/config.ts'
import { createLog } from '../packages/server/src/runtime/log.ts'

// The server under test, in a process of its own, with a bare server beside it that sends bytes from memory.

export type ServerReady = { url: string; wsUrl: string; memoryUrl: string; token: string }
/** `bytes`: what the bare server is to send from now on; `collect`: garbage, before the answer. */
export type ServerOrder = { bytes?: string; collect?: boolean }
/** Resident memory, in bytes; processor time since the start, in microseconds: of all threads, and of the main one. */
export type ServerAnswer = { memory: number; processor: Processor }
export type Processor = { all: number; main: number }

const [, , folder = ''] = process.argv
const config = readConfig({
  ...process.env,
  PORT: '0',
  ROLLCALL_DATA: folder,
  LOG_LEVEL: 'silent',
  ROLLCALL_ROOM_MAX: '100000',
  ROLLCALL_RATE_LIMIT: '0',
  ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on',
})
const app = await startApp(config, { log: createLog('silent') })
if (app.firstKey === undefined) throw new Error('no key')

let bytes = Buffer.from('')
const memory = fastify()
memory.get('/', async (_, reply) => reply.type('application/json; charset=utf-8').send(bytes))
const memoryUrl = await memory.listen({ port: 0, host: '127.0.0.1' })

process.on('message', (order: ServerOrder) => {
  if (order.bytes !== undefined) bytes = Buffer.from(order.bytes)
  if (order.collect === true) globalThis.gc?.()
  const processor = { all: sumOf(process.cpuUsage()), main: sumOf(process.threadCpuUsage()) }
  process.send?.({ memory: process.memoryUsage.rss(), processor } satisfies ServerAnswer)
})
process.on('SIGTERM', async () => {
  await app.stop()
  process.exit()
})
process.on('disconnect', () => process.exit())
const ready: ServerReady = {
  url: app.url,
  wsUrl: `${app.url.replace(/^http/, 'ws')}/v2/rtc`,
  memoryUrl,
  token: await signToken(app.firstKey, { roles: ['crawler', 'rtc'] }, { now: Date.now(), lifetimeMs: 86_400_000 }),
}
process.send?.(ready)

function sumOf({ user, system }: NodeJS.CpuUsage): number {
  return user + system
}
