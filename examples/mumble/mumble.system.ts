import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'node:tls'
import { BinaryWriter, type IBinaryWriter, WireType } from '@bufbuild/protobuf'
import { Rollcall } from '@rollcall/client'
import { requireProgram } from '../../packages/client/test/system-program.ts'
import { findFreePort } from '../../packages/server/test/support/ports.ts'
import { startServer } from '../../packages/server/test/support/start-server.ts'
import { reportMumble } from './mumble.ts'

const superUser = { name: 'SuperUser', password: 'a password of the superuser' }
/** Debian has it where only root looks. */
process.env.PATH += ':/usr/sbin'

// A server that ends before its time has to fail here, not to hold up the run.
const timeout = 120_000

test('the channels of a real Mumble are recorded: who is there already, who comes, moves and goes, also after the reporter starts again', {
  timeout,
}, async (t) => {
  const program = await requireProgram(t, { names: ['murmurd', 'mumble-server'], packages: ['mumble-server'] })
  if (program === undefined) return
  const mumble = await startMumble(t, program)
  const server = await startServer()
  t.after(() => server.stop())
  const rollcall = new Rollcall({ url: server.url, token: await server.sign() })
  const reporter = rollcall.report({ source: 'mumble' })
  const people = async (customRoomId: string) => {
    const { data } = await rollcall.sessions.list({ customRoomId }).page()
    const all = data.flatMap(({ participants }) => participants)
    return all.map(({ participantId, timelog }) => [participantId, ...timelog.map(({ end }) => end === null)]).sort()
  }
  const report = (signal: AbortSignal) => reportMumble({ ...mumble, username: 'rollcall', signal }, reporter)

  const admin = await enter(mumble, superUser)
  admin.send(7, (w) => w.tag(2, WireType.Varint).uint32(0).tag(3, WireType.LengthDelimited).string('Watch'))
  const ann = await enter(mumble, { name: 'ann' })
  const first = new AbortController()
  const ended = report(first.signal)
  const isInside = ['SuperUser', true]
  await seeSoon(() => people('Root'), [isInside, ['ann', true]])
  const bob = await enter(mumble, { name: 'bob' })
  await seeSoon(() => people('Root'), [isInside, ['ann', true], ['bob', true]])
  bob.send(9, (w) => w.tag(5, WireType.Varint).uint32(1))
  await seeSoon(() => people('Root/Watch'), [['bob', true]])
  await seeSoon(() => people('Root'), [isInside, ['ann', true], ['bob', false]])
  ann.leave()
  await seeSoon(() => people('Root'), [isInside, ['ann', false], ['bob', false]])
  first.abort()
  await ended

  const cyd = await enter(mumble, { name: 'cyd' })
  const again = new AbortController()
  const endedAgain = report(again.signal)
  await seeSoon(() => people('Root'), [isInside, ['ann', false], ['bob', false], ['cyd', true]])
  assert.deepEqual(await people('Root/Watch'), [['bob', true]])
  again.abort()
  await endedAgain
  await reporter.close()
  for (const one of [admin, bob, cyd]) one.leave()
})

type Address = { host: string; port: number; ca: string }

/** A Mumble server with a folder of its own, and the certificate that it made itself. */
async function startMumble(t: TestContext, program: string): Promise<Address> {
  const folder = await mkdtemp(join(tmpdir(), 'mumble-'))
  // Started by root it becomes somebody else.
  await chmod(folder, 0o777)
  const place = { host: '127.0.0.1', port: await findFreePort() }
  const settings = join(folder, 'settings.ini')
  const lines = [`database=${folder}/db.sqlite`, `port=${place.port}`, `host=${place.host}`]
  await writeFile(settings, [...lines, 'logfile=', 'pidfile=', 'bonjour=false', 'dbus=', 'ice='].join('\n'))
  await once(spawn(program, ['-ini', settings, '-supw', superUser.password], { stdio: 'ignore' }), 'exit')
  const child = spawn(program, ['-fg', '-ini', settings], { stdio: 'ignore' })
  t.after(async () => {
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await rm(folder, { recursive: true })
  })
  for (;;) {
    const ca = await readCertificate(place)
    if (ca !== undefined) return { ...place, ca }
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`)
    await delay(50)
  }
}

/** Undefined while nobody answers. */
function readCertificate({ host, port }: Omit<Address, 'ca'>): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, rejectUnauthorized: false })
    socket.on('error', () => resolve(undefined))
    socket.on('secureConnect', () => {
      resolve(socket.getPeerX509Certificate()?.toString())
      socket.destroy()
    })
  })
}

/** Somebody who comes to the server; resolves when it has let them in. */
async function enter({ host, port, ca }: Address, { name, password = '' }: { name: string; password?: string }) {
  const socket = connect({ host, port, ca, checkServerIdentity: () => undefined })
  const send = (type: number, write: (w: IBinaryWriter) => IBinaryWriter) => {
    const body = write(new BinaryWriter()).finish()
    const head = Buffer.alloc(6)
    head.writeUInt16BE(type)
    head.writeUInt32BE(body.length, 2)
    socket.write(Buffer.concat([head, body]))
  }
  await once(socket, 'secureConnect')
  send(0, (w) => w.tag(1, WireType.Varint).uint32(0x01_03_00))
  send(2, (w) => w.tag(1, WireType.LengthDelimited).string(name).tag(2, WireType.LengthDelimited).string(password))
  for await (const isIn of heard()) if (isIn) break
  socket.resume()
  return { send, leave: () => socket.destroy() }

  /** For each message whether it is the one that ends the greeting. */
  async function* heard(): AsyncGenerator<boolean> {
    let waiting = Buffer.alloc(0)
    while (true) {
      const [some] = await once(socket, 'data')
      waiting = Buffer.concat([waiting, some])
      while (waiting.length >= 6 && waiting.length >= 6 + waiting.readUInt32BE(2)) {
        yield waiting.readUInt16BE() === 5
        waiting = waiting.subarray(6 + waiting.readUInt32BE(2))
      }
    }
  }
}

async function seeSoon(look: () => Promise<unknown>, expected: unknown): Promise<void> {
  for (let n = 0; n < 200; n++) {
    if (JSON.stringify(await look()) === JSON.stringify(expected)) return
    await delay(50)
  }
  assert.deepEqual(await look(), expected)
}
