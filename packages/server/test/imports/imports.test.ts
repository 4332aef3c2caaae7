import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ImportReport, ImportStep, Session, SessionPage } from '@rollcall/protocol'
import { recordSession } from '../support/record-session.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

let folder: string
let server: TestServer
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
  server = await startServer()
})
after(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** A table of stays of one room: a session a day, with as many people. */
function writeTable(room: string, days: number, people = 3): string {
  const rows = Array.from({ length: days * people }, (_, i) => {
    const day = new Date(Date.UTC(2020, 0, 1 + Math.floor(i / people))).toISOString().slice(0, 10)
    return `${room},person-${i % people},Person ${i % people},${day} 09:0${i % 10}:00,${day} 10:0${i % 10}:30`
  })
  return ['room,person,name,joined,left', ...rows].join('\n')
}

async function send(query: string, body: string, to = server) {
  const { status, text } = await to.call('POST', `/v2/imports?${query}`, body)
  const steps =
    status === 200
      ? text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as ImportStep)
      : []
  return { status, text, steps, report: steps.at(-1) as ImportReport }
}

const listSessions = async (room: string, of = server) =>
  (await of.call<SessionPage>('GET', `/v2/sessions?customRoomId=${room}&perPage=1000`)).body

describe('POST /v2/imports', () => {
  test('records the sessions of a file, and of each place that is not taken says why', async () => {
    const table = `${writeTable('class', 2)}\nclass,late,Late,2020-01-02 10:00:00,2020-01-02 09:00:00\nclass,,,,\n`
    const { steps, report } = await send('format=csv&tz=Europe/Berlin', table)
    assert.deepEqual(report, { type: 'report', sessions: 2, stays: 6, recorded: 10, duplicate: 0, untaken: 2 })
    assert.deepEqual(
      steps.filter(({ type }) => type === 'untaken'),
      [
        { type: 'untaken', where: 'line 9', reason: 'it has no room or no person' },
        { type: 'untaken', where: 'line 8', reason: 'it ends before it begins' },
      ],
    )
    const { data, pageInfo } = await listSessions('class')
    assert.equal(pageInfo.total, 2)
    assert.deepEqual(
      data.map(({ status, start, end }) => [status, start, end]),
      [
        ['ended', '2020-01-02T08:03:00.000Z', '2020-01-02T09:05:30.000Z'],
        ['ended', '2020-01-01T08:00:00.000Z', '2020-01-01T09:02:30.000Z'],
      ],
    )
    assert.deepEqual(data[1]?.participants[0]?.timelog, [
      { start: '2020-01-01T08:00:00.000Z', end: '2020-01-01T09:00:30.000Z' },
    ])
  })

  test('twice changes nothing, and a longer export adds only what is new', async () => {
    await send('format=csv&tz=UTC', writeTable('twice', 2))
    const first = await listSessions('twice')
    const { report } = await send('format=csv&tz=UTC', writeTable('twice', 2))
    assert.deepEqual([report.recorded, report.duplicate, report.untaken], [0, 10, 0])
    assert.deepEqual(await listSessions('twice'), first)
    const longer = await send('format=csv&tz=UTC', writeTable('twice', 3))
    assert.deepEqual([longer.report.recorded, longer.report.duplicate], [5, 10])
    assert.equal((await listSessions('twice')).pageInfo.total, 3)
  })

  test('never merges a session with one that was recorded, though it is of the same room, time and people', async () => {
    const at = (time: string) => `2020-01-01T${time}Z`
    const who = { roomId: 'both', participantId: 'person-0' }
    const events = [
      { id: '1', type: 'participant-joined', at: at('09:00:00'), ...who },
      { id: '2', type: 'participant-left', at: at('10:00:00'), ...who },
    ]
    await server.call('POST', '/v2/events', { events })
    const before = (await listSessions('both')).data
    await send('format=csv&tz=UTC', writeTable('both', 1))
    const { data } = await listSessions('both')
    assert.equal(data.length, 2)
    // Whether it has ended by now is another matter.
    const told = (sessions: Session[]) => sessions.map(({ id, start, participants }) => ({ id, start, participants }))
    assert.deepEqual(told(data.filter(({ id }) => id === before[0]?.id)), told(before))
  })

  test('reads large files while others are answered, and so many at once', async () => {
    const body = `room,person,joined,left\n${'a,b,c,d\n'.repeat(100_000)}`
    let isOver = false
    const sent = Promise.all(Array.from({ length: 4 }, () => send('format=csv&tz=UTC', body))).finally(() => {
      isOver = true
    })
    let answered = 0
    for (; !isOver; answered++) assert.equal((await server.call('GET', '/livez')).status, 200)
    const answers = await sent
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 503, 503, 503])
    for (const { status, text } of answers) {
      if (status === 200) assert.equal(JSON.parse(text.trim().split('\n').at(-1) ?? '').untaken, 100_000)
      else assert.equal(JSON.parse(text).code, 'BUSY')
    }
    assert.ok(answered > 100, `/livez was answered ${answered} times meanwhile`)
    assert.equal((await send('format=csv&tz=UTC', writeTable('after', 1))).status, 200)
  })

  test('refuses a whole file that leaves something open, and a query that is not understood', async () => {
    const refusals: [string, string, RegExp][] = [
      ['format=csv', writeTable('r', 1), /say tz \(--tz\)/],
      ['format=csv&tz=UTC', '', /The body is empty|no room, person/],
      ['format=word', 'x', /format=word is not understood: it takes one of csv, zoom/],
      ['format=csv&tz=UTC&dateorder=dmy', writeTable('r', 1), /dateorder is not known/],
      ['format=meet&date=2026-13-01', 'x', /date=2026-13-01 is not understood: it takes a day such as/],
      ['format=daily', 'x', /The file is not JSON/],
    ]
    for (const [query, body, message] of refusals) {
      const { status, text } = await send(query, body)
      assert.deepEqual([status, JSON.parse(text).code], [400, 'BAD_REQUEST'], query)
      assert.match(JSON.parse(text).error, message)
    }
  })

  test('a server that is killed in the middle goes on with the same file, to the same record', {
    timeout: 300_000,
  }, async (t) => {
    const table = writeTable('long', 500, 12)
    const env = { PORT: '0', ROLLCALL_DATA: join(folder, 'killed') }
    const start = async () => {
      const program = runProgram('main.js', env, ['--print-token'])
      t.after(() => program.child.kill('SIGKILL'))
      const printed = await program.says('stdout', /^curl .*\n/m)
      const [, url = ''] = /running at (\S+)/.exec(printed) ?? []
      const [, authorization = ''] = /Authorization: (\S+)'/.exec(printed) ?? []
      const post = () =>
        fetch(`${url}/v2/imports?format=csv&tz=UTC`, { method: 'POST', headers: { authorization }, body: table })
      const list = async () => {
        const answer = await fetch(`${url}/v2/sessions?customRoomId=long&perPage=1000`, { headers: { authorization } })
        return ((await answer.json()) as SessionPage).data.map(({ start, end, participants }) => ({
          start,
          end,
          people: participants.map(({ participantId, timelog }) => [participantId, timelog]),
        }))
      }
      return { program, post, list }
    }
    const first = await start()
    const answer = await first.post()
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
    for (let told = ''; !told.includes('"done":3000,'); ) told += (await reader?.read())?.value ?? assert.fail(told)
    first.program.child.kill('SIGKILL')
    await first.program.ended
    await reader?.cancel().catch(() => {})

    const again = await start()
    const steps = (await (await again.post()).text()).trim().split('\n')
    const report = JSON.parse(steps.at(-1) ?? '') as ImportReport
    assert.ok(report.duplicate >= 3000 && report.recorded > 0, JSON.stringify(report))
    assert.deepEqual([report.sessions, report.stays, report.untaken], [500, 6000, 0])
    const resumed = await again.list()
    again.program.child.kill('SIGTERM')
    await again.program.ended

    await send('format=csv&tz=UTC', table)
    const { data } = (await server.call<SessionPage>('GET', '/v2/sessions?customRoomId=long&perPage=1000')).body
    const straight = data.map(({ start, end, participants }) => ({
      start,
      end,
      people: participants.map(({ participantId, timelog }) => [participantId, timelog]),
    }))
    assert.equal(resumed.length, 500)
    assert.deepEqual(resumed, straight)
  })
})

