import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runFuzz } from '../../../../fuzz/run.ts'

// Another seed makes other requests: FUZZ_SEED=7, or `npm run fuzz`, which also makes more of them.
const seed = Number(process.env.FUZZ_SEED ?? 1)
const requests = 3000

test(`3,000 random requests, bytes, and messages on sockets are answered as described, and leave the server and the record whole (seed ${seed})`, async () => {
  const result = await runFuzz({ seed, requests, sockets: 100, connections: 100 }, () => {})
  const { answered, byStatus, wrongs, faults } = result
  assert.deepEqual([wrongs, faults], [[], []])
  assert.equal(answered, requests)
  // They went past the first check, and not all of them got through.
  for (const status of [200, 400, 401, 403, 404, 409, 415]) {
    assert.ok((byStatus.get(status) ?? 0) > 10, `${byStatus.get(status)} answers were ${status}`)
  }
})
