import { readFileSync } from 'node:fs'
import { type ImportFormat, type ImportReport, type ImportStep, importFormats } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import type { ImportOptions } from '../../imports/format.ts'
import { type DateOrder, dateOrders } from '../../imports/format.ts'
import { formats } from '../../imports/formats.ts'
import { quote } from '../../runtime/explain.ts'
import { onStore, requireEnabledKey } from '../command.ts'
import { startProgress } from '../progress.ts'
import { readSecrets } from '../secret-input.ts'
import { addReports, fetchAccount } from './account.ts'
import { importOwnExport } from './own-export.ts'
import { importHere, importThere, type TakeFile } from './where.ts'

/** What `rollcall export` writes: it brings a key's record whole. */
const ownFormat = 'rollcall'

export const importFiles = onStore(
  'import',
  `Bring what another system recorded: ${Object.entries(formats)
    .map(([name, { title }]) => `${name}: ${title}`)
    .join('; ')}`,
  {
    format: { type: 'positional', description: [...importFormats, ownFormat].join(', '), required: true },
    file: {
      type: 'positional',
      description:
        'The files, one or more; or of VideoSDK its address, such as https://api.videosdk.live, for all sessions of an account',
      required: true,
    },
    key: { type: 'string', description: 'The API key that it is to belong to; without it, the first that is enabled' },
    room: { type: 'string', description: 'The room, where the file names none' },
    tz: { type: 'string', description: 'The time zone of times which name none, such as Europe/Berlin' },
    'date-order': { type: 'string', description: 'What 03/04/2026 is, where no date shows it: dmy or mdy' },
    date: { type: 'string', description: 'The day of times which name none, such as 2026-03-01' },
    token: { type: 'string', description: 'Of the account at an address: a token; -: it is read from stdin' },
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
    const { token } = readSecrets({ token: args.token })
    return (
      await oneByOne(files, (file) =>
        isAddress(file) ? takeAccount(file, { format, token, take }) : tell(file, take(readFile(file))),
      )
    ).join('')
  },
  { isVariadic: true },
)

async function oneByOne(files: string[], work: (file: string) => Promise<string>): Promise<string[]> {
  const outcomes: string[] = []
  for (const file of files) outcomes.push(await work(file))
  return outcomes
}

async function tell(file: string, steps: AsyncIterable<ImportStep>): Promise<string> {
  return describe(file, await follow(file, steps, startProgress('facts')))
}

/** Page after page: what was taken is taken where it is broken off. */
async function takeAccount(
  url: string,
  { format, token, take }: { format: ImportFormat; token: string | undefined; take: TakeFile },
): Promise<string> {
  if (format !== 'videosdk') {
    throw new Refusal('BAD_REQUEST', `of ${format} files are taken: an address is taken of videosdk alone`)
  }
  const progress = startProgress('sessions')
  let report: ImportReport = { type: 'report', sessions: 0, stays: 0, recorded: 0, duplicate: 0, untaken: 0 }
  for await (const { bytes, done, all } of fetchAccount(url, token)) {
    report = addReports(report, await follow(url, take(bytes), () => {}))
    progress(done, all)
  }
  return describe(url, report)
}

/** What was not taken goes to stderr as it comes; what became of all is returned. */
async function follow(
  file: string,
  steps: AsyncIterable<ImportStep>,
  progress: (done: number, all: number) => void,
): Promise<ImportReport> {
  for await (const step of steps) {
    if (step.type === 'progress') progress(step.done, step.all)
    else if (step.type === 'untaken') process.stderr.write(`${file}: ${step.where}: not taken: ${step.reason}\n`)
    else if (step.type === 'failed') throw new Refusal('BUSY', `${file}: ${step.reason}`)
    else return step
  }
  throw new Refusal('BUSY', `${file}: the server ended before the file did. Import the same again: it goes on there`)
}

function describe(file: string, { sessions, stays, recorded, duplicate, untaken }: ImportReport): string {
  const before = recorded === 0 && duplicate > 0 ? '; all of it was here before' : ''
  return `${file}: ${sessions} sessions with ${stays} stays${before}; ${untaken} places not taken\n`
}

function isAddress(file: string): boolean {
  return /^https?:\/\//.test(file)
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
