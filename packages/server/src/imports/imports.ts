import type { ImportFormat, ImportReport, ImportStep } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { placeFacts } from '../record/facts/rooms-of-facts.ts'
import type { PlacedFact } from './facts.ts'
import type { ImportOptions, Untaken } from './format.ts'

/** Facts that are recorded at a time. */
export const batchMax = 1000

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
