import { readFileSync } from 'node:fs'
import { type ImportFormat, type ImportStep, importFormats } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import type { ImportOptions } from '../../imports/format.ts'
import { formats } from '../../imports/formats.ts'
import { type DateOrder, dateOrders } from '../../imports/local-time.ts'
import { quote } from '../../runtime/explain.ts'
import { onStore, requireEnabledKey } from '../command.ts'
import { startProgress } from '../progress.ts'
import { importOwnExport } from './own-export.ts'
import { importHere, importThere } from './where.ts'

/** What `rollcall export` writes: it brings a key's record whole. */
const ownFormat = 'rollcall'

export const importFiles = onStore(
  'import',
  `Bring what another system recorded: ${Object.entries(formats)
    .map(([name, { title }]) => `${name}: ${title}`)
    .join('; ')}`,
  {
    format: { type: 'positional', description: [...importFormats, ownFormat].join(', '), required: true },
    file: { type: 'positional', description: 'The files, one or more', required: true },
    key: { type: 'string', description: 'The API key that it is to belong to; without it, the first that is enabled' },
    room: { type: 'string', description: 'The room, where the file names none' },
    tz: { type: 'string', description: 'The time zone of times which name none, such as Europe/Berlin' },
    'date-order': { type: 'string', description: 'What 03/04/2026 is, where no date shows it: dmy or mdy' },
    date: { type: 'string', description: 'The day of times which name none, such as 2026-03-01' },
    merged: { type: 'boolean', description: 'Take a row that adds up stays as one stay, marked so' },
  },
  async ({ _: [, ...files], format: given, key: apiKey, ...args }, store, config) => {
    if (given === ownFormat) return (await oneByOne(files, (file) => importOwnExport(file, store, config))).join('')
    const { reads } = store
    const key = await requireEnabledKey(reads, apiKey)
    const format = requireFormat(given)
    const options: ImportOptions = {
      room: args.room,
      tz: args.tz,
      dateOrder: requireDateOrder(args['date-order']),
      date: requireDate(args.date),
      merged: args.merged,
    }
    const take = (await importThere(store, key, format, options)) ?? importHere(store, key, format, options)
    return (await oneByOne(files, (file) => tell(file, take(readFile(file))))).join('')
  },
  { isVariadic: true },
)

async function oneByOne(files: string[], work: (file: string) => Promise<string>): Promise<string[]> {
  const outcomes: string[] = []
  for (const file of files) outcomes.push(await work(file))
  return outcomes
}

/** What was not taken goes to stderr as it comes; what became of the file is returned. */
async function tell(file: string, steps: AsyncIterable<ImportStep>): Promise<string> {
  const progress = startProgress('facts')
  for await (const step of steps) {
    if (step.type === 'progress') progress(step.done, step.all)
    else if (step.type === 'untaken') process.stderr.write(`${file}: ${step.where}: not taken: ${step.reason}\n`)
    else if (step.type === 'failed') throw new Refusal('BUSY', `${file}: ${step.reason}`)
    else {
      const { sessions, stays, recorded, duplicate, untaken } = step
      const before = recorded === 0 && duplicate > 0 ? '; all of it was here before' : ''
      return `${file}: ${sessions} sessions with ${stays} stays${before}; ${untaken} places not taken\n`
    }
  }
  throw new Refusal('BUSY', `${file}: the server ended before the file did. Import the same again: it goes on there`)
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Refusal('BAD_REQUEST', `${path} cannot be read: ${(error as Error).message}`)
  }
}

function requireFormat(text: string): ImportFormat {
  const format = importFormats.find((known) => known === text)
  if (format !== undefined) return format
  throw new Refusal(
    'BAD_REQUEST',
    `${quote(text)} is no format: it takes one of ${[...importFormats, ownFormat].join(', ')}`,
  )
}

function requireDateOrder(text: string | undefined): DateOrder | undefined {
  const order = dateOrders.find((known) => known === text)
  if (order !== undefined || text === undefined) return order
  throw new Refusal('BAD_REQUEST', `--date-order=${quote(text)} is not understood: it takes dmy or mdy`)
}

function requireDate(text: string | undefined): string | undefined {
  if (text === undefined || /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/.test(text)) return text
  throw new Refusal('BAD_REQUEST', `--date=${quote(text)} is not understood: it takes a day such as 2026-03-01`)
}
