import { parentPort, workerData } from 'node:worker_threads'
import { Refusal } from '../error.ts'
import { readImport } from './read.ts'
import type { ReadingAnswer, ReadingData } from './reading.ts'

// The thread that reads a file to import, which takes long where it is large.

const port = parentPort
if (port === null) throw new Error('a file is read on a worker thread')
const { bytes, now, ...rest } = workerData as ReadingData
const say = (answer: ReadingAnswer) => port.postMessage(answer)

try {
  const file = await readImport(bytes, rest, now)
  say({ counts: file.counts })
  port.on('message', async () => say({ some: await file.next() }))
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  say({ code: error.code, message: error.message })
}
