import { Refusal } from '../../error.ts'
import type { Commit } from '../../runtime/metrics.ts'
import type { Database } from '../../store/database/database.ts'
import type { Recorded } from '../facts/record.ts'
import { nameIn } from '../facts/rooms-of-facts.ts'
import { perform, type Write } from '../nouns.ts'
import { createTransact, type KeyedFacts, type Transaction, type TransactionParts } from '../transaction.ts'

/** `now`: the asker's time, epoch milliseconds; `since`: when it came here, by the monotonic clock, in milliseconds. */
export type BatchRequest = { n: number; write: Write; now: number; since?: number }
/** `recorded`: of a write that records facts what became of each; `value`: what any other write gives. */
export type BatchAnswer =
  | { n: number; recorded: Recorded[] }
  | { n: number; value: unknown }
  | { n: number; error: { message: string; code?: Refusal['code'] } }

/** The answers to one batch, and the transactions that it took. */
export type BatchAnswers = { answers: BatchAnswer[]; commits: Commit[] }

/** Most writes in one transaction: a bound on how long the first waits for the last. */
const writesMax = 1000

export type BatchOptions = {
  /** Called when the database says no for the moment: what waits is tried again, or refused. */
  unavailable?: (() => void) | undefined
  /** What is in one transaction is of one key, or of none. */
  isOfOneKey?: boolean
}

/**
 * Performs requests, as many in one transaction as wait for it: whatever arrives while one transaction commits goes into the
 * next, so that one write to the disk serves them all. Answers are given only after the commit.
 */
export function createBatch(
  db: Database,
  parts: Omit<TransactionParts, 'now'>,
  answered: (answers: BatchAnswers) => void,
  { unavailable = () => {}, isOfOneKey = false }: BatchOptions = {},
): (requests: BatchRequest[]) => void {
  let queue: BatchRequest[] = []
  let scheduled = false
  let now = 0
  const transact = createTransact(db, { ...parts, now: () => now })

  const schedule = () => {
    if (scheduled) return
    scheduled = true
    setImmediate(flush)
  }
  const flush = async () => {
    const commits: Commit[] = []
    answered({ answers: await commit(take(), commits), commits })
    scheduled = false
    if (queue.length > 0) schedule()
  }

  const take = (): BatchRequest[] => {
    const [first] = queue
    if (first === undefined || !isOfOneKey) return queue.splice(0, writesMax)
    const ofKey = queue.filter(({ write }) => keyOf(write) === keyOf(first.write)).slice(0, writesMax)
    const taken = new Set(ofKey)
    queue = queue.filter((request) => !taken.has(request))
    return ofKey
  }

  return (requests) => {
    const since = performance.now()
    for (const request of requests) request.since = since
    queue.push(...requests)
    schedule()
  }

  async function commit(batch: BatchRequest[], commits: Commit[], tries = 0): Promise<BatchAnswer[]> {
    const started = performance.now()
    // What is made for all of them together is made when the first of them was asked for.
    now = batch[0]?.now ?? now
    try {
      const ahead = batch.flatMap(({ write }) => factsIn(write) ?? [])
      const answers = await transact(async (transaction) => {
        const answers: BatchAnswer[] = []
        for (const request of batch) answers.push(await answer(transaction, request))
        return answers
      }, ahead)
      const facts = ahead.reduce((sum, { facts }) => sum + facts.length, 0)
      commits.push({ facts, seconds: (performance.now() - started) / 1000 })
      return answers
    } catch (error) {
      // Nothing was kept, or it is not known: then what was is found to be claimed.
      const waitedMs = performance.now() - (batch[0]?.since ?? 0)
      const retryMs = db.differences.retryAfterMs(error, { tries, waitedMs })
      const busy = db.differences.toBusy(error)
      if (busy !== undefined) unavailable()
      if (retryMs !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, retryMs))
        return commit(batch, commits, tries + 1)
      }
      // It is the database that says no: it would say the same to each of them.
      if (busy !== undefined) return batch.map(({ n }) => ({ n, error: toAnswer(busy) }))
      const [request] = batch
      if (batch.length === 1 && request !== undefined) return [await commitApart(request, error, commits)]
      // One of them failed: each has to stand alone, so that none suffers for another.
      const answers: BatchAnswer[] = []
      for (const request of batch) answers.push(...(await commit([request], commits)))
      return answers
    }
  }

  /** Of the facts of one write each stands alone: one that cannot be recorded is refused, and takes no other with it. */
  async function commitApart(request: BatchRequest, error: unknown, commits: Commit[]): Promise<BatchAnswer> {
    const { n, write } = request
    const { facts, texts, newRooms, ...about } = factsIn(write) ?? { facts: [], texts: undefined }
    const [fact] = facts
    if (fact === undefined || !isOfTheFact(error)) return { n, error: toAnswer(error) }
    if (facts.length === 1) {
      const reason = `it could not be recorded: ${toAnswer(error).message}`
      return { n, recorded: [{ id: fact.id, outcome: 'refused', reason }] }
    }
    const recorded: Recorded[] = []
    for (const [i, one] of facts.entries()) {
      const text = texts?.[i]
      const newRoom = newRooms?.filter((name) => name === nameIn(one))
      const input = { ...about, facts: [one], newRooms: newRoom, ...(text !== undefined && { texts: [text] }) }
      const [answer] = await commit([{ ...request, write: { ...write, input } }], commits)
      if (answer === undefined || !('recorded' in answer)) return answer ?? { n, error: toAnswer(error) }
      recorded.push(...answer.recorded)
    }
    return { n, recorded }
  }

  async function answer(transaction: Transaction, { n, write, now: asked }: BatchRequest): Promise<BatchAnswer> {
    try {
      now = asked
      const value = await perform(transaction, write)
      return factsIn(write) === undefined ? { n, value } : { n, recorded: value as Recorded[] }
    } catch (error) {
      // A refusal is an answer, given before anything was written; anything else undoes the transaction.
      if (error instanceof Refusal) return { n, error: toAnswer(error) }
      throw error
    }
  }
}

