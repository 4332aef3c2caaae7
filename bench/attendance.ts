import { fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StoreName, withDatabases } from './bench-database.ts'
import { type ForkedServer, forkServer, nextMessage } from './fork-server.ts'
import { type Figure, median } from './report.ts'

const rounds = 20
const [people, sessions] = [300, 60]
const [peopleOfTable, sessionsOfTable] = [1000, 100]
/** With room for the last of a session. */
const eventsPerCall = 998
const dayMs = 24 * 3600_000
const minuteMs = 60_000
/** An ended session is sealed when it was quiet for half a minute; some at a time. */
const sealedAfterMs = 60_000

/** A course as a grid, persons × occurrences, and a long table as a workbook. */
export async function benchAttendance(store: StoreName): Promise<Figure[]> {
  return withDatabases(store, (use) =>
    use(async ({ folder, env }) => {
      const server = await forkServer(folder, env)
      try {
        return [...(await measureGrid(server, store)), ...(await measureWorkbook(server, store))]
      } finally {
        await server.stop()
      }
    }),
  )
}

async function measureGrid(server: ForkedServer, store: StoreName): Promise<Figure[]> {
  const startAt = new Date(Math.floor(Date.now() / dayMs - sessions - 1) * dayMs + 9 * 60 * minuteMs)
  await ask(server, 'POST', '/v2/rooms', { customRoomId: 'course' })
  await fill(server, 'course', { people, sessions, startAt: startAt.getTime() })
  const { id } = (await (
    await ask(server, 'POST', '/v2/schedules', {
      ...{ name: 'Course', roomIds: ['course'], start: startAt.toISOString().slice(0, 16), durationMinutes: 60 },
      ...{ timeZone: 'UTC', rrule: `FREQ=DAILY;COUNT=${sessions}` },
      roster: Array.from({ length: people }, (_, n) => ({ participantId: `p${n}`, name: `Person ${n}` })),
    })
  ).json()) as { id: string }
  const path = `/v2/schedules/${id}/attendance`
  const folded = await timeGrids(server, path)
  await sleep(sealedAfterMs)
  const sealed = await timeGrids(server, path)
  const csv = await timeGrids(server, `${path}?format=csv`)
  const of = `${store}: a course of ${people} people × ${sessions} sessions`
  return [
    { what: `${of}, all sealed`, value: sealed.median, unit: 'ms', target: '≤ 300 ms' },
    { what: 'the same: the longest that another request waited', value: sealed.waited, unit: 'ms', target: '≤ 20 ms' },
    { what: 'the same as CSV', value: csv.median, unit: 'ms' },
    { what: `${of}, before they are sealed`, value: folded.median, unit: 'ms' },
    { what: 'the same: the longest that another request waited', value: folded.waited, unit: 'ms' },
  ]
}

async function timeGrids(server: ForkedServer, path: string): Promise<{ median: number; waited: number }> {
  await ask(server, 'GET', path)
  const took: number[] = []
  let waited = 0
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    let done = false
    const answered = ask(server, 'GET', path)
      .then((answer) => answer.arrayBuffer())
      .then(() => {
        done = true
        took.push(performance.now() - begun)
      })
    // Others are served meanwhile: half of the rounds have none, so that they do not slow what is measured.
    while (round % 2 === 1 && !done) {
      const asked = performance.now()
      await (await fetch(`${server.url}/livez`)).arrayBuffer()
      waited = Math.max(waited, performance.now() - asked)
    }
    await answered
  }
  return { median: median(took.filter((_, round) => round % 2 === 0)), waited }
}

async function measureWorkbook(server: ForkedServer, store: StoreName): Promise<Figure[]> {
  const startAt = Date.now() - 20 * dayMs
  await ask(server, 'POST', '/v2/rooms', { customRoomId: 'table' })
  await fill(server, 'table', { people: peopleOfTable, sessions: sessionsOfTable, startAt, apartMs: 2 * 60 * minuteMs })
  await sleep(sealedAfterMs)
  const measure = async (format: 'csv' | 'xlsx') => {
    const before = await server.memory()
    let [most, bytes, done] = [before, 0, false]
    const begun = performance.now()
    const reading = (async () => {
      const answer = await ask(server, 'GET', `/v2/attendance?roomId=table&format=${format}&tz=Europe/Berlin`)
      for await (const chunk of answer.body ?? []) bytes += chunk.length
      done = true
    })()
    while (!done) {
      most = Math.max(most, await residentOf(server))
      await Promise.race([sleep(50), reading])
    }
    return { growth: (most - before) / 1e6, bytes, seconds: (performance.now() - begun) / 1000 }
  }
  // The first makes the heap as large as reading wants it.
  await measure('csv')
  const csv = await measure('csv')
  const xlsx = await measure('xlsx')
  const rows = peopleOfTable * sessionsOfTable
  const of = `${store}: ${rows.toLocaleString('en')} rows as a workbook of ${(xlsx.bytes / 1e6).toFixed(1)} MB`
  return [
    {
      what: `${of}: growth of the server’s memory`,
      value: xlsx.growth,
      unit: 'MB',
      beside: { what: `as CSV of ${(csv.bytes / 1e6).toFixed(1)} MB`, value: csv.growth },
    },
    { what: 'the same: rows', value: rows / xlsx.seconds, beside: { what: 'as CSV', value: rows / csv.seconds } },
    {
      what: 'a workbook of as many rows from memory: growth',
      value: await growthOfWriter(rows),
      unit: 'MB',
      target: '≤ 60 MB',
    },
  ]
}

/** What writing alone takes, in a process of its own. */
async function growthOfWriter(rows: number): Promise<number> {
  const child = fork(join(import.meta.dirname, 'workbook.ts'), [String(rows)], { execArgv: ['--expose-gc'] })
  return nextMessage<number>(child)
}

async function residentOf({ url }: ForkedServer): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1])
}

type Course = { people: number; sessions: number; startAt: number; apartMs?: number }

/** Sessions in which everybody comes a little later than the one before, and some go early. */
async function fill(server: ForkedServer, roomId: string, { people, sessions, startAt, apartMs = dayMs }: Course) {
  let events: object[] = []
  const flush = async () => {
    await ask(server, 'POST', '/v2/events', { events })
    events = []
  }
  for (let session = 0; session < sessions; session++) {
    const at = startAt + session * apartMs
    const about = { roomId, sessionKey: `${roomId} ${session}` }
    for (let n = 0; n < people; n++) {
      const who = { ...about, participantId: `p${n}`, connectionId: `c${n}`, name: `Person ${n}` }
      const [joinedAt, leftAt] = [at + n * 2000, at + 60 * minuteMs - ((n * 7919) % 600_000)]
      const id = `${roomId} ${session} ${n}`
      events.push(
        { ...who, id: `${id} in`, type: 'participant-joined', at: joinedAt },
        {
          ...about,
          participantId: who.participantId,
          connectionId: who.connectionId,
          id: `${id} out`,
          type: 'participant-left',
          at: leftAt,
        },
      )
      if (events.length >= eventsPerCall) await flush()
    }
    events.push({ ...about, id: `${roomId} ${session} end`, type: 'session-ended', at: at + 61 * minuteMs })
  }
  if (events.length > 0) await flush()
}

async function ask({ url, token }: ForkedServer, method: string, path: string, body?: object): Promise<Response> {
  const headers = { authorization: token, ...(body && { 'content-type': 'application/json' }) }
  const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status} ${await answer.text()}`)
  return answer
}
