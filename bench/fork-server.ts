import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Processor, ServerAnswer, ServerOrder, ServerReady } from './server.ts'

/** The server under test, in a process of its own. */
export type ForkedServer = ServerReady & {
  /** What the bare server beside it sends from now on. */
  setBytes(bytes: string): Promise<void>
  /** Resident memory, in bytes, after a collection of garbage. */
  memory(): Promise<number>
  /** Processor time since its start, in microseconds. */
  processor(): Promise<Processor>
  stop(): Promise<void>
}

/** @param env in place of this process's own */
export async function forkServer(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<ForkedServer> {
  const child = fork(join(import.meta.dirname, 'server.ts'), [folder], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // As `npm start` runs it; and so that memory is measured after a collection.
    execArgv: [
      '--no-concurrent-marking',
      '--max-semi-space-size=8',
      '--no-allocation-site-pretenuring',
      '--initial-old-space-size=32',
      '--expose-gc',
    ],
    env: { MALLOC_ARENA_MAX: '1', ...env },
  })
  const ready = await nextMessage<ServerReady>(child)
  const ask = (order: ServerOrder) => {
    child.send(order)
    return nextMessage<ServerAnswer>(child)
  }
  return {
    ...ready,
    async setBytes(bytes) {
      await ask({ bytes })
    },
    memory: async () => (await ask({ collect: true })).memory,
    processor: async () => (await ask({})).processor,
    stop() {
      const { promise, resolve } = Promise.withResolvers<void>()
      child.once('exit', () => resolve())
      child.kill('SIGTERM')
      return promise
    },
  }
}

/** The next message of a child; rejects where it ends before. */
export function nextMessage<T>(child: ChildProcess): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const stopped = (code: number | null) => reject(new Error(`the server under test stopped with code ${code}`))
  child.once('exit', stopped)
  child.once('message', (message) => {
    child.off('exit', stopped)
    resolve(message as T)
  })
  return promise
}
