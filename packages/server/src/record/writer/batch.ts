import { Refusal } from '../../error.ts'
import type { Commit } from '../../runtime/metrics.ts'
import type { Database } from '../../store/database/database.ts'
import { createOperations, type Operation, type OperationParts, type Operations } from '../writes.ts'

/** `now`: the asker's time, epoch milliseconds. */
export type BatchRequest = { n: number; operation: Operation; now: number }
export type BatchAnswer =
  | { n: number; value: unknown }
  | { n: number; error: { message: string; code?: Refusal['code'] } }

/** The answers to one batch, and the transactions that it took. */
export type BatchAnswers = { answers: BatchAnswer[]; commits: Commit[] }

/** Most operations in one transaction: a bound on how long the first waits for the last. */
const operationsMax = 1000

/**
 * Performs requests, as many in one transaction as wait for it: whatever arrives while one transaction commits goes into the
 * next, so that one write to the disk serves them all. Answers are given only after the commit.
 */
export function createBatch(
  db: Database,
  parts: Omit<OperationParts, 'now'>,
  answered: (answers: BatchAnswers) => void,
): (requests: BatchRequest[]) => void {
  const queue: BatchRequest[] = []
  let scheduled = false
  let now = 0
  const transact = createOperations(db, { ...parts, now: () => now })

  const schedule = () => {
    if (scheduled) return
    scheduled = true
    setImmediate(flush)
  }
  const flush = async () => {
    const commits: Commit[] = []
    answered({ answers: await commit(queue.splice(0, operationsMax), commits), commits })
    scheduled = false
    if (queue.length > 0) schedule()
  }

  return (requests) => {
    queue.push(...requests)
    schedule()
  }

  async function commit(batch: BatchRequest[], commits: Commit[], tries = 0): Promise<BatchAnswer[]> {
    const started = performance.now()
    // What is made for all of them together is made when the first of them was asked for.
    now = batch[0]?.now ?? now
    try {
      const ahead = batch.flatMap(({ operation }) => (operation.name === 'record' ? [operation.input] : []))
      const answers = await transact(async (operations) => {
        const answers: BatchAnswer[] = []
        for (const request of batch) answers.push(await perform(operations, request))
        return answers
      }, ahead)
      const facts = ahead.reduce((sum, { facts }) => sum + facts.length, 0)
      commits.push({ facts, seconds: (performance.now() - started) / 1000 })
      return answers
    } catch (error) {
      // Nothing was kept, or it is not known: then what was is found to be claimed.
      const retryMs = db.differences.retryAfterMs(error, tries)
      if (retryMs !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, retryMs))
        return commit(batch, commits, tries + 1)
      }
      if (batch.length === 1) return batch.map(({ n }) => ({ n, error: toAnswer(error) }))
      // One of them failed, or the disk did: each has to stand alone, so that none suffers for another.
      const answers: BatchAnswer[] = []
      for (const request of batch) answers.push(...(await commit([request], commits)))
      return answers
    }
  }

  async function perform(operations: Operations, { n, operation, now: asked }: BatchRequest): Promise<BatchAnswer> {
    try {
      const { name, input } = operation
      now = asked
      const run = operations[name] as (input: unknown) => Promise<unknown>
      return { n, value: await run(input) }
    } catch (error) {
      // A refusal is an answer, given before anything was written; anything else undoes the transaction.
      if (error instanceof Refusal) return { n, error: toAnswer(error) }
      throw error
    }
  }
}

function toAnswer(error: unknown): { message: string; code?: Refusal['code'] } {
  if (error instanceof Refusal) return { message: error.message, code: error.code }
  return { message: String(error) }
}
