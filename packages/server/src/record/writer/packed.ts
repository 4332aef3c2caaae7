import { type FactText, factOf, textOf } from '../fact-text.ts'
import type { BatchRequest } from './batch.ts'

/**
 * A request as it goes to the writing thread. Its facts go as the texts that are kept of them: they are made by the thread that has
 * time for it, and texts are copied from one thread to another in a fraction of the time that objects take.
 */
export type PackedRequest = BatchRequest | { packed: BatchRequest; texts: FactText[]; receivedAt: number[] }

export function pack(request: BatchRequest): PackedRequest {
  const { name, input } = request.operation
  // Of rooms that are to be made only the writer will know what the facts say of them.
  if (name !== 'record' || (input.newRooms ?? []).length > 0) return request
  const operation = { name, input: { ...input, facts: [] } }
  return {
    packed: { ...request, operation },
    texts: input.facts.map(textOf),
    receivedAt: input.facts.map(({ receivedAt }) => receivedAt),
  }
}

export function unpack(request: PackedRequest): BatchRequest {
  if (!('packed' in request)) return request
  const { packed, texts, receivedAt } = request
  const { operation } = packed
  if (operation.name !== 'record') return packed
  const facts = texts.map(({ json }, i) => factOf(json, receivedAt[i] ?? 0))
  return { ...packed, operation: { name: 'record', input: { ...operation.input, facts, texts } } }
}