describe('rollcall import', () => {
  const rollcall = (env: { [name: string]: string }, ...args: string[]) => runProgram('cli.js', env, args).ended

  test('takes several files, through the server that runs, whose pages show them at once', async () => {
    const [one, two] = [join(folder, 'one.csv'), join(folder, 'two.csv')]
    await writeFile(one, writeTable('cli-one', 1))
    await writeFile(two, `${writeTable('cli-two', 1)}\nbroken\n`)
    assert.equal((await listSessions('cli-one')).pageInfo.total, 0)
    const { code, stdout, stderr } = await rollcall(server.storeEnv, 'import', 'csv', one, two, '--tz', 'UTC')
    assert.equal(code, 0, stderr)
    assert.equal(
      stdout,
      `${one}: 1 sessions with 3 stays; 0 places not taken\n${two}: 1 sessions with 3 stays; 1 places not taken\n`,
    )
    assert.equal(stderr, `${two}: line 5: not taken: it has no room or no person\n`)
    assert.equal((await listSessions('cli-one')).pageInfo.total, 1)
    const again = await rollcall(server.storeEnv, 'import', 'csv', one, '--tz', 'UTC')
    assert.match(again.stdout, /; all of it was here before; 0 places/)
  })

  test('works on a record that no server runs on', async () => {
    const file = join(folder, 'alone.csv')
    await writeFile(file, writeTable('alone', 2))
    const data = join(folder, 'alone')
    assert.equal((await rollcall({ ROLLCALL_DATA: data }, 'keys', 'add', '--name', 'a')).code, 0)
    assert.equal((await rollcall({ ROLLCALL_DATA: data }, 'import', 'csv', file, '--tz', 'UTC')).code, 0)
    const later = await startServer({ ROLLCALL_DATA: data })
    try {
      assert.equal((await listSessions('alone', later)).pageInfo.total, 2)
    } finally {
      await later.stop()
    }
  })

  test('takes all sessions of an account that have ended, page after page, everybody of a huge one among them; twice is once', async (t) => {
    const account = await startServer()
    t.after(() => account.stop())
    const { roomId } = (await account.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: 'of the account' }))
      .body
    const startAt = Date.UTC(2025, 0, 1)
    const hourMs = 3_600_000
    const people = (count: number, at: number) =>
      Array.from({ length: count }, (_, i) => ({
        participantId: `p${i}`,
        name: `P ${i}`,
        joinedAt: at,
        leftAt: at + hourMs,
      }))
    for (let n = 0; n < 101; n++) {
      const at = startAt + n * 2 * hourMs
      await recordSession(account, { roomId, startAt: at, endAt: at + hourMs, stays: people(n === 0 ? 1001 : 1, at) })
    }
    await recordSession(account, {
      roomId,
      startAt: startAt + 1000 * hourMs,
      stays: [{ participantId: 'inside', joinedAt: startAt + 1000 * hourMs }],
    })
    const take = async (token: string) => {
      const { child, ended } = runProgram('cli.js', server.storeEnv, [
        'import',
        'videosdk',
        account.url,
        '--token',
        '-',
      ])
      child.stdin.end(token)
      return ended
    }
    const token = await account.sign()
    const { stdout, stderr } = await take(token)
    assert.equal(stdout, `${account.url}: 101 sessions with 1101 stays; 0 places not taken\n`, stderr)
    const described = async (of: TestServer) =>
      (await listSessions('of the account', of)).data
        .filter(({ status }) => status === 'ended')
        .map(({ start, end, uniqueParticipants, participants }) => [
          start,
          end,
          uniqueParticipants,
          participants.map(({ timelog }) => timelog),
        ])
    assert.deepEqual(await described(server), await described(account))
    assert.match((await take(token)).stdout, /; all of it was here before; 0 places/)
    const refused = await take('nonsense')
    assert.match(refused.stderr, /^rollcall: \S+ does not list its sessions: [^\n]+\n$/)
  })

  test('what is wrong is said in one line', async () => {
    const file = join(folder, 'wrong.csv')
    await writeFile(file, writeTable('wrong', 1))
    const wrong: [string[], RegExp][] = [
      [['word', file], /word is no format: it takes one of csv, zoom/],
      [['csv', join(folder, 'none.csv')], /none\.csv cannot be read/],
      [['csv', file], /say tz \(--tz\)/],
      [['csv', file, '--date-order', 'ymd'], /--date-order=ymd is not understood: it takes dmy or mdy/],
      [['csv', file, '--date', 'today'], /--date=today is not understood/],
      [['videosdk', server.url], /takes a token of its own: say --token -/],
      [['zoom', server.url], /of zoom files are taken/],
      [['csv', file, '--zone', 'UTC'], /--zone is not an option of this command/],
    ]
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await rollcall(server.storeEnv, 'import', ...args)
      assert.deepEqual([code, stdout], [1, ''], stderr)
      assert.match(stderr, /^rollcall: [^\n]+\n$/)
      assert.match(stderr, message)
    }
  })
})
