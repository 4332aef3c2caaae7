import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Fact } from '@rollcall/protocol'
import fc from 'fast-check'
import { textOf } from '../../src/record/facts/fact-text.ts'
import { pack, unpack } from '../../src/record/writer/packed.ts'

const text = fc.string({ unit: 'binary' })
const fact = fc.record(
  {
    type: fc.constantFrom('participant-joined', 'unknown', 'snapshot'),
    id: text,
    source: text,
    roomId: text,
    at: fc.integer(),
    receivedAt: fc.nat(),
    name: text,
    metadata: fc.jsonValue(),
  },
  { requiredKeys: ['type', 'id', 'source', 'roomId', 'at', 'receivedAt'] },
) as fc.Arbitrary<unknown> as fc.Arbitrary<Fact>

describe('a request that crosses to the writing thread', () => {
  const cross = (facts: Fact[], about: object) =>
    unpack(
      structuredClone(
        pack({ n: 7, now: 5, write: { noun: 'facts', verb: 'record', input: { keyId: 1, facts, ...about } } }),
      ),
    )

  test('brings its facts as they were, in the words in which they are kept', () => {
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 5 }), (facts) => {
        const kept = facts.map(({ receivedAt, ...content }) => ({ ...JSON.parse(JSON.stringify(content)), receivedAt }))
        assert.deepEqual(cross(facts, { fence: 3 }), {
          n: 7,
          now: 5,
          write: {
            noun: 'facts',
            verb: 'record',
            input: { keyId: 1, fence: 3, facts: kept, texts: facts.map(textOf) },
          },
        })
      }),
    )
  })

  test('leaves the words of facts in new rooms to whoever makes these', () => {
    const facts = [{ type: 'session-started', id: '1', source: 's', roomId: 'hall', at: 1, receivedAt: 2 } as Fact]
    const { write } = cross(facts, { newRooms: ['hall'] })
    assert.deepEqual(write.input, { keyId: 1, facts, newRooms: ['hall'] })
  })
})
