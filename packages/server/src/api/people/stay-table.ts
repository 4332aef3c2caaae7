import type { PersonSession } from '@rollcall/protocol'
import type { TimesOfSession } from '../../store/people/times.ts'
import { columnsOf, type Table } from '../tables/table.ts'

/** A time inside. */
type Stay = Omit<PersonSession, 'stays'>

const columns = columnsOf<Stay>(
  ['sessionId', 'roomId', 'customRoomId', 'participantId', 'name', 'start', 'end', 'seconds'],
  { start: 'time', end: 'time', seconds: 'seconds' },
)

/** Sessions that are shown at once. */
const sessionsTogether = 100

/** Every time inside of a person, a row each. @param show gives sessions with their times in them, without those that are gone */
export function toStayTable(
  name: string,
  sessions: TimesOfSession[],
  { show, now }: { show: (some: TimesOfSession[]) => Promise<PersonSession[]>; now: number },
): Table<Stay> {
  const starts = sessions.map(({ session }) => session.startAt)
  const span = { from: Math.min(now, ...starts.slice(-1)), to: Math.max(...starts.slice(0, 1), 0) }
  return { name: `${name} stays`, columns, pages: pages(), span }

  async function* pages(): AsyncGenerator<Stay[]> {
    for (let i = 0; i < sessions.length; i += sessionsTogether) {
      for (const { stays, ...about } of await show(sessions.slice(i, i + sessionsTogether))) {
        yield stays.map(({ start, end }) => ({ ...about, start, end, seconds: secondsOf(start, end) }))
      }
    }
  }

  function secondsOf(start: string, end: string | null): number {
    return Math.max(0, (end === null ? now : Date.parse(end)) - Date.parse(start)) / 1000
  }
}
