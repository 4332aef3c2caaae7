import type { Fact } from '@rollcall/protocol'
import type { FactText } from '../facts/fact-text.ts'
import { factOf, textOf } from '../facts/fact-text.ts'
import type { KeyedFacts } from '../transaction.ts'
import { type BatchRequest, factsIn } from './batch.ts'

/**
 * Requests on their way to the writing thread. Facts go as the texts that are kept of them: they are made by the thread that has
 * time for it. Lists of texts and numbers are copied from one thread to another in a tenth of the time that objects take.
 */
export type Parcel = {
  /** Requests that record facts: each has a place in each of these lists. */
  recording: { n: number[]; now: number[]; keyId: number[]; fence: (number | undefined)[]; facts: number[] }
  /** Their facts, one request's after the other's. */
  facts: { json: string[]; digest: string[]; receivedAt: number[] }
  /** All other requests, as they are. */
  others: BatchRequest[]
}

export function pack(requests: BatchRequest[]): Parcel {
  const parcel: Parcel = {
    recording: { n: [], now: [], keyId: [], fence: [], facts: [] },
    facts: { json: [], digest: [], receivedAt: [] },
    others: [],
  }
  for (const request of requests) {
    const input = factsIn(request.write)
    // Of rooms that are to be made only the writer will know what the facts say of them.
    if (input === undefined || (input.newRooms ?? []).length > 0) parcel.others.push(request)
    else add(parcel, request, input)
  }
  return parcel
}

function add({ recording, facts }: Parcel, { n, now }: BatchRequest, input: KeyedFacts): void {
  recording.n.push(n)
  recording.now.push(now)
  recording.keyId.push(input.keyId)
  recording.fence.push(input.fence)
  recording.facts.push(input.facts.length)
  for (const fact of input.facts as Fact[]) {
    const { json, digest } = textOf(fact)
    facts.json.push(json)
    facts.digest.push(digest)
    facts.receivedAt.push(fact.receivedAt)
  }
}

/** The same requests in their order. */
export function unpack({ recording, facts, others }: Parcel): BatchRequest[] {
  let from = 0
  const requests = recording.n.map((n, i): BatchRequest => {
    const to = from + (recording.facts[i] ?? 0)
    const texts: FactText[] = []
    const ofRequest: Fact[] = []
    for (; from < to; from++) {
      const json = facts.json[from] ?? ''
      texts.push({ json, digest: facts.digest[from] ?? '' })
      ofRequest.push(factOf(json, facts.receivedAt[from] ?? 0))
    }
    const input: KeyedFacts = { keyId: recording.keyId[i] ?? 0, facts: ofRequest, texts, fence: recording.fence[i] }
    return { n, write: { noun: 'facts', verb: 'record', input }, now: recording.now[i] ?? 0 }
  })
  return others.length === 0 ? requests : [...requests, ...others].sort((a, b) => a.n - b.n)
}
