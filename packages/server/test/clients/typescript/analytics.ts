// LiveKit's Analytics API as public TypeScript clients read it. Each function has the calls and the types of one of them.

const { ANALYTICS_URL = '', ANALYTICS_TOKEN = '', ANALYTICS_SESSION = '', ANALYTICS_COUNT = '' } = process.env

type Query = { [name: string]: string | number }

async function get<T>(path: string, query: Query = {}): Promise<T> {
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))
  const headers = { authorization: `Bearer ${ANALYTICS_TOKEN}`, 'content-type': 'application/json' }
  const answer = await fetch(`${ANALYTICS_URL}${path}?${search}`, { headers, redirect: 'error' })
  if (!answer.ok) throw new Error(`${path} is answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as T
}

const dayOf = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10)

function assert(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what)
  console.log(`ok ${what}`)
}

type Listed = {
  sessionId: string
  roomName: string
  createdAt: string
  endedAt?: string
  lastActive: string
  bandwidthIn: string
  bandwidthOut: string
}

/** Bills a session in the handler of `room_finished`: minutes and bytes are texts. */
async function billOne(): Promise<void> {
  const session = await get<{ roomName: string; startTime: string; endTime: string } & Query>(`/${ANALYTICS_SESSION}`, {
    v: 2,
  })
  const { bandwidth, connectionMinutes } = session
  assert(typeof bandwidth === 'string' && typeof connectionMinutes === 'string', 'bills by texts of digits')
  assert(Number(connectionMinutes) * 60_000 > 0 && Date.parse(session.endTime) > Date.parse(session.startTime), 'bills')
}

/** Pages from yesterday on until one is empty; what has no `endedAt` lasts until it was last active. */
async function billDays(): Promise<void> {
  let [count, bytes, running] = [0, 0, 0]
  for (let page = 0; ; page++) {
    const { sessions = [] } = await get<{ sessions?: Listed[] }>('', { start: dayOf(-10), page, limit: 100 })
    if (sessions.length === 0) break
    for (const one of sessions) {
      const [workspace] = one.roomName.split('_')
      const end = one.endedAt !== undefined ? one.endedAt : one.lastActive
      if (workspace === '' || !(Date.parse(end) > Date.parse(one.createdAt))) throw new Error(JSON.stringify(one))
      count += 1
      bytes += Number(one.bandwidthIn) + Number(one.bandwidthOut)
      running += Number(one.endedAt === undefined)
    }
  }
  assert(count === Number(ANALYTICS_COUNT) && bytes === 0 && running === 1, 'pages until one is empty')
}

/** Collects what was spent in a week: ids once, minutes as numbers, five details at a time. */
async function collectSpend(): Promise<void> {
  const seen = new Set<string>()
  for (let page = 0; page <= 10; page++) {
    const query = { start: dayOf(-6), end: dayOf(0), limit: 100, page }
    const { sessions } = await get<{ sessions: Listed[] }>('', query)
    for (const { sessionId } of sessions) {
      if (sessionId === '' || seen.has(sessionId)) throw new Error(`${sessionId} came twice`)
      seen.add(sessionId)
    }
    if (sessions.length < 100) break
  }
  const some = [...seen].slice(0, 20)
  for (let i = 0; i < some.length; i += 5) {
    const details = some.slice(i, i + 5).map((id) => get<{ connectionMinutes: unknown; endTime?: unknown }>(`/${id}`))
    for (const { connectionMinutes, endTime } of await Promise.all(details)) {
      const isMinutes =
        typeof connectionMinutes === 'number' && Number.isFinite(connectionMinutes) && connectionMinutes >= 0
      if (!isMinutes || !['string', 'undefined'].includes(typeof endTime)) throw new Error(String(connectionMinutes))
    }
  }
  assert(seen.size === Number(ANALYTICS_COUNT), 'collects each session once')
}

/** Adds up bytes, of either type, and whatever is called bandwidth. */
async function sumBytes(): Promise<void> {
  let sum = 0
  for (let page = 0; page <= 4; page++) {
    const query = { start: dayOf(-6), end: dayOf(0), page, limit: 100 }
    const { sessions } = await get<{ sessions: (Listed & { bandwidth?: string | number })[] }>('', query)
    for (const one of sessions) sum += Number(one.bandwidthIn) + Number(one.bandwidthOut) + Number(one.bandwidth ?? 0)
    if (sessions.length < 100) break
  }
  assert(sum === 0, 'sums up bytes')
}

/** Shows whether a provider works, by its newest sessions. */
async function showStatus(): Promise<void> {
  const query = { start: dayOf(-7), end: dayOf(0), page: 0, limit: 100 }
  const { sessions } = await get<{ sessions: Listed[] }>('', query)
  assert(sessions.length === 100 && sessions.every(({ createdAt }) => Date.parse(createdAt) > 0), 'shows a status')
}

/** Seconds of each identity in a room. */
async function sumPeople(): Promise<void> {
  type Connection = { joinedAt: string; leftAt: string }
  type Person = { participantIdentity: string; sessions?: Connection[] } & Connection
  const query = { start: dayOf(-6), end: dayOf(0), page: 0, limit: 100 }
  const { sessions } = await get<{ sessions: Listed[] }>('', query)
  const seconds: { [identity: string]: number } = {}
  for (const { sessionId } of sessions.filter(({ roomName }) => roomName === 'alpha_beta')) {
    const { participants } = await get<{ participants: Person[] }>(`/${sessionId}`)
    for (const { participantIdentity, sessions, ...whole } of participants) {
      for (const { joinedAt, leftAt } of sessions?.length ? sessions : [whole]) {
        const lasted = (Date.parse(leftAt) - Date.parse(joinedAt)) / 1000
        seconds[participantIdentity] = (seconds[participantIdentity] ?? 0) + lasted
      }
    }
  }
  assert(Math.floor(seconds.ann ?? 0) === 74, 'sums up people')
}

for (const run of [billOne, billDays, collectSpend, sumBytes, showStatus, sumPeople]) await run()
