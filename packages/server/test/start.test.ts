import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { buildPages } from '../../../build/build.ts'
import { readConfig, toRules } from '../src/config.ts'
import { openStore } from '../src/record/open-store.ts'
import { systemClock } from '../src/runtime/clock.ts'
import { type Program, runOnTerminal, runProgram, runServer } from './support/run-program.ts'
import { signToken } from './support/sign-token.ts'
import { startServer } from './support/start-server.ts'

const run = promisify(execFile)

let folder: string
let programs: Program[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
  programs = []
})
afterEach(async () => {
  for (const { child, ended } of programs) {
    child.kill('SIGKILL')
    await ended
  }
  await rm(folder, { recursive: true, force: true })
})

function start(env: { [name: string]: string } = {}, args: string[] = []): Program {
  const program = runProgram('main.js', { PORT: '0', ROLLCALL_DATA: join(folder, 'data'), ...env }, args)
  programs.push(program)
  return program
}

/** Starts, and waits for what it prints; the last line is there with the rest. */
async function startPrinting(env: { [name: string]: string } = {}) {
  const program = start(env, ['--print-token'])
  const printed = await program.says('stdout', /^curl .*\n/m)
  const url = /running at (\S+)/.exec(printed)?.[1] ?? ''
  const apiKey = /^API key {2}(\S+)$/m.exec(printed)?.[1] ?? ''
  const curl = /^curl .*$/m.exec(printed)?.[0] ?? ''
  return { program, printed, url, apiKey, curl }
}

async function stop({ child, ended }: Program, signal: NodeJS.Signals = 'SIGTERM') {
  child.kill(signal)
  return ended
}

/** It did not start, said why in one line, and exited with 1. */
async function assertRefused(program: Program, why: RegExp): Promise<void> {
  const { code, stdout, stderr } = await program.ended
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' }, stderr)
  assert.match(stderr, /^rollcall: [^\n]+\n$/)
  assert.match(stderr, why)
}

async function readKeys() {
  const rules = toRules({ graceMs: 0 })
  const store = await openStore({ dataFolder: join(folder, 'data'), rules, clock: systemClock, exclusive: false })
  try {
    return await store.reads.keys.list()
  } finally {
    await store.close()
  }
}

// A start or a stop that hangs has to fail here, not to hold up the run.
const guard = { timeout: 300_000 }

