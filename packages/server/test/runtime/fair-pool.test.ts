import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createFairPool } from '../../src/runtime/fair-pool.ts'

describe('a pool of places', () => {
  const takeAll = (pool: ReturnType<typeof createFairPool>, name: string) => {
    let taken = 0
    while (pool.take(name)) taken += 1
    return taken
  }

  test('has one for whoever comes next, whatever one alone has taken', () => {
    const pool = createFairPool(20)
    assert.equal(takeAll(pool, 'greedy'), 10)
    assert.equal(takeAll(pool, 'second'), 5)
    assert.ok(takeAll(pool, 'third') > 0)
  })

  test('becomes equal as places are given back', () => {
    const pool = createFairPool(20)
    takeAll(pool, 'greedy')
    const held = { greedy: 10, second: takeAll(pool, 'second') }
    for (let i = 0; i < 100; i++) {
      for (const name of ['greedy', 'second'] as const) {
        pool.release(name)
        held[name] -= 1
        for (const one of ['greedy', 'second'] as const) if (pool.take(one)) held[one] += 1
      }
    }
    assert.ok(Math.abs(held.greedy - held.second) <= 1, JSON.stringify(held))
  })

  test('has no more places than it has, and all of them again once they are given back', () => {
    const pool = createFairPool(3)
    const takers = Array.from({ length: 10 }, (_, i) => i).filter((name) => pool.take(name))
    assert.equal(takers.length, 3)
    for (const name of takers) pool.release(name)
    assert.equal(takeAll(pool, 'later'), 2)
  })
})
