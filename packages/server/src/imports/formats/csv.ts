import { Refusal } from '../../error.ts'
import type { Format, ImportedSession, ImportedStay, Untaken } from '../format.ts'
import { createTimeReader } from '../local-time.ts'
import { splitSessions } from '../sessions.ts'
import { type Columns, cellOf, columnsOf, placeOf, readRows } from '../table.ts'

const required = ['person', 'joined', 'left']

/** A table of stays, a row each: `room,person,name,joined,left`, in any order, and perhaps `session`, which tells those of a room apart. */
export const csv: Format = {
  title: 'A table with the columns room, person, name, joined and left (CSV)',
  async read(bytes, options) {
    const [first, ...rows] = await readRows(bytes)
    const header: Columns = first === undefined ? {} : columnsOf(first.cells)
    const missing = [...required, ...(options.room === undefined ? ['room'] : [])].filter((name) => !(name in header))
    if (missing.length > 0) {
      throw new Refusal(
        'BAD_REQUEST',
        `The first line of the file has to name its columns: there is no ${missing.join(', ')}`,
      )
    }
    const texts = rows.flatMap((row) => [cellOf(row, header, 'joined'), cellOf(row, header, 'left')])
    const readTime = createTimeReader(texts, options)
    const untaken: Untaken[] = []
    const stays: InRoom[] = []
    for (const row of rows) {
      const where = placeOf(row)
      const room = cellOf(row, header, 'room') ?? options.room
      const participantId = cellOf(row, header, 'person')
      const joinedAt = readTime(cellOf(row, header, 'joined'))
      const leftAt = readTime(cellOf(row, header, 'left'), joinedAt)
      if (room === undefined || participantId === undefined) {
        untaken.push({ where, reason: 'it has no room or no person' })
      } else if (joinedAt === undefined || leftAt === undefined) {
        untaken.push({ where, reason: 'it has no times that can be read' })
      } else {
        const stay = { where, participantId, name: cellOf(row, header, 'name'), joinedAt, leftAt }
        stays.push({ room, session: cellOf(row, header, 'session'), stay })
      }
    }
    const sessions = [...Map.groupBy(stays, ({ room }) => room)].flatMap(([room, ofRoom]) => sessionsOf(room, ofRoom))
    return { sessions, untaken }
  },
}

type InRoom = { room: string; session: string | undefined; stay: ImportedStay }

function sessionsOf(room: string, stays: InRoom[]): ImportedSession[] {
  return [...Map.groupBy(stays, ({ session }) => session)].flatMap(([session, ofSession]) => {
    const told = ofSession.map(({ stay }) => stay)
    return session === undefined ? splitSessions(room, told) : [{ room, key: `${room} ${session}`, stays: told }]
  })
}
