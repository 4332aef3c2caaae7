import { Refusal } from '../../error.ts'
import type { Format, ImportedStay, ImportOptions, Untaken } from '../format.ts'
import { createTimeReader, parseLength, type ReadTime } from '../local-time.ts'
import { toSummedStay } from '../merged.ts'
import { idOf } from '../people.ts'
import { toSession } from '../sessions.ts'
import { type Columns, cellOf, columnsOf, placeOf, type Row, readRows } from '../table.ts'

type Section = { title: string; rows: Row[] }
type Table = { header: Columns; rows: Row[] }

/**
 * Teams' attendance report: tables under `1. Summary`, `2. Participants` and `3. In-Meeting Activities`, with tabs between the cells. Titles
 * and headers are in the language of whoever exported it, so a table is known by its place, and a column by it where its name is not
 * English. The third has a row a stay; the second adds a person's stays up.
 */
export const teams: Format = {
  title: 'Microsoft Teams: the attendance report of a meeting (CSV)',
  async read(bytes, options) {
    const sections = findSections(await readRows(bytes, '\t'))
    const [summary, participants, activities] = ['1', '2', '3'].map((number) =>
      sections.find(({ title }) => title.startsWith(number)),
    )
    const stays = activities && toTable(activities)
    const table = stays ?? (participants && toTable(participants))
    if (table === undefined) {
      throw new Refusal('BAD_REQUEST', 'The file has no sections 1., 2. and 3.: it is no attendance report of Teams')
    }
    const about = summaryOf(summary)
    const room = options.room ?? about.title
    if (room === undefined) {
      throw new Refusal('BAD_REQUEST', 'The file does not say the title of its meeting: say room (--room)')
    }
    const readTime = createReader(table, about, options)
    const read = stays === undefined ? readSums(table, readTime, options) : readStays(table, readTime)
    const startAt = readTime(about.startTime)
    const endAt = readTime(about.endTime, startAt)
    return { sessions: toSession({ room, startAt, endAt, stays: read.stays }), untaken: read.untaken }
  },
}

function findSections(rows: Row[]): Section[] {
  const sections: Section[] = []
  for (const row of rows) {
    const [title = '', ...others] = row.cells
    if (/^\d\. /.test(title) && others.every((cell) => cell === '')) sections.push({ title, rows: [] })
    else sections.at(-1)?.rows.push(row)
  }
  return sections
}

/** Of each column its English name, or, where it has none, the one that has stood there. */
const places = {
  2: ['name', 'first join', 'last leave', 'duration', 'email'],
  3: ['name', 'join time', 'leave time', 'duration', 'email'],
}

function toTable({ title, rows }: Section): Table | undefined {
  const [first, ...others] = rows
  if (first === undefined) return undefined
  const named = columnsOf(first.cells)
  const isEnglish = 'name' in named && ('join time' in named || 'first join' in named)
  const byPlace = places[title.startsWith('2') ? 2 : 3]
  return { header: isEnglish ? named : Object.fromEntries(byPlace.map((name, i) => [name, i])), rows: others }
}

type About = { title?: string | undefined; startTime?: string | undefined; endTime?: string | undefined }

function summaryOf(section: Section | undefined): About {
  const values = new Map(section?.rows.map(({ cells: [name = '', value = ''] }) => [name.toLowerCase(), value]))
  const textUnder = (...names: string[]) => names.map((name) => values.get(name)).find((value) => value)
  const [first] = section?.rows ?? []
  return {
    // The first line in every language.
    title: textUnder('meeting title') ?? first?.cells[1],
    startTime: textUnder('start time', 'meeting start time'),
    endTime: textUnder('end time', 'meeting end time'),
  }
}

function createReader({ header, rows }: Table, { startTime, endTime }: About, options: ImportOptions): ReadTime {
  const texts = rows.flatMap((row) => [joinOf(row, header), leaveOf(row, header)])
  return createTimeReader([startTime, endTime, ...texts], options)
}

const joinOf = (row: Row, header: Columns) => cellOf(row, header, 'join time', 'first join')
const leaveOf = (row: Row, header: Columns) => cellOf(row, header, 'leave time', 'last leave')

type Read = { stays: ImportedStay[]; untaken: Untaken[] }

function readStays({ header, rows }: Table, readTime: ReadTime): Read {
  const read: Read = { stays: [], untaken: [] }
  for (const row of rows) {
    const stay = readRow(row, header, readTime)
    if (typeof stay === 'string') read.untaken.push({ where: placeOf(row), reason: stay })
    else read.stays.push(stay)
  }
  return read
}

/** A row a person: their first join, their last leave, and how long they were there. */
function readSums({ header, rows }: Table, readTime: ReadTime, { merged }: ImportOptions): Read {
  const read: Read = { stays: [], untaken: [] }
  for (const row of rows) {
    const stay = readRow(row, header, readTime)
    const insideMs = parseLength(cellOf(row, header, 'in-meeting duration', 'duration'))
    const taken = typeof stay === 'string' ? stay : toSummedStay(stay, insideMs, merged)
    if (typeof taken === 'string') read.untaken.push({ where: placeOf(row), reason: taken })
    else read.stays.push(taken)
  }
  return read
}

function readRow(row: Row, header: Columns, readTime: ReadTime): (ImportedStay & { leftAt: number }) | string {
  const name = cellOf(row, header, 'name')
  const participantId = idOf(cellOf(row, header, 'email', 'participant id'), name)
  const joinedAt = readTime(joinOf(row, header))
  const leftAt = readTime(leaveOf(row, header), joinedAt)
  if (participantId === undefined) return 'it has neither a name nor an address'
  if (joinedAt === undefined || leftAt === undefined) return 'it has no times that can be read'
  return { where: placeOf(row), participantId, name, joinedAt, leftAt }
}
