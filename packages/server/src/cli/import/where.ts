import type { ImportFormat, ImportStep } from '@rollcall/protocol'
import { signToken } from '../../api/auth/token.ts'
import { Refusal } from '../../error.ts'
import type { ImportOptions } from '../../imports/format.ts'
import { recordImport } from '../../imports/imports.ts'
import { readImport } from '../../imports/read.ts'
import type { Store } from '../../record/open-store.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { Key } from '../../store/keys/key.ts'
import { findServer } from '../running-server.ts'

/** Takes one file. */
export type TakeFile = (bytes: Uint8Array) => AsyncIterable<ImportStep>

const tokenMs = 24 * 3_600_000

/**
 * Into the server that runs: it alone knows which pages and streams a record that changes concerns.
 * @returns undefined where none runs
 */
export async function importThere(
  { addresses }: Pick<Store, 'addresses'>,
  key: Key,
  format: ImportFormat,
  options: ImportOptions,
): Promise<TakeFile | undefined> {
  const server = await findServer(await addresses())
  if (server === undefined) return undefined
  const given = Object.entries({ format, ...options }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  const url = `${server}/v2/imports?${new URLSearchParams(given)}`
  return async function* (bytes) {
    const token = await signToken(key, { roles: ['crawler'] }, { now: systemClock.now(), lifetimeMs: tokenMs })
    const body = bytes as Uint8Array<ArrayBuffer>
    const answer = await fetch(url, { method: 'POST', headers: { authorization: token }, body })
    if (!answer.ok || answer.body === null) {
      const { error = answer.statusText } = (await answer.json()) as { error?: string }
      throw new Refusal('BAD_REQUEST', error)
    }
    let rest = ''
    for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield JSON.parse(line) as ImportStep
    }
  }
}

/** Into the record itself, on which no server runs. */
export function importHere(store: Store, { keyId }: Key, format: ImportFormat, options: ImportOptions): TakeFile {
  return async function* (bytes) {
    const clock = systemClock
    yield* recordImport(store, keyId, await readImport(bytes, { format, options }, clock.now()))
  }
}
