import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { SessionPage } from '@rollcall/protocol'
import { dataParent } from '../support/data-parent.ts'
import { type Kept, keep, recordWorld } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { recordSession } from '../support/record-session.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

let postgres: Postgres
let folder: string
before(async () => {
  postgres = await startPostgres()
  folder = await mkdtemp(join(dataParent, 'rollcall-test-'))
})
after(async () => {
  await postgres.stop()
  await rm(folder, { recursive: true })
})

const at = Date.UTC(2026, 0, 5, 9)
const parts = { clock: { now: () => at + 90 * 86_400_000 } }
const settings = { ROLLCALL_RATE_LIMIT: '0', ROLLCALL_PUBLIC_URL: 'https://rollcall.example.org' }

const rollcall = (kept: Kept, ...args: string[]) => runProgram('cli.js', kept.env, args).ended

/** Runs a command that has to work, and gives what it printed. */
async function print(kept: Kept, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await rollcall(kept, ...args)
  assert.equal(code, 0, `${stdout}${stderr}`)
  return stdout
}

/** What the API answers about all that a key has, by path. */
async function readAll(server: TestServer): Promise<{ [path: string]: unknown }> {
  const answers: { [path: string]: unknown } = {}
  const get = async <Body>(path: string): Promise<Body> => {
    const { status, body } = await server.call<Body>('GET', path)
    answers[path] = { status, body }
    return body
  }
  const { data } = await get<SessionPage>('/v2/sessions?perPage=1000')
  assert.ok(data.length > 0)
  for (const query of ['status=ended', 'perPage=3&page=2', 'minDuration=60', `startDate=${at}`, 'participantId=ann']) {
    await get(`/v2/sessions?${query}`)
  }
  for (const { id, roomId, participants } of data) {
    for (const path of ['', '/participants', '/participants/active', '/stats', '/attendance']) {
      await get(`/v2/sessions/${id}${path}`)
    }
    await get(`/v2/rooms/${roomId}`)
    for (const { participantId } of participants.slice(0, 3)) {
      const who = encodeURIComponent(participantId)
      await get(`/v2/sessions/${id}/participants/${who}`)
      await get(`/v2/sessions/${id}/participant/${who}/stats`)
    }
  }
  await get('/v2/rooms?perPage=1000')
  for (const groupBy of ['day', 'room']) await get(`/v2/usage?from=2026-01-01&to=2026-03-01&groupBy=${groupBy}`)
  await get('/v2/attendance?from=2026-01-01&to=2026-03-01')
  const schedules = (await get('/v2/schedules')) as { data: { id: string }[] }
  for (const { id } of schedules.data) await get(`/v2/schedules/${id}`)
  await get('/v2/retention')
  return answers
}

async function record(server: TestServer): Promise<void> {
  await server.call('POST', '/v2/rooms', {
    customRoomId: 'kept',
    autoCloseConfig: { type: 'session-ends', duration: 5 },
  })
  const { body: room } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: 'class' })
  for (let day = 0; day < 5; day++) {
    const startAt = at + day * 86_400_000
    const stays = ['ann', 'añña 🎈', 'bob'].map((participantId, i) => ({
      participantId,
      name: `${participantId} of day ${day}`,
      joinedAt: startAt + i * 1000,
      ...(i !== 1 && { leftAt: startAt + 60_000 }),
    }))
    await recordSession(server, { roomId: room.roomId, startAt, endAt: startAt + 120_000, stays })
  }
  await server.call('PATCH', '/v2/retention', { retentionDays: 3000 })
  await server.call('PATCH', '/v2/rooms/class', { retentionDays: 4000 })
  await server.call('POST', '/v2/schedules', {
    ...{ name: 'Class', roomIds: ['class', 'kept'], start: '2026-01-05T09:00', durationMinutes: 90 },
    ...{ timeZone: 'Europe/Berlin', rrule: 'FREQ=WEEKLY;COUNT=9', exdates: ['2026-01-12'] },
    roster: [{ participantId: 'ann', name: 'Ann' }, { participantId: 'añña 🎈' }],
  })
  const told = { roomId: 'class', sessionKey: 'measured', participantId: 'ann' }
  const stats = { averageAudioRtt: 12.5, recvVideoPacketLost: 3 }
  // Heard of so lately that the sweeper has nothing to look at while the record is read twice.
  const now = parts.clock.now()
  const events = [
    { id: 'q1', type: 'participant-joined', at: now - 60_000, ...told },
    { id: 'q2', type: 'quality', at: now - 30_000, ...told, stats },
  ]
  await server.call('POST', '/v2/events', { events })
}

const stores: { [name: string]: () => Promise<Kept> } = {
  SQLite: () => keep(),
  PostgreSQL: () => keep(postgres),
}

