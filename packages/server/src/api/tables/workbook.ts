import { Readable } from 'node:stream'
import { ZipFile } from 'yazl'

// An XLSX file is a ZIP of a few XML files, of which one has the rows: it is written as they come. Of the kept writers some hold all
// rows in memory, and the ones that stream took twice what is allowed for 100,000 rows: see bench/RESULTS.md.

/** A moment: by the wall clock that the cell is to show, as if it were UTC's, in epoch milliseconds. */
export type Moment = { moment: number }
/** A time span, which is shown as hours, minutes and seconds. */
export type Duration = { seconds: number }
export type Cell = string | number | boolean | null | Moment | Duration

/** Most rows that a sheet may have; those beyond are in another one. */
const sheetRowsMax = 1_048_576
/** Longest text of a cell, in characters. */
const textMaxLength = 32_767
/** Rows that are made into text at once. */
const rowsTogether = 100

const dayMs = 24 * 3600 * 1000
/** Days that a workbook counts from its day 0 to 1970. */
const epochDays = 25_569
/** Places in `cellXfs`. */
const styles = { moment: 1, duration: 2, head: 3 }

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const related = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const packaged = 'http://schemas.openxmlformats.org/package/2006'
const typed = 'application/vnd.openxmlformats-officedocument.spreadsheetml'

/** A workbook of one table, as its bytes come: what it takes of memory does not depend on how many rows there are. */
export function writeWorkbook(columns: { name: string; width: number }[], pages: AsyncIterable<Cell[][]>): Readable {
  const zip = new ZipFile()
  const zipped = zip.outputStream as unknown as Readable
  const output = Readable.from(zipped, { objectMode: false })
  // What the output waits for, else it would wait on.
  const fail = (error: Error) => zipped.destroy(error)
  // It is written ahead of whoever sends it: an error that comes before they listen is told to them then, and ends no process.
  for (const stream of [zipped, output]) stream.on('error', () => {})
  const mtime = new Date(Date.UTC(2026, 0, 1))
  const add = (path: string, text: string) => zip.addBuffer(Buffer.from(head + text), path, { mtime })
  const rows = pages[Symbol.asyncIterator]()
  let sheets = 0

  // The sheets are as many as the rows ask for: what names them is written after them.
  const addSheet = () => {
    sheets += 1
    // No more is made ahead than what is zipped next.
    const sheet = Readable.from(writeSheet(columns, rows, addSheetOrEnd), { highWaterMark: 1 })
    sheet.on('error', fail)
    zip.addReadStream(sheet, `xl/worksheets/sheet${sheets}.xml`, { mtime })
  }
  const addSheetOrEnd = (isMore: boolean) => {
    if (isMore) return addSheet()
    const numbers = Array.from({ length: sheets }, (_, i) => i + 1)
    add('xl/workbook.xml', workbookOf(numbers))
    add('xl/_rels/workbook.xml.rels', workbookRels(numbers))
    add('xl/styles.xml', stylesText)
    add('_rels/.rels', rels([['officeDocument', 'xl/workbook.xml']]))
    add('[Content_Types].xml', contentTypes(numbers))
    zip.end()
  }
  addSheet()
  return output
}

async function* writeSheet(
  columns: { name: string; width: number }[],
  rows: AsyncIterator<Cell[][]>,
  whenDone: (isMore: boolean) => void,
): AsyncGenerator<string> {
  const widths = columns.map(({ width }, i) => `<col min="${i + 1}" max="${i + 1}" width="${width}" customWidth="1"/>`)
  const frozen = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
  const view = `<sheetViews><sheetView workbookViewId="0">${frozen}</sheetView></sheetViews>`
  yield `${head}<worksheet xmlns="${main}">${view}<cols>${widths.join('')}</cols><sheetData>`
  const letters = columns.map((_, i) => letterOf(i))
  let written = 0
  const toRow = (cells: (text: string) => string[]) => {
    written += 1
    return `<row r="${written}">${cells(String(written)).join('')}</row>`
  }
  yield toRow((n) => columns.map(({ name }, i) => toText(`${letters[i]}${n}`, name, styles.head)))
  for (;;) {
    const { value: page, done } = await rows.next()
    if (done) break
    for (let i = 0; i < page.length; i += rowsTogether) {
      const some = page.slice(i, i + rowsTogether)
      yield some.map((cells) => toRow((n) => cells.map((cell, at) => toCell(`${letters[at]}${n}`, cell)))).join('')
    }
    if (written > sheetRowsMax - maxPage) {
      yield '</sheetData></worksheet>'
      return whenDone(true)
    }
  }
  yield '</sheetData></worksheet>'
  whenDone(false)
}

