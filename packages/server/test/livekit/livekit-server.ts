import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findFreePort } from '../support/ports.ts'

export const livekitKey = { apiKey: 'devkey', secret: 'a secret of a test, of more than 32 letters' }

/** A room is over so long after its last participant left, in seconds. */
export const departureSeconds = 5

/** A real LiveKit of this machine, on loopback alone. */
export type LivekitServer = {
  /** Its API. Clients take the same with `ws`. */
  url: string
  /** Resolves when it answers; also after a kill. */
  start(): Promise<void>
  /** Resolves with the time at which it was killed, when it is gone. */
  kill(): Promise<number>
  /** Kills it, and removes what it had. */
  remove(): Promise<void>
}

/** @param redisPort of a Redis on loopback that keeps its rooms; else they are in its memory */
export async function createLivekitServer(
  program: string,
  { webhookUrls, redisPort }: { webhookUrls: string[]; redisPort?: number | undefined },
): Promise<LivekitServer> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-livekit-'))
  const port = await findFreePort()
  const config = {
    port,
    bind_addresses: ['127.0.0.1'],
    rtc: {
      // Over UDP alone: the port for media over TCP listens on every interface, whatever else is set.
      tcp_port: 0,
      udp_port: await findUdpPort(),
      use_external_ip: false,
      node_ip: '127.0.0.1',
      enable_loopback_candidate: true,
      interfaces: { includes: ['lo'] },
      // Where none is named, clients are sent to public ones. Nobody listens on this.
      stun_servers: ['127.0.0.1:9'],
    },
    turn: { enabled: false },
    keys: { [livekitKey.apiKey]: livekitKey.secret },
    room: { departure_timeout: departureSeconds },
    webhook: { api_key: livekitKey.apiKey, urls: webhookUrls },
    logging: { level: 'warn' },
    ...(redisPort !== undefined && { redis: { address: `127.0.0.1:${redisPort}` } }),
  }
  const file = join(folder, 'livekit.yaml')
  // JSON is YAML too.
  await writeFile(file, JSON.stringify(config))

  let running: ChildProcess | undefined
  let printed = ''
  const server: LivekitServer = {
    url: `http://127.0.0.1:${port}`,
    async start() {
      const child = spawn(program, ['--config', file], { stdio: ['ignore', 'pipe', 'pipe'] })
      running = child
      process.once('exit', () => child.kill('SIGKILL'))
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text))
      while (!(await answers(server.url))) {
        if (child.exitCode !== null) throw new Error(`LiveKit did not start: ${printed.slice(-2000)}`)
        await delay(20)
      }
    },
    async kill() {
      const child = running
      running = undefined
      if (child !== undefined && child.exitCode === null) {
        const exited = once(child, 'exit')
        child.kill('SIGKILL')
        const killedMs = Date.now()
        await exited
        return killedMs
      }
      return Date.now()
    },
    async remove() {
      await server.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return server
}

async function findUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}