for (const [from, make] of Object.entries(stores)) {
  describe(`what is exported from ${from} and imported`, () => {
    let kept: Kept
    let apiKey: string
    let answered: Awaited<ReturnType<typeof readAll>>
    /** Of its keys: the first of them is the server's own. */
    let files: string[]
    before(async () => {
      kept = await make()
      const server = await startServer({ ...kept.env, ...settings }, parts)
      await record(server)
      answered = await readAll(server)
      apiKey = server.apiKey
      await server.stop()
      await recordWorld(kept)
      const worlds = (await print(kept, 'keys', 'list')).match(/^[0-9a-f-]{36}/gm) ?? []
      assert.equal(worlds.length, 3)
      files = await Promise.all([apiKey, ...worlds.filter((one) => one !== apiKey)].map(exportKey))
    })
    after(() => kept.remove())

    async function exportKey(key: string): Promise<string> {
      const file = join(folder, `${from}.${key}.ndjson`)
      assert.match(await print(kept, 'export', file, '--key', key), /Secrets, media servers and webhooks are not/)
      assert.equal((await stat(file)).mode & 0o077, 0)
      return file
    }

    for (const [to, makeOther] of Object.entries(stores)) {
      test(`to ${to} is answered as before by every call, and holds together`, async (t) => {
        const other = await makeOther()
        t.after(() => other.remove())
        const [own = '', ...others] = files
        await print(other, 'keys', 'add', '--name', 'Somebody')
        const imported = await print(other, 'import', 'rollcall', own)
        assert.match(imported, /Its new secret is [0-9a-f]{64}: keep it/)
        for (const file of others) await print(other, 'import', 'rollcall', file)
        assert.match(await print(other, 'verify'), /^all is well: 4 keys/)

        const secret = /new secret is (\S+):/.exec(imported)?.[1] ?? ''
        const key = { ROLLCALL_API_KEY: apiKey, ROLLCALL_SECRET: secret }
        const again = await startServer({ ...other.env, ...settings, ...key }, parts)
        t.after(() => again.stop())
        assert.deepEqual(await readAll(again), answered)
        // What comes later is numbered after what was.
        const events = [{ id: 'later', type: 'participant-joined', at: at + 1, roomId: 'class', participantId: 'zoe' }]
        const { body } = await again.call<{ results: { outcome: string }[] }>('POST', '/v2/events', { events })
        assert.equal(body.results[0]?.outcome, 'recorded')
      })
    }
  })
}

describe('an import', () => {
  test('is refused where a file is damaged, cut, of another kind or here already; broken off, it goes on', async (t) => {
    const [kept, other] = [await keep(), await keep()]
    t.after(() => Promise.all([kept.remove(), other.remove()]))
    const server = await startServer(kept.env, parts)
    await record(server)
    const { apiKey } = server
    const { text } = await server.call('GET', '/v2/export')
    await server.stop()
    const write = async (name: string, content: string) => {
      await writeFile(join(folder, name), content)
      return join(folder, name)
    }
    await print(other, 'keys', 'add', '--name', 'Somebody')
    const lines = text.trim().split('\n')
    const refusals: [string, string, RegExp][] = [
      ['damaged', text.replace('of day 3', 'of day 9'), /is damaged: its \w+ are not those that were exported/],
      ['cut', `${lines.slice(0, -1).join('\n')}\n`, /ends too early/],
      ['other', '{"table":"rooms","row":{}}\n', /no manifest: it is no export/],
      ['text', 'hello\n', /a line of it is no JSON/],
      ['schema', text.replace(/"schema":"[^"]+"/, '"schema":"9999-other"'), /tables were those of 9999-other/],
    ]
    for (const [name, content, message] of refusals) {
      const { code, stderr } = await rollcall(other, 'import', 'rollcall', await write(name, content))
      assert.deepEqual([code, message.test(stderr)], [1, true], stderr)
    }
    assert.ok(!(await print(other, 'keys', 'list')).includes(apiKey), 'nothing of such a file is taken')
    const whole = await write('whole', text)
    await print(other, 'import', 'rollcall', whole)
    await other.within(async (db) => {
      // As a crash before the last table left it.
      await db.kysely.deleteFrom('counters').execute()
      await db.kysely.deleteFrom('changes').execute()
    })
    await print(other, 'import', 'rollcall', whole)
    const twice = await rollcall(other, 'import', 'rollcall', whole)
    assert.match(twice.stderr, /there is a record of the key \S+ already/)
  })
})

describe('GET /v2/export', () => {
  test('gives the same lines for the same state, and what is missing of an export that was broken off', async (t) => {
    const server = await startServer({ ROLLCALL_RATE_LIMIT: '0' }, parts)
    t.after(() => server.stop())
    await record(server)
    const { text } = await server.call('GET', '/v2/export')
    const lines = text.trimEnd().split('\n')
    const { manifest } = JSON.parse(lines[0] ?? '')
    assert.deepEqual([manifest.format, manifest.apiKey], ['rollcall-export', server.apiKey])
    const rest = await server.call('GET', `/v2/export?state=${manifest.state}&after=7`)
    assert.equal(rest.text, `${lines.slice(7).join('\n')}\n`)
    assert.ok(!text.includes(server.secret))
    await server.call('POST', '/v2/rooms', { customRoomId: 'new' })
    const late = await server.call('GET', `/v2/export?state=${manifest.state}&after=7`)
    assert.deepEqual([late.status, late.body.code], [409, 'CONFLICT'])
    const odd = await server.call('GET', '/v2/export?state=x')
    assert.match(String(odd.body.error), /state=x is not understood: it takes the state of a manifest/)
  })

  test('is the file that rollcall export writes beside the server', async (t) => {
    const server = await startServer({}, parts)
    t.after(() => server.stop())
    await record(server)
    const file = join(folder, 'beside.ndjson')
    const { code, stderr } = await runProgram('cli.js', server.storeEnv, ['export', file]).ended
    assert.equal(code, 0, stderr)
    assert.equal(await readFile(file, 'utf8'), (await server.call('GET', '/v2/export')).text)
  })
})
