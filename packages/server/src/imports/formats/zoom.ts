import { Refusal } from '../../error.ts'
import type { Format, ImportedStay, Untaken } from '../format.ts'
import { createTimeReader, type ReadTime } from '../local-time.ts'
import { idOf, withoutOriginalName } from '../people.ts'
import { toSession } from '../sessions.ts'
import { type Columns, cellOf, columnsOf, placeOf, type Row, readRows } from '../table.ts'

type Meeting = { id?: string | undefined; startTime?: string | undefined; endTime?: string | undefined }
type Person = { row: Row; columns: Columns }

/**
 * Zoom's report of a meeting's participants, a row a join, and a webinar's report of attendees, which has several tables. What comes
 * before them differs by year and by account, so the tables are found by the names in their headers.
 */
export const zoom: Format = {
  title: 'Zoom: the participants of a meeting, or the attendees of a webinar (CSV)',
  async read(bytes, options) {
    const { meeting, people } = findTables(await readRows(bytes))
    const room = options.room ?? meeting.id
    if (room === undefined) {
      throw new Refusal(
        'BAD_REQUEST',
        'The file does not say which meeting it is of: export it with meeting data, or say room (--room)',
      )
    }
    const texts = people.flatMap((one) => [timeOf(one, 'join'), timeOf(one, 'leave')])
    const readTime = createTimeReader([meeting.startTime, meeting.endTime, ...texts], options)
    const { stays, untaken } = readPeople(people, readTime)
    const startAt = readTime(meeting.startTime)
    const endAt = readTime(meeting.endTime, startAt)
    return { sessions: toSession({ room, startAt, endAt, stays }), untaken }
  },
}

function findTables(rows: Row[]): { meeting: Meeting; people: Person[] } {
  let meeting: Meeting = {}
  let columns: Columns | undefined
  const people: Person[] = []
  for (const [i, row] of rows.entries()) {
    const header = columnsOf(row.cells)
    const hasName = 'name' in header || 'user name' in header
    if (hasName && 'total duration' in header && !('join time' in header)) {
      throw new Refusal(
        'BAD_REQUEST',
        'The file has how long each person was there in all, and no times: export it again with "Show unique users" off',
      )
    }
    if (hasName && 'join time' in header) columns = header
    else if ('topic' in header && row.cells.length > 2) meeting = readMeeting(rows[i + 1], header)
    // A title, such as "Attendee Details", ends the table before it.
    else if (row.cells.filter((cell) => cell !== '').length === 1) columns = undefined
    else if (columns !== undefined) people.push({ row, columns })
  }
  if (people.length > 0 || columns !== undefined) return { meeting, people }
  throw new Refusal(
    'BAD_REQUEST',
    'The file has no table with Name and Join Time: it is no participants report of Zoom',
  )
}

function readMeeting(row: Row | undefined, header: Columns): Meeting {
  if (row === undefined) return {}
  return {
    id: cellOf(row, header, 'meeting id', 'webinar id', 'id')?.replaceAll(/[\s-]/g, ''),
    startTime: cellOf(row, header, 'start time', 'actual start time'),
    endTime: cellOf(row, header, 'end time', 'actual end time'),
  }
}

/** `--` stands for what a webinar has not. */
function timeOf({ row, columns }: Person, which: 'join' | 'leave'): string | undefined {
  const text = cellOf(row, columns, `${which} time`)
  return text === '--' ? undefined : text
}

function readPeople(people: Person[], readTime: ReadTime): { stays: ImportedStay[]; untaken: Untaken[] } {
  const stays: ImportedStay[] = []
  const untaken: Untaken[] = []
  for (const person of people) {
    const { row, columns } = person
    const where = placeOf(row)
    const refuse = (reason: string) => untaken.push({ where, reason })
    const given = cellOf(row, columns, 'name', 'user name')
    const name = withoutOriginalName(given)
    const participantId = idOf(cellOf(row, columns, 'user email', 'email'), given)
    const joinedAt = readTime(timeOf(person, 'join'))
    const leftAt = readTime(timeOf(person, 'leave'), joinedAt)
    if (cellOf(row, columns, 'attended')?.toLowerCase() === 'no') refuse('they registered, and did not come')
    else if (cellOf(row, columns, 'in waiting room')?.toLowerCase() === 'yes') refuse('they were in the waiting room')
    else if (participantId === undefined) refuse('it has neither a name nor an address')
    else if (joinedAt === undefined || leftAt === undefined) refuse('it has no times that can be read')
    else stays.push({ where, participantId, name, joinedAt, leftAt })
  }
  return { stays, untaken }
}
