import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { createWallClock, type WallClock } from '../../runtime/calendar/wall-clock.ts'
import { TimeZone } from '../reports/zone-query.ts'
import { byteOrderMark, type Separator, toCsvLine } from './csv.ts'
import { type Cell, writeWorkbook } from './workbook.ts'

export const types = {
  json: 'application/json',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
}
export type Format = keyof typeof types

/** How a table is written. */
export const TableQuery = Type.Object({
  separator: Type.Optional(
    Type.Union([Type.Literal('comma'), Type.Literal('semicolon'), Type.Literal('tab')], {
      description: 'comma, semicolon or tab',
      about:
        'What stands between the cells of CSV; without it, a comma. Spreadsheets of many languages want a semicolon.',
    }),
  ),
  bom: Type.Optional(
    Type.Boolean({
      description: 'true or false',
      about: 'Whether CSV begins with a byte order mark, by which spreadsheets know that it is UTF-8.',
    }),
  ),
})
/** The same, with whose clocks the times of a table are by. */
export const ZonedTableQuery = Type.Object({
  ...TableQuery.properties,
  tz: Type.Optional(
    TimeZone('By whose clocks CSV and XLSX have times, as their heads say; without it, XLSX by UTC, and CSV as JSON.'),
  ),
})
export type ZonedTableQuery = { separator?: Separator; bom?: boolean; tz?: string }

function formatQuery(otherwise: string) {
  return Type.Object({
    format: Type.Optional(
      Type.Union([Type.Literal('json'), Type.Literal('csv'), Type.Literal('xlsx')], {
        description: 'json, csv or xlsx',
        about: `The form of the answer; without it, ${otherwise}.`,
      }),
    ),
  })
}
/** Whether an answer is JSON or a table. */
export const JsonOrTableQuery = formatQuery('as `Accept` has it')
/** The same of lists, which are JSON to whoever does not ask by name: a table has all of their pages. */
export const FormatQuery = formatQuery('JSON; a table has all that is listed, page after page')

/** The forms of an answer, of which one is JSON. */
export function tableContent(json: object): { [type: string]: { schema: object } } {
  const lines = 'The names of the fields, then a line a row.'
  return {
    [types.json]: { schema: json },
    [types.csv]: { schema: Type.String({ description: lines }) },
    [types.xlsx]: { schema: Type.String({ format: 'binary', description: 'A workbook with the same table.' }) },
  }
}

/** What `Accept` asks for by name; JSON otherwise. */
export function acceptedFormat({ headers: { accept = '' } }: FastifyRequest): Format {
  return (Object.keys(types) as Format[]).find((format) => accept.includes(types[format])) ?? 'json'
}

/** `is`: what its values are: a text, a number, true or false, a time as ISO 8601, or seconds. Null is an empty cell. */
export type Column<Row> = {
  name: string
  is: 'text' | 'number' | 'flag' | 'time' | 'seconds'
  of: (row: Row) => string | number | boolean | null | undefined
}

const dayMs = 24 * 3600 * 1000

/** Which time a table is about, in epoch milliseconds; its rows reach no further beyond than so many days. Default: a month. */
export type TableSpan = { from: number; to: number; daysBeyond?: number }

/** `name`: of the file. */
export type Table<Row> = { name: string; columns: Column<Row>[]; pages: AsyncIterable<Row[]>; span: TableSpan }

/** The columns of rows whose fields are these, by the names that a schema gives them. */
export function columnsOf<Row extends object>(
  names: (keyof Row & string)[],
  kinds: { [name in keyof Row]?: Column<Row>['is'] },
): Column<Row>[] {
  return names.map((name) => ({ name, is: kinds[name] ?? 'text', of: (row) => row[name] as string }))
}

/** Sent as it is read. */
export function sendTable<Row>(
  reply: FastifyReply,
  format: 'csv' | 'xlsx',
  table: Table<Row>,
  { separator, bom = false, tz }: ZonedTableQuery,
): FastifyReply {
  const zone = tz ?? 'UTC'
  const isZoned = format === 'xlsx' || tz !== undefined
  const clock = isZoned ? createWallClock(zone) : undefined
  reply
    .type(format === 'csv' ? `${types.csv}; charset=utf-8` : types.xlsx)
    .header('vary', 'accept')
    .header('content-disposition', toDisposition(`${table.name}.${format}`))
  if (format === 'csv') return reply.send(Readable.from(writeCsv(table, clock, { separator, bom })))
  const columns = table.columns.map((column) => ({
    name: headOf(column, table, clock, true),
    width: widths[column.is],
  }))
  return reply.send(writeWorkbook(columns, toCells(table, clock ?? createWallClock(zone))))
}

const widths = { text: 24, number: 12, flag: 10, time: 20, seconds: 12 }

async function* writeCsv<Row>(
  table: Table<Row>,
  clock: WallClock | undefined,
  { separator, bom }: { separator: Separator | undefined; bom: boolean },
) {
  const { columns, pages } = table
  const head = columns.map((column) => headOf(column, table, clock, false))
  yield (bom ? byteOrderMark : '') + toCsvLine(head, separator)
  for await (const rows of pages) {
    const lines = rows.map((row) => {
      const cells = columns.map(({ is, of }) => {
        const value = of(row)
        return is === 'time' && clock !== undefined && typeof value === 'string'
          ? clock.write(Date.parse(value))
          : value
      })
      return toCsvLine(cells, separator)
    })
    yield lines.join('')
  }
}

async function* toCells<Row>({ columns, pages }: Table<Row>, clock: WallClock): AsyncGenerator<Cell[][]> {
  for await (const rows of pages) {
    yield rows.map((row) =>
      columns.map(({ is, of }): Cell => {
        const value = of(row) ?? null
        if (is === 'time' && typeof value === 'string') return { moment: clock.show(Date.parse(value)) }
        return is === 'seconds' && typeof value === 'number' ? { seconds: value } : value
      }),
    )
  }
}

/** A cell has no zone, so the head says which one. Of seconds that are shown as a duration it says that. */
function headOf<Row>(
  { name, is }: Column<Row>,
  { span }: Table<Row>,
  clock: WallClock | undefined,
  durations: boolean,
) {
  if (is === 'seconds' && durations) return name.replace(/seconds$/, 'duration').replace(/Seconds$/, 'Duration')
  if (is !== 'time' || clock === undefined) return name
  return `${name} (${zoneOf(clock, span)})`
}

/** Such as Europe/Berlin, UTC+01:00 and UTC+02:00. */
export function zoneOf(clock: WallClock, { from, to, daysBeyond = 31 }: TableSpan): string {
  const beyond = daysBeyond * dayMs
  const offsets = clock.offsets(from - beyond, to + beyond).join(' and ')
  return clock.timeZone === offsets ? offsets : `${clock.timeZone}, ${offsets}`
}

/** Saves under this name: in letters of any language, and in ASCII for whoever knows no others. */
export function toDisposition(name: string): string {
  const safe = name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-')
  const encoded = encodeURIComponent(safe.toWellFormed()).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${safe.replace(/[^\x20-\x7e]+/g, '_')}"; filename*=UTF-8''${encoded}`
}

/** Rows as one JSON object, as they come. */
export async function* writeJson(pages: AsyncIterable<object[]>) {
  yield '{"data":['
  let first = true
  for await (const rows of pages) {
    if (rows.length === 0) continue
    yield (first ? '' : ',') + rows.map((row) => JSON.stringify(row)).join(',')
    first = false
  }
  yield ']}'
}

export async function* writeNdjson(pages: AsyncIterable<object[]>) {
  for await (const rows of pages) yield rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}
