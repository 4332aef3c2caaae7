import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { requireProgram } from '../../../../client/test/system-program.ts'
import { findFreePort } from '../ports.ts'

/** A real Janus of this machine, on ports of its own. */
export type JanusServer = {
  /** Its API over HTTP, and over a WebSocket. */
  url: string
  wsUrl: string
  start(): Promise<void>
  /** Stops it, as an operator does, or kills it. Resolves when it is gone. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

export const janusApiSecret = 'a secret of the API'
export const janusRoomSecret = 'a secret of the rooms'

/**
 * Where Janus is: root on Debian installs it. Undefined where it is not to be had: the test is skipped and says so, or fails
 * where CI is set.
 */
export function requireJanus(t: TestContext): Promise<string | undefined> {
  return requireProgram(t, { names: ['janus'], packages: ['janus'] })
}

/**
 * @param setup what Rollcall says is to be pasted: of the files that it names, those of `eventHandlers` are taken
 * @param rooms numbers of video rooms
 */
export async function createJanusServer(
  t: TestContext,
  program: string,
  { setup, eventHandler, rooms }: { setup: string; eventHandler: 'sampleevh' | 'wsevh'; rooms: number[] },
): Promise<JanusServer> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-janus-'))
  const [httpPort, wsPort] = [await findFreePort(), await findFreePort()]
  const parts = await findParts()
  const files: { [name: string]: string } = {
    'janus.jcfg': `general: {
  configs_folder = "${folder}"
  plugins_folder = "${parts}/plugins"
  transports_folder = "${parts}/transports"
  events_folder = "${parts}/events"
  loggers_folder = "${parts}/loggers"
  debug_level = 4
  server_name = "janus-of-a-test"
  api_secret = "${janusApiSecret}"
}
media: { rtp_port_range = "20000-40000" }
nat: { ice_lite = false }
plugins: { disable = "${await listBut(join(parts, 'plugins'), 'videoroom')}" }
transports: { disable = "${await listBut(join(parts, 'transports'), 'http', 'websockets')}" }
events: { broadcast = true, disable = "${await listBut(join(parts, 'events'), eventHandler)}" }`,
    'janus.transport.http.jcfg': `general: {
  base_path = "/janus"
  http = true
  port = ${httpPort}
  ip = "127.0.0.1"
}`,
    'janus.transport.websockets.jcfg': `general: {
  ws = true
  ws_port = ${wsPort}
  ws_ip = "127.0.0.1"
}`,
    'janus.plugin.videoroom.jcfg': rooms
      .map((room) => `room-${room}: { description = "${room}", secret = "${janusRoomSecret}", publishers = 6 }`)
      .join('\n'),
    [`janus.eventhandler.${eventHandler}.jcfg`]: fileOf(setup, `janus.eventhandler.${eventHandler}.jcfg`),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), `${text}\n`)

  let running: ChildProcess | undefined
  let printed = ''
  const janus: JanusServer = {
    url: `http://127.0.0.1:${httpPort}/janus`,
    wsUrl: `ws://127.0.0.1:${wsPort}`,
    async start() {
      const child = spawn(program, ['-F', folder, '-C', join(folder, 'janus.jcfg')], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      running = child
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text))
      while (!(await answers(`${janus.url}/info`))) {
        if (child.exitCode !== null) throw new Error(`Janus did not start: ${printed.slice(-2000)}`)
        await delay(50)
      }
    },
    async stop(signal = 'SIGTERM') {
      const child = running
      running = undefined
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    },
  }
  t.after(async () => {
    await janus.stop('SIGKILL')
    await rm(folder, { recursive: true })
  })
  return janus
}

/** The part of a set-up that goes into one file. */
function fileOf(setup: string, name: string): string {
  const part = setup.split(/^# (?:or )?(?=janus\.)/m).find((one) => one.startsWith(name))
  if (part === undefined) throw new Error(`there is no ${name} in ${setup}`)
  return part.slice(part.indexOf('\n') + 1)
}

/** The folder in which Debian, or who built it, has the parts of Janus. */
async function findParts(): Promise<string> {
  const folders = (await readdir('/usr/lib'))
    .filter((name) => name.includes('-linux-'))
    .map((name) => `/usr/lib/${name}`)
  for (const folder of [...folders, '/usr/lib', '/usr/local/lib', '/opt/janus/lib']) {
    const found: string[] = await readdir(join(folder, 'janus')).catch(() => [])
    if (found.includes('plugins')) return join(folder, 'janus')
  }
  throw new Error('the plugins of Janus are not where Debian has them')
}

/** The libraries in a folder, but those of these names: Janus takes a list of what it is not to load. */
async function listBut(folder: string, ...names: string[]): Promise<string> {
  const libraries = (await readdir(folder)).filter((name) => name.endsWith('.so'))
  return libraries.filter((library) => !names.some((name) => library === `libjanus_${name}.so`)).join(',')
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}
