import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runChaos } from '../../../../chaos/run.ts'

// A round of `npm run chaos`, which plays as many as one likes. A server that hangs has to fail here, not to hold up the run.
describe('a server that is killed while facts and people come', { timeout: 600_000 }, () => {
  for (const [rounds, postgres, servers, store] of [
    [1, false, 1, 'SQLite'],
    [1, true, 3, 'three servers on PostgreSQL'],
  ] as const) {
    test(`has every acknowledged fact once, every session as the reference model has it, and told of every change in order (${store}, ${rounds} kill)`, async (t) => {
      const result = await runChaos({ rounds, seed: 2, postgres, servers }, (line) => t.diagnostic(line))
      const { lost, doubled, different, untold, faults } = result
      const wrongs = { lost, doubled, different, untold, faults }
      assert.deepEqual(wrongs, { lost: [], doubled: [], different: [], untold: [], faults: [] })
      assert.ok(
        result.rounds === rounds && result.facts > 100 * rounds && result.visits > rounds,
        JSON.stringify(result),
      )
    })
  }
})