describe('the first start', guard, () => {
  test('prints the address, the key, and a curl line that works as it is pasted', async () => {
    const { curl, url, apiKey } = await startPrinting()
    const { stdout } = await run('sh', ['-c', `${curl} -sS`])
    assert.deepEqual(JSON.parse(stdout), { pageInfo: { currentPage: 1, perPage: 20, lastPage: 1, total: 0 }, data: [] })
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.deepEqual(
      (await readKeys()).map((key) => key.apiKey),
      [apiKey],
    )
  })

  test('serves the dashboard, the room page and the reference, from the folder that the server was built into', async () => {
    await buildPages()
    const { url } = await startPrinting()
    for (const path of ['/', '/room/abcd-efgh-ijkl', '/docs', '/docs/scalar.js', '/openapi.json']) {
      const answer = await fetch(`${url}${path}`)
      assert.equal(answer.status, 200, path)
      assert.ok((await answer.text()).length > 500, path)
    }
  })

  test('makes a key that the next start keeps', async () => {
    const first = await startPrinting()
    await stop(first.program)
    const second = await startPrinting()
    assert.equal(second.apiKey, first.apiKey)
    assert.equal((await readKeys()).length, 1)
  })

  test('shows the secret to nobody, not even at the most talkative', async () => {
    const { program, curl } = await startPrinting({ LOG_LEVEL: 'trace' })
    await run('sh', ['-c', `${curl} -sS`])
    const { stdout, stderr } = await stop(program)
    const [key] = await readKeys()
    assert.ok(key !== undefined && key.secret.length > 20)
    assert.ok(!stdout.includes(key.secret) && !stderr.includes(key.secret))
    for (const line of stderr.trim().split('\n')) assert.equal(typeof JSON.parse(line).msg, 'string')
    const token = /Authorization: (\S+)'/.exec(curl)?.[1] ?? ''
    assert.ok(token.length > 40 && !stderr.includes(token))
  })

  test('prints nothing that signs anybody in to what is no terminal, where logs are kept, but how to get it', async () => {
    const program = start({ LOG_LEVEL: 'trace' })
    const printed = await program.says('stdout', /rollcall -- link .*\n/)
    assert.match(printed, /^API key {2}\S+$/m)
    assert.match(printed, /A token for the API: npm run -s rollcall -- token$/m)
    const { stdout, stderr } = await stop(program)
    assert.doesNotMatch(stdout + stderr, /curl|#code=|eyJ/)
  })

  test('prints the link and the curl line to a terminal', { skip: process.platform !== 'linux' }, async () => {
    const program = runOnTerminal({ PORT: '0', ROLLCALL_DATA: join(folder, 'data') })
    programs.push(program)
    assert.match(await program.says('stdout', /^curl -H [^\r\n]+\r\n/m), /\/#code=[\w-]+\r\n/)
  })

  test('takes the key of the settings', async () => {
    const key = { apiKey: 'my-key', secret: 'my secret, long enough' }
    const { url, apiKey } = await startPrinting({ ROLLCALL_API_KEY: key.apiKey, ROLLCALL_SECRET: key.secret })
    assert.equal(apiKey, 'my-key')
    const authorization = await signToken(key, {}, { now: Date.now(), lifetimeMs: 60_000 })
    assert.equal((await fetch(`${url}/v2/sessions`, { headers: { authorization } })).status, 200)
  })
})

describe('a start is refused, in one line and with exit code 1,', guard, () => {
  test('on a port that is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    try {
      await assertRefused(start({ PORT: String(port) }), new RegExp(`PORT=${port} is in use on 127\\.0\\.0\\.1`))
    } finally {
      holder.close()
    }
  })

  test('on a host that is not of this machine', async () => {
    await assertRefused(start({ HOST: '192.0.2.1' }), /HOST=192\.0\.2\.1 cannot be listened on/)
  })

  test('on a data folder that cannot be written', async () => {
    await writeFile(join(folder, 'a-file'), '')
    await assertRefused(start({ ROLLCALL_DATA: join(folder, 'a-file') }), /ROLLCALL_DATA=\S+a-file cannot be used/)
    for (const data of [join(folder, 'a-file', 'data'), '/dev/null/data', '/proc/rollcall']) {
      await assert.rejects(startServer({ ROLLCALL_DATA: data }), {
        name: 'StartRefusal',
        message: new RegExp(`^ROLLCALL_DATA=${data} [^\n]+$`),
      })
    }
  })

  test('on a data file that is none', async () => {
    await writeFile(join(folder, 'rollcall.db'), 'not a database '.repeat(1000))
    await assertRefused(start({ ROLLCALL_DATA: folder }), /rollcall\.db cannot be opened/)
  })

  test('on a setting that is broken', async () => {
    await assertRefused(start({ PORT: 'abc' }), /PORT=abc is not understood: it takes a whole number from 0 to 65535/)
    const broken = {
      ROLLCALL_GRACE_SECONDS: '-1',
      ROLLCALL_PUBLIC_URL: 'rooms.example',
      ROLLCALL_ICE_SERVERS: '{',
      ROLLCALL_STRICT_ROLES: 'maybe',
      ROLLCALL_MASTER_KEY: 'short',
      ROLLCALL_API_KEY: 'without a secret',
      ROLLCALL_TURN_SECRET: 'without an address',
      LOG_LEVEL: 'loud',
    }
    for (const [name, value] of Object.entries(broken)) {
      assert.throws(() => readConfig({ [name]: value }), {
        name: 'StartRefusal',
        message: new RegExp(`${name}[^\n]+$`),
      })
    }
  })

  test('on a public address that pages and links cannot be put after, without its password', () => {
    for (const address of [
      'https://rooms.example?a=1',
      'https://rooms.example/#a',
      'https://rooms.example/?',
      'https://user:hidden@rooms.example',
      'https://rooms.example/a b',
      'https://rooms.example/"x',
    ]) {
      for (const name of ['ROLLCALL_PUBLIC_URL', 'ROLLCALL_PROCESS_URL']) {
        assert.throws(
          () => readConfig({ [name]: address }),
          ({ message }) => new RegExp(`^${name}=.* it takes `).test(message) && !message.includes('hidden'),
          address,
        )
      }
    }
    assert.equal(
      readConfig({ ROLLCALL_PUBLIC_URL: 'https://a.example/rooms/x/' }).publicUrl,
      'https://a.example/rooms/x',
    )
  })

  test('beside a server on the same data folder; that one goes on', async () => {
    const { url } = await startPrinting()
    await assertRefused(start(), /is in use by another Rollcall server/)
    assert.equal((await fetch(`${url}/readyz`)).status, 200)
  })

  test('with another secret than the key was kept with', async () => {
    const { program } = await startPrinting({ ROLLCALL_API_KEY: 'my-key', ROLLCALL_SECRET: 'the first secret' })
    await stop(program)
    const another = start({ ROLLCALL_API_KEY: 'my-key', ROLLCALL_SECRET: 'another secret' })
    await assertRefused(another, /ROLLCALL_SECRET is not the secret of the key my-key/)
    assert.ok(!(await another.ended).stderr.includes('another secret'))
  })
})

