import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { collectAtTurnEnd, shareAtTurnEnd, shareInTurn } from '../../src/runtime/single-flight.ts'

const nextTurn = () => new Promise(setImmediate)

describe('what many look up in one turn of the loop', () => {
  test('is looked up once, at once, and anew in the next turn', async () => {
    const asked: string[] = []
    const find = shareInTurn(async (name) => asked.push(name))
    assert.deepEqual(await Promise.all([find('a'), find('b'), find('a')]), [1, 2, 1])
    await nextTurn()
    assert.equal(await find('a'), 3)
  })

  test('at its end is looked up once, after all of them asked', async () => {
    const steps: string[] = []
    const find = shareAtTurnEnd(
      (name: string) => name,
      async (name) => steps.push(`look ${name}`),
    )
    const ask = (name: string) => {
      steps.push(`ask ${name}`)
      return find(name)
    }
    await Promise.all([ask('a'), Promise.resolve().then(() => ask('a')), ask('b')])
    assert.deepEqual(steps, ['ask a', 'ask b', 'ask a', 'look a', 'look b'])
    await ask('a')
    assert.equal(steps.at(-1), 'look a')
  })

  test('of one group is looked up together, after all of them asked', async () => {
    const looks: [string, string[]][] = []
    const find = collectAtTurnEnd(async (group: string, names: string[]) => {
      looks.push([group, names])
      return names.length
    })
    const asked = [find('x', ['a']), find('y', ['a']), Promise.resolve().then(() => find('x', ['b', 'a']))]
    assert.deepEqual(await Promise.all(asked), [2, 1, 2])
    assert.deepEqual(looks.splice(0), [
      ['x', ['a', 'b']],
      ['y', ['a']],
    ])
    await find('x', ['a'])
    assert.deepEqual(looks, [['x', ['a']]])
  })

  test('and cannot be found fails for each who asked, and is looked up again', async () => {
    let fails = true
    const find = shareAtTurnEnd(
      (name: string) => name,
      async () => {
        if (fails) throw new Error('gone')
        return 'found'
      },
    )
    const [one, two] = await Promise.allSettled([find('a'), find('a')])
    assert.deepEqual([one?.status, two?.status], ['rejected', 'rejected'])
    fails = false
    assert.equal(await find('a'), 'found')
  })
})
