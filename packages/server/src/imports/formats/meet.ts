import { Refusal } from '../../error.ts'
import type { Format, ImportedStay, Untaken } from '../format.ts'
import { createTimeOfDayReader, createTimeReader, parseLength, type ReadTime } from '../local-time.ts'
import { toSummedStay } from '../merged.ts'
import { idOf } from '../people.ts'
import { toSession } from '../sessions.ts'
import { type Columns, cellOf, columnsOf, placeOf, type Row, readRows } from '../table.ts'

/** Google Meet's attendance report: a row a person, with the time of day of their first join and last exit, mostly without a date. */
export const meet: Format = {
  title: 'Google Meet: the attendance report of a meeting (CSV)',
  async read(bytes, options) {
    const { title, header, people } = findTable(await readRows(bytes))
    const room = options.room ?? title
    if (room === undefined) {
      throw new Refusal('BAD_REQUEST', 'The file does not say which meeting it is of: say room (--room)')
    }
    const readTime = createReader(people, header, options)
    const stays: ImportedStay[] = []
    const untaken: Untaken[] = []
    for (const row of people) {
      const stay = readRow(row, header, readTime)
      const insideMs = parseLength(cellOf(row, header, 'duration'))
      const taken = typeof stay === 'string' ? stay : toSummedStay(stay, insideMs, options.merged)
      if (typeof taken === 'string') untaken.push({ where: placeOf(row), reason: taken })
      else stays.push(taken)
    }
    return { sessions: toSession({ room, stays }), untaken }
  },
}

function findTable(rows: Row[]): { title: string | undefined; header: Columns; people: Row[] } {
  let title: string | undefined
  for (const [i, row] of rows.entries()) {
    const header = columnsOf(row.cells)
    if ('time joined' in header && 'time exited' in header) return { title, header, people: rows.slice(i + 1) }
    const below = rows[i + 1]
    if ('meeting title' in header && below !== undefined) title = cellOf(below, header, 'meeting title') ?? title
  }
  throw new Refusal(
    'BAD_REQUEST',
    'The file has no table with Time joined and Time exited: it is no attendance report of Google Meet',
  )
}

function createReader(
  people: Row[],
  header: Columns,
  {
    date,
    tz,
    dateOrder,
  }: { date?: string | undefined; tz?: string | undefined; dateOrder?: 'dmy' | 'mdy' | undefined },
): ReadTime {
  const texts = people.flatMap((row) => [cellOf(row, header, 'time joined'), cellOf(row, header, 'time exited')])
  const hasDates = texts.some((text) => /\d[-/.]\d|\d{4}/.test(text ?? ''))
  if (hasDates) return createTimeReader(texts, { tz, dateOrder })
  if (date !== undefined) return createTimeOfDayReader(date, tz)
  throw new Refusal(
    'BAD_REQUEST',
    'The file has times of a day and does not say which: say date (--date), such as 2026-03-01',
  )
}

function readRow(row: Row, header: Columns, readTime: ReadTime): (ImportedStay & { leftAt: number }) | string {
  const parts = [cellOf(row, header, 'first name'), cellOf(row, header, 'last name')].filter(
    (part) => part !== undefined,
  )
  const name = cellOf(row, header, 'name') ?? (parts.length === 0 ? undefined : parts.join(' '))
  const participantId = idOf(cellOf(row, header, 'email'), name)
  const joinedAt = readTime(cellOf(row, header, 'time joined'))
  const leftAt = readTime(cellOf(row, header, 'time exited'), joinedAt)
  if (participantId === undefined) return 'it has neither a name nor an address'
  if (joinedAt === undefined || leftAt === undefined) return 'it has no times that can be read'
  return { where: placeOf(row), participantId, name, joinedAt, leftAt }
}
