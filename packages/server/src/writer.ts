import { parentPort, workerData } from 'node:worker_threads'
import { Refusal } from './error.ts'
import type { Rules } from './ledger/state.ts'
import type { Commit } from './metrics.ts'
import { createOperations, type Operation, type Operations } from './operations.ts'
import { createSecretBox } from './store/secrets.ts'
import { openSqlite } from './store/sqlite.ts'

// The thread that writes to SQLite, whose calls block: whatever arrives while one transaction commits goes into the
// next, so that one write to the disk serves them all. Answers are given only after the commit.

export type WriterData = { path: string; masterKey: Uint8Array; rules: Rules }
/** `now`: the asker's time, epoch milliseconds. */
export type WriterRequest = { n: number; operation: Operation; now: number }
/** The answers to one batch, and the transactions that it took. */
export type WriterAnswers = { answers: WriterAnswer[]; commits: Commit[] }
export type WriterAnswer =
  | { n: number; value: unknown }
  | { n: number; error: { message: string; code?: Refusal['code'] } }

/** Most operations in one transaction: a bound on how long the first waits for the last. */
const operationsMax = 1000

const { path, masterKey, rules } = workerData as WriterData
const db = openSqlite(path)
const transact = createOperations(db, {
  box: createSecretBox(Buffer.from(masterKey)),
  rules,
  now: () => now,
})
let now = 0
const port = parentPort
if (port === null) throw new Error('the writer runs as a worker thread')

const queue: WriterRequest[] = []
let scheduled = false

port.on('message', (requests: WriterRequest[] | 'close') => {
  if (requests === 'close') {
    db.close()
    port.close()
    return
  }
  queue.push(...requests)
  schedule()
})

function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(flush)
}

async function flush(): Promise<void> {
  const batch = queue.splice(0, operationsMax)
  const commits: Commit[] = []
  const answers = await commit(batch, commits)
  port?.postMessage({ answers, commits } satisfies WriterAnswers)
  scheduled = false
  if (queue.length > 0) schedule()
}

async function commit(batch: WriterRequest[], commits: Commit[]): Promise<WriterAnswer[]> {
  const started = performance.now()
  try {
    const answers = await transact(async (operations) => {
      const answers: WriterAnswer[] = []
      for (const request of batch) answers.push(await perform(operations, request))
      return answers
    })
    commits.push({ facts: countFacts(batch), seconds: (performance.now() - started) / 1000 })
    return answers
  } catch (error) {
    if (batch.length === 1) return batch.map(({ n }) => ({ n, error: { message: String(error) } }))
    // One of them failed, or the disk did: each has to stand alone, so that none suffers for another.
    const answers: WriterAnswer[] = []
    for (const request of batch) answers.push(...(await commit([request], commits)))
    return answers
  }
}

async function perform(operations: Operations, { n, operation, now: asked }: WriterRequest): Promise<WriterAnswer> {
  try {
    const { name, input } = operation
    now = asked
    const run = operations[name] as (input: unknown) => Promise<unknown>
    return { n, value: await run(input) }
  } catch (error) {
    // A refusal is an answer, given before anything was written; anything else undoes the transaction.
    if (error instanceof Refusal) return { n, error: { message: error.message, code: error.code } }
    throw error
  }
}

function countFacts(batch: WriterRequest[]): number {
  let facts = 0
  for (const { operation } of batch) if (operation.name === 'record') facts += operation.input.facts.length
  return facts
}
