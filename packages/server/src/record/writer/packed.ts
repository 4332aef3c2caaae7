import type { Fact } from '@rollcall/protocol'
import { type FactText, factOf, textOf } from '../facts/fact-text.ts'
import { type BatchRequest, factsIn } from './batch.ts'

/**
 * A request as it goes to the writing thread. Its facts go as the texts that are kept of them: they are made by the thread that has
 * time for it, and texts are copied from one thread to another in a fraction of the time that objects take.
 */
export type PackedRequest = BatchRequest | { packed: BatchRequest; texts: FactText[]; receivedAt: number[] }

export function pack(request: BatchRequest): PackedRequest {
  const input = factsIn(request.write)
  // Of rooms that are to be made only the writer will know what the facts say of them.
  if (input === undefined || (input.newRooms ?? []).length > 0) return request
  const facts = input.facts as Fact[]
  return {
    packed: { ...request, write: { ...request.write, input: { ...input, facts: [] } } },
    texts: facts.map(textOf),
    receivedAt: facts.map(({ receivedAt }) => receivedAt),
  }
}

export function unpack(request: PackedRequest): BatchRequest {
  if (!('packed' in request)) return request
  const { packed, texts, receivedAt } = request
  const facts = texts.map(({ json }, i) => factOf(json, receivedAt[i] ?? 0))
  return { ...packed, write: { ...packed.write, input: { ...(packed.write.input as object), facts, texts } } }
}