/** Most rows of a page: a sheet ends where another one of these might not fit. */
const maxPage = 50_000

/** A, B, … Z, AA, … */
function letterOf(index: number): string {
  const last = String.fromCharCode(65 + (index % 26))
  return index < 26 ? last : letterOf(Math.floor(index / 26) - 1) + last
}

/** @param at its place, such as B7 */
function toCell(at: string, cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'string') return toText(at, cell)
  if (typeof cell === 'number') return `<c r="${at}"><v>${cell}</v></c>`
  if (typeof cell === 'boolean') return `<c r="${at}" t="b"><v>${Number(cell)}</v></c>`
  if ('moment' in cell) return `<c r="${at}" s="${styles.moment}"><v>${cell.moment / dayMs + epochDays}</v></c>`
  return `<c r="${at}" s="${styles.duration}"><v>${(cell.seconds * 1000) / dayMs}</v></c>`
}

function toText(at: string, text: string, style?: number): string {
  const styled = style === undefined ? '' : ` s="${style}"`
  const shown = toXml(text.slice(0, textMaxLength))
  return `<c r="${at}" t="inlineStr"${styled}><is><t xml:space="preserve">${shown}</t></is></c>`
}

const entities: { [character: string]: string } = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }

/** What XML cannot hold is replaced; `_x0041_` would be read as a letter. */
function toXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/_(?=x[0-9a-f]{4}_)/gi, '_x005F_')
    .replace(/[\p{Cc}--[\t\n\r]]|[\ufffe\uffff]/gv, '\ufffd')
    .replace(/[&<>\r]/g, (character) => entities[character] ?? '')
}

function workbookOf(numbers: number[]): string {
  const sheets = numbers.map((n) => `<sheet name="${n === 1 ? 'Table' : `Table ${n}`}" sheetId="${n}" r:id="rId${n}"/>`)
  return `<workbook xmlns="${main}" xmlns:r="${related}"><sheets>${sheets.join('')}</sheets></workbook>`
}

function workbookRels(numbers: number[]): string {
  return rels([
    ...numbers.map((n): [string, string] => ['worksheet', `worksheets/sheet${n}.xml`]),
    ['styles', 'styles.xml'],
  ])
}

function rels(targets: [kind: string, path: string][]): string {
  const list = targets.map(
    ([kind, path], i) => `<Relationship Id="rId${i + 1}" Type="${related}/${kind}" Target="${path}"/>`,
  )
  return `<Relationships xmlns="${packaged}/relationships">${list.join('')}</Relationships>`
}

function contentTypes(numbers: number[]): string {
  const parts: [string, string][] = [
    ['/xl/workbook.xml', `${typed}.sheet.main+xml`],
    ['/xl/styles.xml', `${typed}.styles+xml`],
    ...numbers.map((n): [string, string] => [`/xl/worksheets/sheet${n}.xml`, `${typed}.worksheet+xml`]),
  ]
  const list = parts.map(([path, type]) => `<Override PartName="${path}" ContentType="${type}"/>`)
  const relsType = 'application/vnd.openxmlformats-package.relationships+xml'
  const defaults = `<Default Extension="rels" ContentType="${relsType}"/><Default Extension="xml" ContentType="application/xml"/>`
  return `<Types xmlns="${packaged}/content-types">${defaults}${list.join('')}</Types>`
}

const formats =
  '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm:ss"/><numFmt numFmtId="165" formatCode="[h]:mm:ss"/></numFmts>'
const fonts =
  '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
const xf = (more: string) => `<xf borderId="0" fillId="0" xfId="0" ${more}/>`
const stylesText = `<styleSheet xmlns="${main}">${formats}${fonts}<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4">${xf('numFmtId="0" fontId="0"')}${xf('numFmtId="164" fontId="0" applyNumberFormat="1"')}${xf('numFmtId="165" fontId="0" applyNumberFormat="1"')}${xf('numFmtId="0" fontId="1" applyFont="1"')}</cellXfs></styleSheet>`
