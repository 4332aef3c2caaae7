import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Refusal } from '../../error.ts'
import type { Commit } from '../../runtime/metrics.ts'
import type { Operation, Operations, Transact } from '../writes.ts'
import type { BatchAnswers, BatchRequest } from './batch.ts'
import { pack } from './packed.ts'
import type { WriterData } from './thread.ts'

/** Asks for an operation; its promise resolves when that is durable. */
export type Perform = <N extends keyof Operations>(
  name: N,
  input: Parameters<Operations[N]>[0],
) => Promise<Awaited<ReturnType<Operations[N]>>>

export type Performer = {
  perform: Perform
  /** How many facts wait for the disk. */
  factsWaiting(): number
  /** Resolves when all that was asked for is done. */
  close(): Promise<void>
}

export type QueueLimits = {
  /** Most facts that wait for the disk at once; more are refused with BUSY. Default 50,000. */
  factsWaitingMax?: number | undefined
}

/** Requests that go to the line before the turn of the loop ends: of a long turn the first are written while the last come in. */
const outboxMax = 32

/** Performs one operation after another, for a command of the CLI. */
export function performHere(transact: Transact): Performer {
  let last: Promise<unknown> = Promise.resolve()
  const perform: Perform = (name, input) => {
    const done = last.then(() =>
      transact((operations) => (operations[name] as (input: unknown) => Promise<never>)(input)),
    )
    last = done.catch(() => undefined)
    return done
  }
  return {
    perform,
    factsWaiting: () => 0,
    async close() {
      await last
    },
  }
}

/** What a performer tells of. */
export type Told = {
  /** Of each transaction. */
  onCommit?: ((commit: Commit) => void) | undefined
  /** Nothing can be written any more. */
  onFailure?: ((error: Error) => void) | undefined
}

/** Where requests go, a turn of the event loop together, and their answers come from. */
type Line = {
  post(requests: BatchRequest[]): void
  /** Resolves when nothing more will be answered. */
  end(): Promise<void>
}

/** Numbers the requests, bounds how many facts wait, and brings each answer to whoever asked. */
function performOn(
  line: (answered: (answers: BatchAnswers) => void, failed: (error: Error) => void) => Line,
  now: () => number,
  { onCommit = () => {}, onFailure = () => {}, factsWaitingMax = 50_000 }: Told & QueueLimits,
): Performer {
  type Waiting = { resolve(value: unknown): void; reject(error: Error): void; facts: number }
  const waiting = new Map<number, Waiting>()
  let factsWaiting = 0
  let outbox: BatchRequest[] = []
  let n = 0
  let failure: Error | undefined
  let closing = false
  let idle: (() => void) | undefined

  const settle = (n: number): Waiting | undefined => {
    const request = waiting.get(n)
    waiting.delete(n)
    factsWaiting -= request?.facts ?? 0
    if (waiting.size === 0) idle?.()
    return request
  }
  const answered = ({ answers, commits }: BatchAnswers) => {
    for (const commit of commits) onCommit(commit)
    for (const answer of answers) {
      const request = settle(answer.n)
      if ('value' in answer) request?.resolve(answer.value)
      else if (answer.error.code === undefined) request?.reject(new Error(answer.error.message))
      else request?.reject(new Refusal(answer.error.code, answer.error.message))
    }
  }
  const failed = (error: Error) => {
    failure ??= error
    for (const request of waiting.values()) request.reject(failure)
    waiting.clear()
    idle?.()
    if (!closing) onFailure(failure)
  }
  const { post, end } = line(answered, failed)
  const send = (requests: BatchRequest[]) => {
    try {
      post(requests)
    } catch (error) {
      const [first, ...others] = requests
      // One of them cannot travel: each goes by itself, so that none suffers for another.
      if (others.length > 0) for (const request of requests) send([request])
      else if (first !== undefined) settle(first.n)?.reject(error as Error)
    }
  }

  const sendAll = () => {
    const requests = outbox
    outbox = []
    if (requests.length > 0) send(requests)
  }

  return {
    perform(name, input) {
      if (failure !== undefined || closing) return Promise.reject(failure ?? new Error('the store is closed'))
      const facts = name === 'record' ? (input as { facts: unknown[] }).facts.length : 0
      if (facts > 0 && factsWaiting + facts > factsWaitingMax) {
        return Promise.reject(new Refusal('BUSY', 'too many facts wait for the disk: send these again in a moment'))
      }
      factsWaiting += facts
      if (outbox.length === 0) setImmediate(sendAll)
      n += 1
      outbox.push({ n, operation: { name, input } as Operation, now: now() })
      return new Promise((resolve, reject) => {
        waiting.set(n, { resolve: resolve as (value: unknown) => void, reject, facts })
        if (outbox.length === outboxMax) sendAll()
      })
    },
    factsWaiting: () => factsWaiting,
    async close() {
      if (waiting.size > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve
        })
      }
      closing = true
      await end()
    },
  }
}

/** The program of the thread, in the same form as this: as it is written, or built. */
const threadBeside = new URL(`./thread${extname(import.meta.url)}`, import.meta.url)

/** Performs on a thread of its own: `node:sqlite` blocks. */
export function startWriter(
  data: WriterData,
  now: () => number,
  { threadUrl = threadBeside, ...told }: Told & QueueLimits & { threadUrl?: URL | undefined } = {},
): Performer {
  const worker = new Worker(threadUrl, { workerData: data })
  const line = (answered: (answers: BatchAnswers) => void, failed: (error: Error) => void): Line => {
    let ending = false
    worker.on('message', answered)
    const exited = new Promise<void>((resolve) => {
      worker.on('error', failed)
      worker.on('exit', (code) => {
        if (!ending) failed(new Error(`the writing thread stopped with code ${code}`))
        resolve()
      })
    })
    return {
      post: (requests) => worker.postMessage(requests.map(pack)),
      end() {
        ending = true
        worker.postMessage('close')
        return exited
      },
    }
  }
  return performOn(line, now, told)
}

/** Performs here, over a connection that waits without blocking. */
export function startBatches(
  createBatch: (answered: (answers: BatchAnswers) => void) => (requests: BatchRequest[]) => void,
  now: () => number,
  told: Told & QueueLimits,
): Performer {
  return performOn((answered) => ({ post: createBatch(answered), end: async () => {} }), now, told)
}
