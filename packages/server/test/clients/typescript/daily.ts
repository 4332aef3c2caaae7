// Daily's meetings as public TypeScript clients read them. Each function has the calls and the types of some of them.

const { DAILY_URL = '', DAILY_KEY = '', DAILY_COUNT = '', DAILY_MEETING = '' } = process.env

type Participant = {
  user_id: string | null
  participant_id: string
  user_name: string | null
  join_time: number
  duration: number
}
type Meeting = {
  id: string
  room: string
  start_time: number
  duration: number
  ongoing: boolean
  max_participants: number
  participants: Participant[]
}
type Page = { total_count: number; data: Meeting[] }

async function get<T>(path: string): Promise<T> {
  const headers = { authorization: `Bearer ${DAILY_KEY}`, 'content-type': 'application/json' }
  const answer = await fetch(`${DAILY_URL}${path}`, { headers })
  if (!answer.ok) throw new Error(`${path} is answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as T
}

function assert(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what)
  console.log(`ok ${what}`)
}

/** After an appointment: did both come, for more than half of the time that was booked? */
async function judgeBookings(): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  const { data } = await get<Page>(`/meetings?timeframe_start=${now - 10 * 86_400}&timeframe_end=${now}&limit=100`)
  const seconds = data
    .filter(({ ongoing }) => !ongoing)
    .map(({ participants }) => participants.map(({ duration }) => duration).reduce((sum, one) => sum + one, 0))
  assert(seconds.length === 100 && seconds.every((one) => one > 0), 'judges bookings')
}

/** In the handler of `meeting.ended`: the meeting by its id among the last of its room, its minutes by its people's. */
async function countMinutes(): Promise<void> {
  const { data = [] } = await get<Page>(`/meetings?room=${encodeURIComponent('my room')}&limit=10`)
  const meeting = data.find(({ id }) => id === DAILY_MEETING)
  const seconds = meeting?.participants.reduce((sum, one) => sum + (one.duration ?? 0), 0)
  assert(seconds === 600, 'counts minutes of lessons')
}

/** The newest session of a room, by a path with a slash; times become dates by a factor. */
async function checkAttendance(): Promise<void> {
  const page = await get<Page>(`/meetings/?room=my%20room`)
  const [{ participants, start_time } = { participants: [], start_time: 0 }] = page.data
  const names = new Map(
    participants.map((one) => [one.user_name ?? one.participant_id, new Date(one.join_time * 1000)]),
  )
  assert(names.size === 2 && [...names.values()].every((at) => at.getTime() >= start_time * 1000), 'checks attendance')
}

/** All of them, by the id of the last; then how many there should be. */
async function exportAll(): Promise<void> {
  const seen = new Set<string>()
  let total = 0
  for (let after = ''; ; after = `&starting_after=${[...seen].at(-1)}`) {
    const { total_count, data } = await get<Page>(`/meetings?limit=100&no_participants=true${after}`)
    for (const { id } of data) {
      if (seen.has(id)) throw new Error(`${id} came twice`)
      seen.add(id)
    }
    total = total_count
    if (data.length < 100) break
  }
  assert(seen.size === Number(DAILY_COUNT) && total === seen.size, 'exports each meeting once')
}

/** One meeting, and its people until there are no more, which is a 404. */
async function readOne(): Promise<void> {
  const meeting = await get<Omit<Meeting, 'participants'>>(`/meetings/${DAILY_MEETING}`)
  const people: Participant[] = []
  for (;;) {
    const after = people.length === 0 ? '' : `&joined_after=${people.at(-1)?.participant_id}`
    const page = await get<{ data: Participant[] }>(`/meetings/${DAILY_MEETING}/participants?limit=1${after}`).catch(
      (error: Error) => {
        if (error.message.includes('404')) return undefined
        throw error
      },
    )
    if (page === undefined) break
    people.push(...page.data)
  }
  assert(meeting.max_participants === 2 && people.length === 2, 'reads one meeting')
}

for (const run of [judgeBookings, countMinutes, checkAttendance, exportAll, readOne]) await run()
