import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readDocuments } from '../../src/imports/json.ts'
import { withoutOriginalName } from '../../src/imports/people.ts'
import { columnsOf } from '../../src/imports/table.ts'

// What a file says may be as long as the file: it takes time by its length alone.

const many = (text: string) => text.repeat(1_000_000 / text.length)
const inTime = <T>(read: () => T): T => {
  const before = process.cpuUsage()
  const got = read()
  const { user, system } = process.cpuUsage(before)
  // Each takes some milliseconds; by the square of its length it was minutes and hours.
  assert.ok(user + system < 2_000_000, `${user + system} µs`)
  return got
}

describe('what is long in a file that is imported takes no longer than its length', () => {
  test('a name with its original one', () => {
    assert.equal(withoutOriginalName('Ann (Ann Smith)'), 'Ann')
    assert.equal(withoutOriginalName('Ann(A)(B)'), 'Ann')
    for (const same of [undefined, '', 'Ann', 'Ann ()', '(Ann)', 'Ann (x) y']) {
      assert.equal(withoutOriginalName(same), same)
    }
    for (const name of [`a${many(' (')}`, `a${many(' (')})x`, `a${many(' ')}x)`]) {
      assert.equal(
        inTime(() => withoutOriginalName(name)),
        name,
      )
    }
    assert.equal(
      inTime(() => withoutOriginalName(`a${many(' (')})`)),
      'a',
    )
  })

  test('the head of a table', () => {
    assert.deepEqual(columnsOf(['Name (Original Name)', ' EMAIL ', '(x)', 'a (b) c']), {
      'a (b) c': 3,
      '': 2,
      email: 1,
      name: 0,
    })
    for (const cell of [`a${many(' ')}(`, `a${many(' (')}`, `a${many(' (')})`]) inTime(() => columnsOf([cell]))
  })

  test('a JSON file that is cut off, and several documents in one', () => {
    const read = (text: string) => readDocuments(Buffer.from(text))
    assert.deepEqual(read('{"a":"}{\\""}\n[1,["]"]] {}'), [{ a: '}{"' }, [1, [']']], {}])
    for (const text of [`{"a":"${many('\\"')}`, `{}{"a":"${many('\\\n"')}`, `[${many('"')}`, many('[')]) {
      assert.throws(() => inTime(() => read(text)), /is not JSON/)
    }
    const long = `{"a":"${many('\\"')}"}`
    assert.equal(inTime(() => read(`${long}\n${long}`)).length, 2)
  })
})