/** Several batches at once, each on a connection of its own: what is of one key goes to the same, and keeps its order. */
export function shareOut(batches: ((requests: BatchRequest[]) => void)[]): (requests: BatchRequest[]) => void {
  return (requests) => {
    const ofBatches = Map.groupBy(requests, ({ write }) => (keyOf(write) ?? 0) % batches.length)
    for (const [i, some] of ofBatches) batches[i]?.(some)
  }
}

function keyOf({ input }: Write): number | undefined {
  return (input as { keyId?: number } | undefined)?.keyId
}

/** The facts that a write records; undefined where it is another write. */
export function factsIn({ noun, verb, input }: Write): KeyedFacts | undefined {
  return noun === 'facts' && verb === 'record' ? (input as KeyedFacts) : undefined
}

/** SQLite's codes of what a row is refused for: too big, a constraint, a mismatch, out of range. */
const rowErrors = new Set([18, 19, 20, 25])

/** Whether what is recorded caused the error, and would again; else the disk did, or the database. */
function isOfTheFact(error: unknown): boolean {
  const { errcode, code } = error as { errcode?: unknown; code?: unknown }
  if (typeof errcode === 'number') return rowErrors.has(errcode & 0xff)
  // Of PostgreSQL: a value that is no good, or a constraint.
  if (typeof code === 'string') return /^2[23]\w{3}$/.test(code)
  return error instanceof TypeError || error instanceof RangeError
}

function toAnswer(error: unknown): { message: string; code?: Refusal['code'] } {
  // Of PostgreSQL: others wrote the same rows each time that it was tried.
  if (/^40(001|P01)$/.test(String((error as { code?: unknown }).code))) {
    return { message: 'Others write the same at once: try again in a moment', code: 'BUSY' }
  }
  if (error instanceof Refusal) return { message: error.message, code: error.code }
  return { message: String(error) }
}
