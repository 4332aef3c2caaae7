import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Refusal } from '../error.ts'
import type { Import, ReadFile } from './imports.ts'

/** What the thread is given. The bytes of the file are handed over: here they are gone. */
export type ReadingData = Omit<Import, 'keyId'> & { bytes: Uint8Array; now: number }
type Some = Awaited<ReturnType<ReadFile['next']>>
/** What it says once it has read the file, and then each time it is asked. */
export type ReadingAnswer = { counts: ReadFile['counts'] } | { some: Some } | { code: Refusal['code']; message: string }

/** What a file may take while it is read, in MiB: enough for 500,000 rows. One that takes more is refused, and the server goes on. */
const memoryMaxMb = 640
/** The program of the thread, in the same form as this: as it is written, or built. */
const threadBeside = new URL(`./reading-thread${extname(import.meta.url)}`, import.meta.url)

/**
 * Reads a whole file on a thread of its own: the largest takes seconds. Throws a `Refusal` that says what to do where it cannot be read,
 * or leaves open what is not to be guessed.
 * @param signal ends the thread, whatever it does
 */
export async function readOnThread({ bytes: given, ...rest }: ReadingData, signal: AbortSignal): Promise<ReadFile> {
  // A small one lies among others in memory, and is not handed over.
  const bytes = given.byteLength === given.buffer.byteLength ? given : Uint8Array.from(given)
  const worker = new Worker(threadBeside, {
    workerData: { bytes, ...rest } satisfies ReadingData,
    transferList: [bytes.buffer as ArrayBuffer],
    resourceLimits: { maxOldGenerationSizeMb: memoryMaxMb },
  })
  signal.addEventListener('abort', () => worker.terminate())
  const hear = async <T extends ReadingAnswer>(): Promise<T> => {
    const [answer] = (await once(worker, 'message', { signal }).catch((error: NodeJS.ErrnoException) => {
      signal.throwIfAborted()
      if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error
      throw new Refusal('BAD_REQUEST', 'The file takes too much memory to read: divide it, and import its parts')
    })) as [ReadingAnswer]
    if ('message' in answer) throw new Refusal(answer.code, answer.message)
    return answer as T
  }
  const { counts } = await hear<{ counts: ReadFile['counts'] }>()
  return {
    counts,
    async next() {
      worker.postMessage('next')
      return (await hear<{ some: Some }>()).some
    },
  }
}
