import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { confirmTime, type KeptTime, stepMaxMs } from '../../src/record/confirmed-time.ts'

const lookMs = 600_000
const start = Date.UTC(2026, 0, 5, 9)

/** The confirmed times of looks at these times of the clock. */
function look(times: number[], kept?: KeptTime): number[] {
  return times.map((now) => {
    kept = confirmTime(kept, now, start)
    return kept.at
  })
}

describe('the confirmed time', () => {
  test('begins at the latest fact, or now where there is none, and is never ahead of the clock', () => {
    assert.equal(confirmTime(undefined, start + lookMs, start).at, start)
    assert.equal(confirmTime(undefined, start, start + lookMs).at, start)
    assert.equal(confirmTime(undefined, start, undefined).at, start)
  })

  test('is what the clock said a look before, while the clock is right', () => {
    const times = [0, 1, 2, 3].map((n) => start + n * lookMs)
    assert.deepEqual(look(times), [start, start, start + lookMs, start + 2 * lookMs])
  })

  test('stands at the first look after a leap, and then moves by a step a look', () => {
    const leap = start + 1e11
    const confirmed = look([start, start + lookMs, leap, leap + lookMs, leap + 2 * lookMs])
    const before = start + lookMs
    assert.deepEqual(confirmed, [start, start, before, before + stepMaxMs, before + 2 * stepMaxMs])
  })

  test('of a leap that is over by the next look is as if there had been none', () => {
    assert.deepEqual(look([start, start + lookMs, start + 1e11, start + 3 * lookMs]).at(-1), start + 3 * lookMs)
  })

  test('goes back with a clock that goes back', () => {
    assert.deepEqual(look([start, start + lookMs, start + 2 * lookMs, start - lookMs]).at(-1), start - lookMs)
  })
})
