import { toFacts } from './facts.ts'
import type { ImportedSession, ImportedStay } from './format.ts'
import { formats } from './formats.ts'
import { batchMax, type Import, type ReadFile } from './imports.ts'

/** A time that lies further ahead than this, in milliseconds, cannot be: its day or its zone is wrong. */
const aheadMaxMs = 5 * 60_000
/** The earliest time that is taken, in epoch milliseconds: before it nobody met in a room like these. */
const earliestAt = Date.UTC(1990, 0, 1)

/**
 * Reads a whole file. Throws a `Refusal` that says what to do where it cannot be read, or leaves open what is not to be guessed.
 */
export async function readImport(
  bytes: Uint8Array,
  { format, options }: Omit<Import, 'keyId'>,
  now: number,
): Promise<ReadFile> {
  const { sessions, untaken } = await formats[format].read(bytes, options)
  const possible: ImportedSession[] = []
  for (const session of sessions) {
    const stays: ImportedStay[] = []
    for (const stay of session.stays) {
      const reason = whyImpossible(stay, now)
      if (reason === undefined) stays.push(stay)
      else untaken.push({ where: stay.where, reason })
    }
    if (stays.length > 0 || session.stays.length === 0) possible.push({ ...session, stays })
  }
  const facts = possible.flatMap((session) => toFacts(session, format, now))
  const stays = possible.reduce((sum, one) => sum + one.stays.length, 0)
  return {
    counts: { sessions: possible.length, stays, facts: facts.length, untaken: untaken.length },
    async next() {
      if (untaken.length > 0) return { untaken: untaken.splice(0, batchMax) }
      return facts.length > 0 ? { facts: facts.splice(0, batchMax) } : undefined
    },
  }
}

function whyImpossible({ joinedAt, leftAt = joinedAt }: ImportedStay, now: number): string | undefined {
  if (leftAt < joinedAt) return 'it ends before it begins'
  if (leftAt > now + aheadMaxMs) return 'it is in the future: are the time zone and the order of the date right?'
  return joinedAt < earliestAt ? 'it is before 1990: is the order of the date right?' : undefined
}
