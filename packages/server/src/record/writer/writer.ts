import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Refusal } from '../../error.ts'
import type { Commit } from '../../runtime/metrics.ts'
import { perform, type Write } from '../nouns.ts'
import type { Transact } from '../transaction.ts'
import { type BatchAnswers, type BatchRequest, factsIn } from './batch.ts'
import { type AnswerParcel, pack, unpackAnswers } from './packed.ts'
import type { WriterData } from './thread.ts'

/** Whoever writes: takes writes in order, and answers each when it is durable. */
export type Writer = {
  write(write: Write): Promise<unknown>
  /** How many facts wait for the disk. */
  factsWaiting(): number
  /** Resolves when all that was asked for is done. */
  close(): Promise<void>
}

export type QueueLimits = {
  /** Most facts that wait for the disk at once; more are refused with BUSY. Default: 50,000. */
  factsWaitingMax?: number | undefined
}

/** Requests that go to the transport before the turn of the loop ends: of a long turn the first are written while the last come in. */
const outboxMax = 32

/** Does one write after another, for a command of the CLI. */
export function writeHere(transact: Transact): Writer {
  let last: Promise<unknown> = Promise.resolve()
  return {
    write(write) {
      const done = last.then(() => transact((transaction) => perform(transaction, write)))
      last = done.catch(() => undefined)
      return done
    },
    factsWaiting: () => 0,
    async close() {
      await last
    },
  }
}

export type WriterHooks = {
  /** Called after each transaction. */
  onCommit?: ((commit: Commit) => void) | undefined
  /** Called when nothing can be written any more. */
  onFailure?: ((error: Error) => void) | undefined
  /** Called when facts are recorded. */
  onRecorded?: (() => void) | undefined
  /** Called when something could not be written, and when it has to wait for that. */
  onUnwritten?: (() => void) | undefined
}

/** Where requests go, a turn of the event loop together, and their answers come from. */
type Transport = {
  post(requests: BatchRequest[]): void
  /** Resolves when nothing more will be answered. */
  end(): Promise<void>
}

/** Numbers the requests, bounds how many facts wait, and brings each answer to whoever asked. */
function createWriter(
  open: (answered: (answers: BatchAnswers) => void, failed: (error: Error) => void) => Transport,
  now: () => number,
  {
    onCommit = () => {},
    onFailure = () => {},
    onRecorded = () => {},
    onUnwritten = () => {},
    factsWaitingMax = 50_000,
  }: WriterHooks & QueueLimits,
): Writer {
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
      if ('recorded' in answer && answer.recorded.length > 0) onRecorded()
      // No code: it is an error of which nobody knows what it means.
      if ('error' in answer && (answer.error.code ?? 'BUSY') === 'BUSY') onUnwritten()
      if ('recorded' in answer) request?.resolve(answer.recorded)
      else if ('value' in answer) request?.resolve(answer.value)
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
  const { post, end } = open(answered, failed)
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
    write(write) {
      if (failure !== undefined || closing) return Promise.reject(failure ?? new Error('the store is closed'))
      const facts = factsIn(write)?.facts.length ?? 0
      if (facts > 0 && factsWaiting + facts > factsWaitingMax) {
        return Promise.reject(new Refusal('BUSY', 'too many facts wait for the disk: send these again in a moment'))
      }
      factsWaiting += facts
      if (outbox.length === 0) setImmediate(sendAll)
      n += 1
      outbox.push({ n, write, now: now() })
      return new Promise((resolve, reject) => {
        waiting.set(n, { resolve, reject, facts })
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

/** Writes on a thread of its own: `node:sqlite` blocks. */
export function startWriter(
  data: WriterData,
  now: () => number,
  { threadUrl = threadBeside, ...hooks }: WriterHooks & QueueLimits & { threadUrl?: URL | undefined } = {},
): Writer {
  const worker = new Worker(threadUrl, { workerData: data })
  const open = (answered: (answers: BatchAnswers) => void, failed: (error: Error) => void): Transport => {
    let ending = false
    worker.on('message', (parcel: AnswerParcel) => answered(unpackAnswers(parcel)))
    const exited = new Promise<void>((resolve) => {
      worker.on('error', failed)
      worker.on('exit', (code) => {
        if (!ending) failed(new Error(`the writing thread stopped with code ${code}`))
        resolve()
      })
    })
    return {
      post: (requests) => worker.postMessage(pack(requests)),
      end() {
        ending = true
        worker.postMessage('close')
        return exited
      },
    }
  }
  return createWriter(open, now, hooks)
}

/** Writes here, over a connection that waits without blocking. */
export function startBatches(
  createBatch: (answered: (answers: BatchAnswers) => void) => (requests: BatchRequest[]) => void,
  now: () => number,
  hooks: WriterHooks & QueueLimits,
): Writer {
  return createWriter((answered) => ({ post: createBatch(answered), end: async () => {} }), now, hooks)
}
