import type { ImportFormat, ImportReport, ImportStep } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { placeFacts } from '../record/facts/rooms-of-facts.ts'
import { type PlacedFact, toFacts } from './facts.ts'
import type { ImportedSession, ImportedStay, ImportOptions, Untaken } from './format.ts'
import { formats } from './formats.ts'

/** Facts that are recorded at a time. */
const batchMax = 1000
/** A time that lies further ahead than this, in milliseconds, cannot be: its day or its zone is wrong. */
const aheadMaxMs = 5 * 60_000
/** The earliest time that is taken, in epoch milliseconds: before it nobody met in a room like these. */
const earliestAt = Date.UTC(1990, 0, 1)

type Parts = Pick<Context, 'known' | 'record'>

/** A file that was read: how much is in it, and then what, some at a time. */
export type ReadFile = {
  counts: { sessions: number; stays: number; facts: number; untaken: number }
  /** First what is not taken, then the facts; undefined at the end. */
  next(): Promise<{ untaken: Untaken[] } | { facts: PlacedFact[] } | undefined>
}

/** What to import, of which key. */
export type Import = { keyId: number; format: ImportFormat; options: ImportOptions }

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

/**
 * Records what a file tells, batch by batch, and tells how far it is. Where it ends in the middle, by a crash too, the same import
 * again goes on: what was recorded is known by its ids.
 */
export async function* recordImport(
  { known, record }: Parts,
  keyId: number,
  file: ReadFile,
): AsyncGenerator<ImportStep> {
  const { sessions, stays, facts: all, untaken } = file.counts
  const report: ImportReport = { type: 'report', sessions, stays, recorded: 0, duplicate: 0, untaken }
  let done = 0
  for (let some = await file.next(); some !== undefined; some = await file.next()) {
    if ('untaken' in some) for (const one of some.untaken) yield { type: 'untaken', ...one }
    else {
      yield { type: 'progress', done, all }
      yield* recordBatch(some.facts)
      done += some.facts.length
    }
  }
  yield report

  async function* recordBatch(batch: PlacedFact[]): AsyncGenerator<ImportStep> {
    const placed = await placeFacts(
      known.roomIds,
      keyId,
      batch.map(({ fact }) => fact),
    )
    const recorded = await record(keyId, placed.facts, { newRooms: placed.newRooms })
    for (const [i, { outcome, reason = outcome }] of recorded.entries()) {
      if (outcome === 'duplicate') report.duplicate += 1
      else if (outcome === 'recorded' || outcome === 'waiting') report.recorded += 1
      else {
        report.untaken += 1
        yield { type: 'untaken', where: batch[i]?.where ?? '', reason }
      }
    }
  }
}

/** What an import says where it can go no further, in words that its caller may read. */
export function toFailure(error: unknown): ImportStep {
  const why = error instanceof Refusal ? error.message : 'Something went wrong on the server'
  return { type: 'failed', reason: `${why}. Import the same again: it goes on where it stopped` }
}

function whyImpossible({ joinedAt, leftAt = joinedAt }: ImportedStay, now: number): string | undefined {
  if (leftAt < joinedAt) return 'it ends before it begins'
  if (leftAt > now + aheadMaxMs) return 'it is in the future: are the time zone and the order of the date right?'
  return joinedAt < earliestAt ? 'it is before 1990: is the order of the date right?' : undefined
}
