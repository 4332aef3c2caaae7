import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeRoom } from '../support/api-calls.ts'
import { recordSession } from '../support/record-session.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { callsIn, hasTool, makeCache, runTool } from './client-programs.ts'

// Programs of our own with the calls and the types of public clients of Daily's REST API: only the address is another.

const meetings = 130

let server: TestServer
let env: { [name: string]: string }
before(async () => {
  server = await startServer()
  const { roomId } = await makeRoom(server, { customRoomId: 'my room' })
  let newest = ''
  for (let n = 0; n < meetings; n++) {
    const startAt = Date.now() - (meetings - n) * 3_600_000
    const stay = { name: 'Ann', joinedAt: startAt, leftAt: startAt + 300_000 }
    const stays = [
      { ...stay, participantId: 'ann' },
      { ...stay, participantId: 'ben', name: '' },
    ]
    newest = await recordSession(server, { roomId, startAt, endAt: startAt + 300_000, stays })
  }
  env = {
    DAILY_URL: `${server.url}/daily/v1`,
    DAILY_KEY: await server.sign(),
    DAILY_COUNT: String(meetings),
    DAILY_MEETING: newest,
  }
})
after(() => server.stop())

describe('code that was written for Daily’s REST API works with another base URL', () => {
  test('in TypeScript: it judges bookings, counts minutes, checks attendance, exports all, and reads one', async () => {
    const stdout = await runTool(process.execPath, [join(import.meta.dirname, 'typescript/daily.ts')], { env })
    assert.equal(callsIn(stdout).length, 5)
  })

  test('in Python: a month is added up page by page, and a wrong key is told its name', async (t) => {
    if (!(await hasTool(t, 'python3', ['--version']))) return
    const stdout = await runTool('python3', [join(import.meta.dirname, 'python/daily.py')], { env })
    assert.equal(callsIn(stdout).length, 2)
  })

  test('in Go: numbers are ints, and no field is unknown', async (t) => {
    if (!(await hasTool(t, 'go', ['version']))) return
    const program = join(await makeCache('go'), 'daily')
    await runTool('go', ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'go/daily') })
    assert.equal(callsIn(await runTool(program, [], { env })).length, 1)
  })
})
