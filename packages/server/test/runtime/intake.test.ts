import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createIntake } from '../../src/runtime/turns.ts'

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/** Somebody who sends; says in `taken` what was taken of them. */
function sender(name: string, taken: string[]) {
  let said = 0
  const one = {
    isPaused: false,
    pause() {
      one.isPaused = true
    },
    resume() {
      one.isPaused = false
    },
    say(n = said++) {
      return () => void taken.push(`${name}${n}`)
    },
  }
  return one
}

describe('what many say in one moment', () => {
  test('is taken so many messages a turn, each sender in turn and in the order in which it spoke', async () => {
    const intake = createIntake({ messagesMax: 3, bytesMax: 1000 })
    const taken: string[] = []
    const [a, b] = [sender('a', taken), sender('b', taken)]
    for (let n = 0; n < 5; n++) intake.take(a, 1, a.say())
    for (let n = 0; n < 3; n++) intake.take(b, 1, b.say())
    assert.deepEqual(taken.splice(0), ['a0', 'a1', 'a2'])
    await nextTurn()
    assert.deepEqual(taken.splice(0), ['a3', 'b0', 'a4'])
    assert.deepEqual([a.isPaused, b.isPaused], [false, true])
    intake.take(a, 1, a.say())
    assert.deepEqual(taken, [], 'nobody overtakes who waits')
    await nextTurn()
    assert.deepEqual(taken.splice(0), ['b1', 'a5', 'b2'])
    assert.deepEqual([a.isPaused, b.isPaused], [false, false])
  })

  test('is taken until a turn has so many bytes; whoever waits is not read meanwhile', async () => {
    const intake = createIntake({ messagesMax: 100, bytesMax: 100 })
    const taken: string[] = []
    const senders = Array.from({ length: 9 }, (_, n) => sender(`${n}.`, taken))
    for (const one of senders) intake.take(one, 60, one.say())
    for (let turn = 1; turn <= 5; turn++) {
      const most = Math.min(2 * turn, senders.length)
      assert.equal(taken.length, most)
      assert.equal(senders.filter(({ isPaused }) => isPaused).length, senders.length - most)
      await nextTurn()
    }
  })

  test('is taken at once when nothing else is said, whatever was said before', async () => {
    const intake = createIntake({ messagesMax: 2, bytesMax: 100 })
    const taken: string[] = []
    const one = sender('a', taken)
    for (let turn = 0; turn < 3; turn++) {
      intake.take(one, 1, one.say())
      intake.take(one, 1, one.say())
      await nextTurn()
      await nextTurn()
    }
    assert.deepEqual([taken.length, one.isPaused], [6, false])
  })

  test('by one who is gone since is taken before that', async () => {
    const intake = createIntake({ messagesMax: 1, bytesMax: 100 })
    const taken: string[] = []
    const [a, b] = [sender('a', taken), sender('b', taken)]
    for (let n = 0; n < 3; n++) intake.take(a, 1, a.say())
    intake.take(b, 1, b.say())
    intake.finish(a)
    assert.deepEqual(taken, ['a0', 'a1', 'a2'])
    await nextTurn()
    assert.deepEqual(taken, ['a0', 'a1', 'a2', 'b0'])
  })
})
