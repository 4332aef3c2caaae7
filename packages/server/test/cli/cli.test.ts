import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { AuditPage } from '@rollcall/protocol'
import { decodeJwt } from 'jose'
import program from '../../package.json' with { type: 'json' }
import { runProgram } from '../support/run-program.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

async function rollcall(folder: string, ...args: string[]) {
  return runProgram('cli.js', { ROLLCALL_DATA: folder }, args).ended
}

/** Runs a command that has to work, and gives what it printed. */
async function print(folder: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await rollcall(folder, ...args)
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  return stdout
}

function readSecret(printed: string): { apiKey: string; secret: string } {
  const [, apiKey, secret] = /^API key {2}(\S+)\nSecret {3}(\S+)\n/.exec(printed) ?? []
  assert.ok(apiKey !== undefined && secret !== undefined, printed)
  return { apiKey, secret }
}

describe('beside a running server,', () => {
  let server: TestServer
  before(async () => {
    server = await startServer()
  })
  after(() => server.stop())

  const rollcallHere = (...args: string[]) => print(server.dataFolder, ...args)
  const statusOf = async (token: string) =>
    (await server.call('GET', '/v2/sessions', undefined, { token: token.trim() })).status

  test('keys add makes a key that is good at once, and shows its secret this once', async () => {
    const { apiKey, secret } = readSecret(
      await rollcallHere('keys', 'add', '--name', 'Anna', '--email', 'a@example.org'),
    )
    assert.equal(await statusOf(await rollcallHere('token', '--key', apiKey)), 200)
    const listed = await rollcallHere('keys', 'list')
    assert.match(listed, new RegExp(`^${apiKey} +enabled +\\S+Z +(?:never|\\S+Z) +first +Anna +a@example.org$`, 'm'))
    assert.match(listed, new RegExp(`^${server.apiKey} +enabled`, 'm'))
    assert.ok(!listed.includes(secret))
  })

  test('invites add prints a link that is good at once, list has it without its code, and revoke takes it back', async () => {
    await server.call('POST', '/v2/rooms', { customRoomId: 'by command' })
    const url = (await rollcallHere('invites', 'add', 'by command', '--name', 'Ida', '--host', '--for', '2h')).trim()
    const code = new URL(url).hash.slice(1)
    const open = () => server.call<{ name: string }>('POST', '/v2/invites/open', { code }, { token: null })
    assert.equal((await open()).body.name, 'Ida')
    const listed = await rollcallHere('invites', 'list', 'by command')
    const [, id = ''] = /^([0-9a-f]{24}) +Ida +allow_join allow_mod +\S+Z +good$/m.exec(listed) ?? []
    assert.ok(id !== '' && !listed.includes(code), listed)
    await rollcallHere('invites', 'revoke', 'by command', id)
    assert.equal((await open()).status, 404)
    const { stderr } = await rollcall(server.dataFolder, 'invites', 'revoke', 'by command', 'none')
    assert.match(stderr, /^rollcall: there is no invite none: see rollcall invites list by command$/m)
  })

  test('users are let in and taken away, their passwords read from stdin or shown this once', async () => {
    const signIn = async (name: string, password: string) =>
      (await server.call('POST', '/v2/sign-in', { name, password }, { token: null })).status
    const added = await rollcallHere('users', 'add', 'Uma', '--role', 'administrator')
    const [, made = ''] = /^Password {2}(\S+)$/m.exec(added) ?? []
    assert.equal(await signIn('uma', made), 200)
    const program = runProgram('cli.js', { ROLLCALL_DATA: server.dataFolder }, [
      'users',
      'password',
      'Uma',
      '--password',
      '-',
    ])
    program.child.stdin.end('a password of stdin\n')
    assert.deepEqual(await program.ended.then(({ code, stdout }) => ({ code, stdout })), {
      code: 0,
      stdout: 'Uma has a new password.\n',
    })
    assert.deepEqual([await signIn('Uma', made), await signIn('Uma', 'a password of stdin')], [401, 200])
    assert.match(await rollcallHere('users', 'list'), new RegExp(`^Uma +administrator +${server.apiKey} `, 'm'))
    const typed = await rollcall(server.dataFolder, 'users', 'add', 'Vera', '--password', 'typed on the line')
    assert.deepEqual([typed.code, typed.stdout], [1, ''])
    assert.match(typed.stderr, /--password takes -/)
    await rollcallHere('users', 'remove', 'uma')
    assert.equal(await signIn('Uma', 'a password of stdin'), 401)
  })

  test('keys rotate gives a new secret; the old one is good for the overlap', async () => {
    const { apiKey, secret: old } = readSecret(await rollcallHere('keys', 'add', '--name', 'b'))
    const before = await rollcallHere('token', '--key', apiKey)
    const printed = await rollcallHere('keys', 'rotate', apiKey, '--overlap', '30m')
    const rotated = readSecret(printed)
    assert.equal(rotated.apiKey, apiKey)
    assert.notEqual(rotated.secret, old)
    assert.match(printed, /The old secret is good until \S+Z\./)
    const after = await rollcallHere('token', '--key', apiKey)
    assert.deepEqual([await statusOf(before), await statusOf(after)], [200, 200])
    await rollcallHere('keys', 'rotate', apiKey, '--overlap', '0s')
    assert.deepEqual([await statusOf(before), await statusOf(after)], [401, 401])
  })

  test('keys disable makes the key’s tokens bad at once', async () => {
    const { apiKey } = readSecret(await rollcallHere('keys', 'add', '--name', 'c'))
    const token = await rollcallHere('token', '--key', apiKey)
    assert.equal(await statusOf(token), 200)
    assert.equal(await rollcallHere('keys', 'disable', apiKey), `${apiKey} is disabled.\n`)
    assert.equal(await statusOf(token), 401)
    assert.match(await rollcallHere('keys', 'list'), new RegExp(`^${apiKey} +disabled \\S+Z`, 'm'))
    const { code, stderr } = await rollcall(server.dataFolder, 'token', '--key', apiKey)
    assert.deepEqual([code, /^rollcall: the key \S+ is disabled/.test(stderr)], [1, true])
  })

  test('keys rename gives a key another name, and nothing else', async () => {
    const { apiKey } = readSecret(await rollcallHere('keys', 'add', '--name', 'Anna'))
    const token = await rollcallHere('token', '--key', apiKey)
    assert.equal(await rollcallHere('keys', 'rename', apiKey, '--name', 'Sales team'), `${apiKey} is Sales team now.\n`)
    assert.match(
      await rollcallHere('keys', 'list'),
      new RegExp(`^${apiKey} +enabled +\\S+Z +(?:never|\\S+Z) +first +Sales team$`, 'm'),
    )
    assert.equal(await statusOf(token), 200)
  })

  test('keys remove takes a disabled key away, with what was recorded under it and nothing of another', async () => {
    const { apiKey } = readSecret(await rollcallHere('keys', 'add', '--name', 'Anna'))
    const token = (await rollcallHere('token', '--key', apiKey)).trim()
    await server.call('POST', '/v2/rooms', { customRoomId: 'hers' }, { token })
    const { body: ours } = await server.call('POST', '/v2/rooms', { customRoomId: 'ours' })
    await rollcallHere('keys', 'disable', apiKey)
    assert.match(await rollcallHere('keys', 'remove', apiKey), new RegExp(`^${apiKey} is removed, with all`))
    assert.ok(!(await rollcallHere('keys', 'list')).includes(apiKey))
    assert.equal((await server.call('GET', '/v2/rooms/ours')).body.roomId, ours.roomId)
  })

  test('keys add --of makes a key of the same record that may do a part, and whatever is done with it is the owner’s', async () => {
    const args = ['--of', server.apiKey, '--scopes', 'read', '--name', 'Reports', '--expires', '30d']
    const { apiKey } = readSecret(await rollcallHere('keys', 'add', ...args))
    const token = (await rollcallHere('token', '--key', apiKey)).trim()
    await server.call('POST', '/v2/rooms', { customRoomId: 'seen by both' })
    assert.equal((await server.call('GET', '/v2/rooms/seen by both', undefined, { token })).status, 200)
    assert.equal((await server.call('POST', '/v2/rooms', {}, { token })).status, 403)
    assert.match(await rollcallHere('keys', 'list'), new RegExp(`^${apiKey} +enabled .* read +Reports$`, 'm'))

    const [, code] = (await rollcallHere('link', '--key', apiKey)).trim().split('#code=')
    const { body } = await server.call('POST', '/v2/links/redeem', { code }, { token: null })
    assert.equal(decodeJwt(String(body.token)).apikey, apiKey)

    await rollcallHere('keys', 'rotate', apiKey, '--overlap', '0s')
    assert.equal(await statusOf(token), 401)
    await rollcallHere('keys', 'disable', apiKey)
    assert.equal(await rollcallHere('keys', 'remove', apiKey), `${apiKey} is removed.\n`)
    assert.equal((await server.call('GET', '/v2/rooms/seen by both')).status, 200)
    const { body: log } = await server.call<AuditPage>('GET', '/v2/audit')
    const ofKey = log.data.filter(({ about }) => about.apiKey === apiKey)
    assert.deepEqual(
      ofKey.map((entry) => [entry.action, entry.apiKey]),
      ['keys remove', 'keys disable', 'keys rotate', 'keys add'].map((action) => [action, null]),
    )
  })

  test('link opens the dashboard of the server that runs, whatever PORT says here', async () => {
    assert.match(await rollcallHere('link'), new RegExp(`^${server.url}/#code=[\\w-]{22}\n$`))
  })

  test('token signs explicit roles, and says what it is asked to say', async () => {
    const plain = decodeJwt(await rollcallHere('token'))
    assert.deepEqual(plain.roles, ['crawler', 'rtc'])
    assert.deepEqual(plain.permissions, ['allow_join', 'allow_mod'])
    assert.equal(plain.apikey, server.apiKey)
    assert.equal(Number(plain.exp) - Number(plain.iat), 2 * 3600)

    const { body: room } = await server.call('POST', '/v2/rooms', { customRoomId: 'stand-up' })
    const options = ['--room', 'stand-up', '--participant', 'anna', '--permissions', 'ask_join', '--expires', '7d']
    const bound = decodeJwt(await rollcallHere('token', ...options))
    const { roomId, participantId, permissions, roles } = bound
    assert.deepEqual(
      { roomId, participantId, permissions, roles },
      { roomId: room.roomId, participantId: 'anna', permissions: ['ask_join'], roles: ['rtc'] },
    )
    assert.equal(Number(bound.exp) - Number(bound.iat), 7 * 24 * 3600)
    assert.deepEqual(decodeJwt(await rollcallHere('token', '--roles=CRAWLER')).roles, ['crawler'])
  })

  test('what is wrong is said in one line, with exit code 1', async () => {
    const wrong: [string[], RegExp][] = [
      [['fly'], /Unknown command fly/],
      [['keys'], /No command specified/],
      [['keys', 'fly'], /Unknown command fly/],
      [['keys', 'rotate'], /Missing required positional argument: APIKEY/],
      [['keys', 'rotate', 'none'], /there is no key none/],
      [['keys', 'rotate', server.apiKey, 'two'], /two is one argument too many/],
      [['keys', 'rotate', server.apiKey, '--overlap', 'soon'], /--overlap=soon is not understood: it takes a whole/],
      [['keys', 'disable', 'none'], /there is no key none/],
      [['token', '--key', 'none'], /there is no key none/],
      [['token', '--expires', '5'], /--expires=5 is not understood: it takes a whole number and a unit/],
      [['token', '--expires', '0s'], /--expires=0s makes a token that is never good: it takes a time from 1s on/],
      [['keys', 'add', '--of', server.apiKey, '--name', 'x', '--scopes', 'write'], /--scopes=write is not understood/],
      [['keys', 'add', '--of', 'none', '--name', 'x'], /there is no key none/],
      [['keys', 'add'], /Missing required argument: --name/],
      [['keys', 'add', '--name', ' '], /--name= {2}is not understood: it takes 1 to 512 characters/],
      [['keys', 'rename', 'none', '--name', 'n'], /there is no key none/],
      [['keys', 'remove', 'none'], /there is no key none/],
      [
        ['keys', 'remove', server.apiKey],
        /the key \S+ is in use, and all .*disable it first, by `rollcall keys disable/,
      ],
      [['token', '--roles', 'king'], /--roles=king is not understood: it takes some of crawler,rtc/],
      [['token', '--permissions', 'fly'], /--permissions=fly is not understood: it takes some of allow_join,/],
      [['token', '--premissions', 'allow_join'], /--premissions is not an option of this command/],
      [['token', '--room', 'no such room'], /--room=no such room is no room of this key/],
    ]
    const answers = await Promise.all(wrong.map(([args]) => rollcall(server.dataFolder, ...args)))
    answers.forEach(({ code, stdout, stderr }, i) => {
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' }, stderr)
      assert.match(stderr, /^rollcall: [^\n]+\n$/)
      assert.match(stderr, wrong[i]?.[1] ?? /never/)
    })
  })
})

describe('without a server,', () => {
  test('keys are made, used and found by the server that starts later', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
    try {
      for (const args of [['keys', 'list'], ['token'], ['source', 'list']]) {
        const { code, stderr } = await rollcall(folder, ...args)
        assert.equal(code, 1)
        assert.match(stderr, /^rollcall: there is no record in ROLLCALL_DATA=\S+: name the folder of a server\n$/)
      }
      assert.deepEqual(await readdir(folder), [], 'a folder that was mistyped stays as it was')
      const { apiKey } = readSecret(await print(folder, 'keys', 'add', '--name', 'Anna'))
      const token = await print(folder, 'token')
      const server = await startServer({ ROLLCALL_DATA: folder })
      try {
        assert.equal(server.apiKey, apiKey)
        assert.equal((await server.call('GET', '/v2/sessions', undefined, { token: token.trim() })).status, 200)
      } finally {
        await server.stop()
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('--version prints the version of the server, and nothing else', async () => {
    assert.equal(await print('./nowhere', '--version'), `${program.version}\n`)
  })

  test('help is --help, of a command too, and has no colours in a pipe', async () => {
    const colourful = { NO_COLOR: '', TERM: 'xterm-256color' }
    const say = async (...args: string[]) => (await runProgram('cli.js', colourful, args).ended).stdout
    assert.match(await say('help'), /^ +keys {4}Add, list, rename, rotate, disable and remove API keys$/m)
    assert.deepEqual(await say('help'), await say('--help'))
    assert.match(await say('help', 'keys', 'rename'), /^ +--name=<name> {4}Whose it is, for people/m)
    assert.match(await say('version'), /^\d+\.\d+\.\d+\n$/)
    for (const args of [['help'], ['keys', '--help'], ['token', '-h']])
      assert.ok(!(await say(...args)).includes('\u001b'))
  })

  test('a broken setting is said in one line', async () => {
    const { code, stdout, stderr } = await runProgram('cli.js', { PORT: 'abc' }, ['keys', 'list']).ended
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    assert.match(stderr, /^rollcall: PORT=abc is not understood[^\n]+\n$/)
  })
})

describe('doctor', () => {
  /** Its lines by what they are about, and the exit code. */
  async function examine(env: { [name: string]: string }) {
    const { code, stdout, stderr } = await runProgram('cli.js', env, ['doctor']).ended
    assert.equal(stderr, '')
    const lines = [...stdout.matchAll(/^(ok|look|wrong) +(\w+) +(.+)$/gm)].map(([, state, what, text]) => ({
      ...{ state, what, text },
    }))
    assert.equal(lines.length, stdout.trim().split('\n').length, stdout)
    return {
      code,
      lines,
      of: (what: string) => lines.flatMap((line) => (line.what === what ? `${line.state}: ${line.text}` : [])),
    }
  }

  test('says of a server that runs that all is well, a line a finding, and exits with 0', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    const { code, lines, of } = await examine(server.storeEnv)
    assert.equal(code, 0)
    assert.deepEqual(
      lines.filter(({ state }) => state !== 'ok'),
      [],
    )
    assert.deepEqual(of('server'), [`ok: ${server.url} is ready`])
    assert.deepEqual(
      lines.map(({ what }) => what),
      ['settings', 'database', 'disk', 'writing', 'clock', 'replica', 'server', 'keys', 'sources', 'webhooks'],
    )
  })

  test('names a source that was never heard or is refused, a webhook that is stuck and a server that is gone, with what to do', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
    t.after(() => rm(folder, { recursive: true }))
    const server = await startServer({ ROLLCALL_DATA: folder })
    const { keyId } = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
    for (const name of ['silent', 'refused']) {
      const source = { keyId, type: 'janus' as const, name, settings: { secret: 'a secret of this test' } }
      const { id } = await server.context.writes.sources.add(source)
      const nothing = {
        recorded: 0,
        duplicate: 0,
        ignored: 0,
        refused: 1,
        skewMs: null,
        lastFactAt: null,
        arrivals: [],
      }
      const note = { ...nothing, id, lastError: 'the secret is wrong', lastErrorAt: 1 }
      if (name === 'refused') await server.context.writes.sources.note({ keyId, notes: [note] })
    }
    const endPoint = 'https://1.1.1.1/hook'
    const { body } = await server.call('POST', '/v2/webhooks', { endPoint, events: ['*'] })
    await server.call('PATCH', `/v2/webhooks/${body.id}`, { enabled: false })
    await server.stop()
    const { code, of } = await examine({ ...server.storeEnv, HOST: '0.0.0.0' })
    assert.equal(code, 1)
    assert.match(
      of('settings').join(),
      /^look: HOST=0\.0\.0\.0 is open to the network without TLS: put a proxy in front/,
    )
    assert.match(of('sources').join('\n'), /^look: silent \(janus\) was never heard: .+$/m)
    assert.match(of('sources').join('\n'), /^wrong: refused \(janus\): the secret is wrong$/m)
    assert.match(
      of('webhooks').join(),
      /^wrong: ep_\S+ to https:\/\/1\.1\.1\.1\/hook is disabled: .*; enable it, and replay$/,
    )
    assert.match(of('server').join(), /^look: /)
  })

  test('says what stands in the way where a setting is broken or the record does not open, and exits with 1', async () => {
    const broken = await examine({ PORT: 'abc' })
    assert.deepEqual([broken.code, broken.lines.length], [1, 1])
    assert.match(broken.of('settings').join(), /^wrong: PORT=abc is not understood/)
    const nowhere = await examine({ ROLLCALL_DATA: '/nowhere' })
    assert.equal(nowhere.code, 1)
    assert.match(nowhere.of('database').join(), /^wrong: there is no record in ROLLCALL_DATA=\/nowhere/)
    const away = await examine({ DATABASE_URL: 'postgres://a@127.0.0.1:1/b', ROLLCALL_MASTER_KEY: '0'.repeat(64) })
    assert.match(away.of('database').join(), /^wrong: DATABASE_URL=\S+ cannot be used/)
  })
})
