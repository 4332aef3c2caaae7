import type { ImportFormat, ImportStep } from '@rollcall/protocol'
import type { Api } from './api.ts'
import { RollcallError } from './error.ts'

/** Whose file it is, and what it does not say itself. */
export type ImportOptions = {
  format: ImportFormat
  /** The name of the room, where the file names none. */
  room?: string | undefined
  /** An IANA time zone: that of times which name none. */
  tz?: string | undefined
  /** What 03/04/2026 is, where no date of the file shows it. */
  dateOrder?: 'dmy' | 'mdy' | undefined
  /** The day, such as 2026-03-01, of times which name none. */
  date?: string | undefined
  /** Takes a row that adds up somebody's stays as one stay, marked so. */
  merged?: boolean | undefined
  /** Ends it when it is aborted: what is recorded by then stays. */
  signal?: AbortSignal
}

/** Sends a file, and gives line by line what becomes of it. */
export async function* importFile(
  api: Pick<Api, 'open'>,
  file: Blob | string,
  { signal = new AbortController().signal, merged, ...query }: ImportOptions,
): AsyncGenerator<ImportStep, void, undefined> {
  const given = { ...query, merged: merged === true ? 'true' : undefined }
  const response = await api.open('/v2/imports', given, signal, file)
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { value, done } = (await reader?.read().catch(toBroken)) ?? { done: true }
    if (done) break
    const lines = (text + value).split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line)
  }
}

function toBroken(cause: unknown): never {
  throw new RollcallError('the import broke off. Import the same again: it goes on where it stopped', {
    code: 'UNREACHABLE',
    cause,
  })
}
