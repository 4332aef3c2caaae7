import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Fact } from '@rollcall/protocol'
import fc from 'fast-check'
import { textOf } from '../../src/record/facts/fact-text.ts'
import type { Recorded } from '../../src/record/facts/record.ts'
import { type BatchAnswer, type BatchRequest, factsIn } from '../../src/record/writer/batch.ts'
import { pack, packAnswers, unpack, unpackAnswers } from '../../src/record/writer/packed.ts'

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

describe('requests that cross to the writing thread', () => {
  const cross = (requests: BatchRequest[]) => unpack(structuredClone(pack(requests)))
  const recording = (facts: Fact[], about: object = {}): BatchRequest => ({
    n: 7,
    now: 5,
    write: { noun: 'facts', verb: 'record', input: { keyId: 1, facts, ...about } },
  })

  test('bring their facts as they were, in the words in which they are kept', () => {
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 5 }), (facts) => {
        const kept = facts.map(({ receivedAt, ...content }) => ({ ...JSON.parse(JSON.stringify(content)), receivedAt }))
        assert.deepEqual(cross([recording(facts, { fence: 3 })]), [
          recording(kept, { fence: 3, texts: facts.map(textOf) }),
        ])
      }),
    )
  })

  test('leave the words of facts in new rooms to whoever makes these', () => {
    const facts = [{ type: 'session-started', id: '1', source: 's', roomId: 'hall', at: 1, receivedAt: 2 } as Fact]
    const request = recording(facts, { newRooms: ['hall'] })
    assert.deepEqual(cross([request]), [request])
  })

  test('keep their order, and each its own facts, whatever each of them writes', () => {
    const some = fc.oneof(
      fc.record({
        facts: fc.array(fact, { maxLength: 3 }),
        keyId: fc.nat(),
        now: fc.nat(),
        fence: fc.option(fc.nat()),
      }),
      fc.constant('another' as const),
    )
    fc.assert(
      fc.property(fc.array(some, { maxLength: 6 }), (list) => {
        const requests = list.map((one, i): BatchRequest => {
          if (one === 'another')
            return { n: i, now: i, write: { noun: 'links', verb: 'take', input: { digest: `${i}` } } }
          const { facts, now, ...about } = one
          return { ...recording(facts, about), n: i, now }
        })
        const crossed = cross(requests)
        const idsIn = ({ write }: BatchRequest) => factsIn(write)?.facts.map(({ id }) => id)
        const told = ({ n, now, write }: BatchRequest) => ({ n, now, of: factsIn(write)?.keyId ?? write.input })
        assert.deepEqual(crossed.map(told), requests.map(told))
        assert.deepEqual(crossed.map(idsIn), requests.map(idsIn))
      }),
    )
  })
})

test('answers cross back as they were, in their order', () => {
  const one = fc.record(
    {
      id: text,
      outcome: fc.constantFrom('recorded', 'duplicate', 'waiting', 'ignored', 'refused'),
      reason: text,
      sessionId: text,
      hadOtherConnection: fc.constant(true),
    },
    { requiredKeys: ['id', 'outcome'], noNullPrototype: true },
  ) as fc.Arbitrary<Recorded>
  const answer = fc.oneof(
    fc.record({ recorded: fc.array(one, { maxLength: 3 }) }),
    fc.record({ value: fc.jsonValue() }),
    fc.record({ error: fc.record({ message: text }, { noNullPrototype: true }) }),
  )
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 6 }), (list) => {
      const sent = list.map((content, n): BatchAnswer => ({ n, ...content }))
      const commits = [{ facts: 3, seconds: 0.01 }]
      const crossed = unpackAnswers(structuredClone(packAnswers({ answers: sent, commits })))
      assert.deepEqual(crossed, { answers: sent, commits })
    }),
  )
})
