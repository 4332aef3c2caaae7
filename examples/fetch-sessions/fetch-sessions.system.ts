import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { requireProgram } from '../../packages/client/test/system-program.ts'
import { recordSession } from '../../packages/server/test/support/record-session.ts'
import { startServer, type TestServer } from '../../packages/server/test/support/start-server.ts'

type Printed = { code: number; stdout: string; stderr: string }
/** Runs the example with these settings; undefined where what it needs is not to be had. */
type Run = (t: TestContext, env: { [name: string]: string }) => Promise<Printed | undefined>

const startAt = Date.parse('2026-01-15T12:00:00.000Z')
const customRoomId = 'weekly & "Übersicht"'
let server: TestServer
let roomId: string
let token: string
before(async () => {
  server = await startServer()
  token = await server.sign({ roles: ['crawler'] })
  roomId = (await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId })).body.roomId
  const stays = [{ participantId: 'anna', name: 'Ånna Ω', joinedAt: startAt, leftAt: startAt + 61_500 }]
  await recordSession(server, { roomId, startAt, endAt: startAt + 90_250, stays })
  const other = (await server.call<{ roomId: string }>('POST', '/v2/rooms')).body.roomId
  await recordSession(server, { roomId: other, startAt, endAt: startAt + 1000 })
})
after(() => server.stop())

const hasCurl = async (php: string) => (await run(php, ['-m'])).stdout.split('\n').includes('curl')
const programs: { [name: string]: Run } = {
  cURL: runWith('fetch-sessions.sh', { names: ['sh'], packages: ['dash'] }),
  Node: (_, env) => run(process.execPath, [join(import.meta.dirname, 'fetch-sessions.mjs')], env),
  PHP: runWith('fetch-sessions.php', { names: ['php'], packages: ['php-cli', 'php-curl'], isUsable: hasCurl }),
  Python: runWith('fetch-sessions.py', { names: ['python3'], packages: ['python3'] }),
  'Python without requests': runWith('fetch-sessions.py', { names: ['python3'], packages: ['python3'] }, ['-S']),
}

for (const [name, runExample] of Object.entries(programs)) {
  describe(`the "Fetch sessions" call in ${name}`, () => {
    test('prints what the server answers, for one room by either of its ids, for both, and for all rooms', async (t) => {
      for (const ids of [{ roomId }, { customRoomId }, { roomId, customRoomId }, {}]) {
        const printed = await runExample(t, {
          ROLLCALL_URL: server.url,
          ROLLCALL_TOKEN: token,
          ...('roomId' in ids && { ROLLCALL_ROOM_ID: ids.roomId }),
          ...('customRoomId' in ids && { ROLLCALL_CUSTOM_ROOM_ID: ids.customRoomId }),
        })
        if (printed === undefined) return
        assert.equal(printed.code, 0, printed.stderr)
        const query = new URLSearchParams({ ...ids, page: '1', perPage: '20' })
        const { body } = await server.call<{ data: object[] }>('GET', `/v2/sessions/?${query}`)
        assert.deepEqual(JSON.parse(printed.stdout), body)
        assert.equal(body.data.length, 'roomId' in ids || 'customRoomId' in ids ? 1 : 2)
      }
    })

    test('says what went wrong, and fails, where the token is refused, missing, or nobody answers', async (t) => {
      const refused = await runExample(t, { ROLLCALL_URL: server.url, ROLLCALL_TOKEN: 'nonsense' })
      if (refused === undefined) return
      assert.notEqual(refused.code, 0)
      assert.match(refused.stderr, /401/)
      assert.match(refused.stderr + refused.stdout, /Token is invalid or expired/)
      const missing = await runExample(t, { ROLLCALL_URL: server.url })
      assert.notEqual(missing?.code, 0)
      assert.match(missing?.stderr ?? '', /ROLLCALL_TOKEN:? is missing: sign one with {2}npm run -s rollcall -- token/)
      const away = await runExample(t, { ROLLCALL_URL: 'http://127.0.0.1:1', ROLLCALL_TOKEN: token })
      assert.notEqual(away?.code, 0)
      assert.match(away?.stderr ?? '', /127\.0\.0\.1/)
      assert.doesNotMatch(away?.stderr ?? '', /Traceback|at async|Stack trace/)
    })
  })
}

function runWith(file: string, program: Parameters<typeof requireProgram>[1], args: string[] = []): Run {
  return async (t, env) => {
    const path = await requireProgram(t, program)
    return path === undefined ? undefined : run(path, [...args, join(import.meta.dirname, file)], env)
  }
}

function run(path: string, args: string[], env: { [name: string]: string } = {}): Promise<Printed> {
  const { PATH = '', HOME = '' } = process.env
  return new Promise((resolve) => {
    execFile(path, args, { env: { PATH, HOME, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr })
    })
  })
}
