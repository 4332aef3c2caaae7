import { Agent, get } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

// Asks /livez every 20 ms, on a thread that nothing else holds up. Between `begin` and `end` it notes how long each took.

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
let took: number[] = []
let isNoting = false

parentPort?.on('message', (message: 'begin' | 'end') => {
  if (message === 'begin') {
    took = []
    isNoting = true
    return
  }
  const sorted = took.toSorted((a, b) => a - b)
  parentPort?.postMessage({ maxMs: sorted.at(-1) ?? 0, medianMs: sorted[sorted.length >> 1] ?? 0 })
})

for (;;) {
  const begunAt = performance.now()
  await ask()
  if (isNoting) took.push(performance.now() - begunAt)
  await new Promise((resolve) => setTimeout(resolve, 20))
}

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${workerData}/livez`, { agent }, (answer) => answer.resume().on('end', resolve)).on('error', reject)
  })
}
