import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { joinRoom, Rollcall } from '@rollcall/client'
import { requireProgram } from '../../client/test/system-program.ts'
import { findFreePort, isListening } from '../../server/test/support/ports.ts'
import { startServer } from '../../server/test/support/start-server.ts'
import { openBrowser } from './browser.ts'

const secret = 'a secret that coturn has too'

/** A real coturn on this machine, set up as docs/turn.md says; undefined where there is none. */
async function startCoturn(t: TestContext): Promise<{ url: string } | undefined> {
  const program = await requireProgram(t, { names: ['turnserver'], packages: ['coturn'] })
  if (program === undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-coturn-'))
  const port = await findFreePort()
  const settings = [
    ['use-auth-secret'],
    ['static-auth-secret', secret],
    ['realm', 'turn.example.org'],
    ['listening-port', port],
    // Of this test: both ends are on this machine, which coturn keeps from relaying to unless it is told.
    ['listening-ip', '127.0.0.1'],
    ['relay-ip', '127.0.0.1'],
    ['allow-loopback-peers'],
    ['cli-password', 'unused'],
    ['no-cli'],
    ['no-tls'],
    ['no-dtls'],
    ['log-file', join(folder, 'log')],
    ['simple-log'],
    ['userdb', join(folder, 'turndb')],
    ['pidfile', join(folder, 'pid')],
  ]
  const args = settings.map(([name, value]) => (value === undefined ? `--${name}` : `--${name}=${value}`))
  const coturn = spawn(program, ['-n', ...args], { cwd: folder, stdio: 'ignore' })
  t.after(async () => {
    coturn.kill()
    if (coturn.exitCode === null) await once(coturn, 'exit')
    await rm(folder, { recursive: true })
  })
  // It opens its port for TCP with that for UDP.
  while (!(await isListening(port))) {
    if (coturn.exitCode !== null) throw new Error(`coturn ended with ${coturn.exitCode}`)
    await setTimeout(100)
  }
  return { url: `turn:127.0.0.1:${port}` }
}

/** Two peers in one page that may talk through the relay alone: what arrives, or the errors of the relay's candidates. */
async function talkThroughRelay(iceServers: RTCIceServer[]): Promise<string> {
  const config: RTCConfiguration = { iceServers, iceTransportPolicy: 'relay' }
  const [here, there] = [new RTCPeerConnection(config), new RTCPeerConnection(config)]
  const heard = new Promise<string>((resolve) => {
    const errors: number[] = []
    for (const [from, to] of [
      [here, there],
      [there, here],
    ] as const) {
      from.onicecandidate = ({ candidate }) => void to.addIceCandidate(candidate ?? undefined)
      from.onicecandidateerror = ({ errorCode }) => {
        errors.push(errorCode)
        if (errors.length === 2) resolve(`refused: ${errors.join(', ')}`)
      }
    }
    there.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }) => resolve(data)
    }
  })
  const channel = here.createDataChannel('words')
  channel.onopen = () => channel.send('through the relay')
  await here.setLocalDescription()
  await there.setRemoteDescription(here.localDescription as RTCSessionDescription)
  await there.setLocalDescription()
  await here.setRemoteDescription(there.localDescription as RTCSessionDescription)
  const answer = await heard
  here.close()
  there.close()
  return answer
}

test('browsers that a real TURN server alone connects talk by the credentials that a join brings', {
  timeout: 300_000,
}, async (t) => {
  const coturn = await startCoturn(t)
  const browser = coturn && (await openBrowser(t))
  if (!browser) return
  const server = await startServer({ ROLLCALL_TURN_URLS: coturn.url, ROLLCALL_TURN_SECRET: secret })
  t.after(() => server.stop())
  const rollcall = new Rollcall(server)
  const { roomId } = await rollcall.rooms.create()
  const token = await server.sign({ permissions: ['allow_join'] })
  const room = await joinRoom({ url: server.url, roomId, token, participantId: 'ann', name: 'Ann' }).joined
  const { iceServers } = room
  const page = await browser.newPage()
  await page.goto(`${server.url}/room/${roomId}`)
  assert.equal(await page.evaluate(talkThroughRelay, iceServers as RTCIceServer[]), 'through the relay')

  const forged = iceServers.map((one) => ({ ...(one as RTCIceServer), credential: 'guessed' }))
  assert.match(await page.evaluate(talkThroughRelay, forged), /^refused: 401/)
  await room.leave()
})
