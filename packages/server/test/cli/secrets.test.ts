import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { toTable } from '../../src/cli/command.ts'
import { toPrintable } from '../../src/cli/print.ts'
import { readSecrets } from '../../src/cli/secret-input.ts'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/runtime/log.ts'
import { dataParent } from '../support/data-parent.ts'
import { startServer } from '../support/start-server.ts'

const folder = mkdtempSync(join(dataParent, 'rollcall-secrets-'))
after(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

describe('a secret', () => {
  test('may stand in a file that a setting names, for each setting that holds one', () => {
    const key = 'ab'.repeat(32)
    const config = readConfig({
      ROLLCALL_API_KEY_FILE: write('key', 'my-key\n'),
      ROLLCALL_SECRET_FILE: write('secret', 'my secret\n'),
      ROLLCALL_MASTER_KEY_FILE: write('master', `${key}\n`),
      DATABASE_URL_FILE: write('url', 'postgres://me:word@localhost/rollcall\n'),
      ROLLCALL_ICE_SERVERS_FILE: write('ice', '[{"urls":"turn:t.example","credential":"word"}]'),
      ROLLCALL_TURN_URLS: 'turn:a.example:3478, turns:b.example:5349?transport=tcp',
      ROLLCALL_TURN_SECRET_FILE: write('turn', 'shared\n'),
      ROLLCALL_OIDC_ISSUER: 'https://id.example/',
      ROLLCALL_OIDC_CLIENT_ID: 'rollcall',
      ROLLCALL_OIDC_CLIENT_SECRET_FILE: write('oidc', 'told\n'),
    })
    assert.deepEqual(config.firstKey, { apiKey: 'my-key', secret: 'my secret' })
    assert.equal(config.masterKey?.toString('hex'), key)
    assert.equal(config.oidc?.clientSecret, 'told')
    assert.equal(config.databaseUrl, 'postgres://me:word@localhost/rollcall')
    assert.deepEqual(config.iceServers, [{ urls: 'turn:t.example', credential: 'word' }])
    assert.deepEqual(config.turn, {
      urls: ['turn:a.example:3478', 'turns:b.example:5349?transport=tcp'],
      secret: 'shared',
    })
  })

  test('that is given twice, or in a file that is empty or not there, stops the start with the name of its setting', () => {
    const refused = (env: { [name: string]: string }, message: RegExp) =>
      assert.throws(() => readConfig(env), { name: 'StartRefusal', message })
    const both = { DATABASE_URL: 'postgres://a@b/c', DATABASE_URL_FILE: write('url', 'postgres://a@b/c') }
    refused(both, /^DATABASE_URL and DATABASE_URL_FILE say the same/)
    refused({ ROLLCALL_MASTER_KEY_FILE: write('empty', '\n') }, /^ROLLCALL_MASTER_KEY_FILE=.* is empty/)
    refused({ ROLLCALL_SECRET_FILE: join(folder, 'none') }, /^ROLLCALL_SECRET_FILE=.* cannot be read/)
  })

  test('of a command may come on stdin, a line each', () => {
    const given = { secret: '-', password: undefined, apiSecret: 'plain', roomSecret: '-' }
    const read = readSecrets(given, () => 'first\nsecond\n')
    assert.deepEqual(read, { secret: 'first', password: undefined, apiSecret: 'plain', roomSecret: 'second' })
    assert.throws(() => readSecrets(given, () => 'first\n'), /stdin has no line for roomSecret/)
    readSecrets({ secret: 'plain' }, () => assert.fail('stdin is read though nothing asks for it'))
  })

  for (const [secret, warnings] of [
    ['x'.repeat(31), 1],
    ['x'.repeat(32), 0],
  ] as const) {
    test(`ROLLCALL_SECRET of ${secret.length} bytes is warned of ${warnings} times at the start, and is not in the log`, async () => {
      const lines: string[] = []
      const log = createLog('info', { write: (line) => void lines.push(line) })
      const server = await startServer({ ROLLCALL_API_KEY: 'my-key', ROLLCALL_SECRET: secret }, { log })
      await server.stop()
      assert.equal(lines.filter((line) => line.includes('ROLLCALL_SECRET is short')).length, warnings)
      assert.ok(!lines.join().includes(secret))
    })
  }
})

describe('what a command prints', () => {
  test('commands no terminal: names keep their letters, and lose escape sequences, control characters and turns of direction', () => {
    const esc = String.fromCharCode(27)
    const [csi, bell, back] = [0x9b, 7, 8].map((code) => String.fromCharCode(code))
    const hostile = `a${esc}[2J${esc}]0;title${bell}b${csi}31mc${back}d\r${esc}c\u202ee\u2066`
    const printed = toPrintable(`${hostile}\nüñ 日本 😀\n`)
    assert.match(printed, /^[^\p{Cc}\u202a-\u202e\u2066-\u2069]*\nüñ 日本 😀\n$/u)
    const table = toTable([
      ['NAME', 'STATE'],
      [`x${esc}[1A\ny`, 'ok'],
    ])
    assert.equal(table, 'NAME  STATE\nx y   ok\n')
  })
})

test('/metrics is for no page of another site to read', async () => {
  const server = await startServer()
  try {
    const { headers } = await server.call('GET', '/metrics', undefined, { headers: { origin: 'https://a.example' } })
    assert.equal(headers['access-control-allow-origin'], undefined)
  } finally {
    await server.stop()
  }
})
