import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { properties, shareOut } from './histories.ts'
import type { Checked, ToCheck } from './histories-worker.ts'

// Another seed makes other histories: HISTORIES_SEED=7, or `npm run histories`, which also tries more of them.
const seed = Number(process.env.HISTORIES_SEED ?? 1)
const all = 2500

describe(`the ledger agrees with the reference model over ${all} generated histories (seed ${seed})`, () => {
  let worker: Worker
  before(() => {
    // node:test follows every promise of its own thread, which takes a fifth of the time.
    worker = new Worker(new URL('./histories-worker.ts', import.meta.url))
  })
  after(() => worker.terminate())

  for (const [name, histories] of shareOut(all)) {
    test(`${properties[name].title} (${histories} histories)`, async () => {
      worker.postMessage({ name, histories, seed } satisfies ToCheck)
      const [{ failure }] = (await once(worker, 'message')) as [Checked]
      if (failure !== undefined) assert.fail(failure)
    })
  }
})
