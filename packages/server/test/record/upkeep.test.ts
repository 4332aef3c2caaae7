import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { startPeopleKeeper } from '../../src/record/upkeep.ts'

test('gathering people, however many are new, is over as soon as the server stops', async () => {
  let steps = 0
  let begun = () => {}
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve
  })
  const store = {
    reads: { people: { listKeysWithNews: async () => [1, 2] } },
    writes: {
      people: {
        async gather() {
          begun()
          // A backlog without an end: only the stop is one.
          await new Promise(setImmediate)
          return ++steps < 100_000 ? 1 : 0
        },
      },
    },
    factsWaiting: () => 0,
  }
  const keeper = startPeopleKeeper(store as never, { log: pino({ enabled: false }) as never, isMine: () => true })
  await hasBegun
  await keeper.stop()
  assert.ok(steps < 100_000, 'it went on to the end')
})