describe('a stop', guard, () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`by ${signal} closes idle connections, exits with 0, and frees the folder`, async () => {
      const { program, url } = await startPrinting()
      const agent = new Agent({ keepAlive: true })
      const [answer] = await once(get(`${url}/livez`, { agent }), 'response')
      await once(answer.resume(), 'end')
      const { code, stderr } = await stop(program, signal)
      agent.destroy()
      assert.equal(code, 0, stderr)
      assert.match(stderr, /"msg":"stopped"/)
      await startPrinting()
    })
  }

  test('answers the request that is in flight, and takes no other', async (t) => {
    const server = await startServer()
    const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const { find: findSession } = server.context.reads.sessions
    t.mock.method(server.context.reads.sessions, 'find', async (keyId: number, sessionId: string) => {
      isAsked()
      await released
      return findSession(keyId, sessionId)
    })
    const answer = server.call('GET', '/v2/sessions/621497578bea0d0404c35c4c')
    await asked
    const stopped = server.stop()
    // Whoever comes in the moment of the stop finds the port open, and is cut off.
    await assert.rejects(server.call('GET', '/livez'), { code: /^(ECONNREFUSED|ECONNRESET)$/ })
    release()
    assert.equal((await answer).body.code, 'SESSION_NOT_FOUND')
    await stopped
  })

  test('does not wait for a request that never ends', async () => {
    const { program, url } = await runServer({ ROLLCALL_DATA: join(folder, 'data') }, { drainMs: 300 })
    programs.push(program)
    const socket = await openHalfRequest(url)
    const { code } = await stop(program)
    socket.destroy()
    assert.equal(code, 0)
  })

  test('is cut short by a second signal', async () => {
    const { program, url } = await startPrinting()
    const socket = await openHalfRequest(url)
    program.child.kill('SIGTERM')
    await program.says('stderr', /"msg":"stopping"/)
    const { code } = await stop(program, 'SIGINT')
    socket.destroy()
    assert.equal(code, 130)
  })

  test('by kill -9 leaves a folder that starts again', async () => {
    const { program, apiKey } = await startPrinting()
    await stop(program, 'SIGKILL')
    assert.equal((await startPrinting()).apiKey, apiKey)
  })
})

/** A connection with a request whose body does not come. The server is known to be reading it. */
async function openHalfRequest(url: string) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  const lines = ['POST /v2/rooms HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 9', '', '']
  socket.write(lines.join('\r\n'))
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 100 /)
  return socket
}
