import { hash } from 'node:crypto'
import type { Fact } from '@rollcall/protocol'

/** A fact as it is kept: what the log has of it, and what its id is claimed with. When it was received is kept beside it. */
export type FactText = { json: string; digest: string }

export function textOf(fact: Fact): FactText {
  // A copy that lacks a field costs more than all the rest of this; what is undefined is left out of the text as well.
  const json = JSON.stringify({ ...fact, receivedAt: undefined })
  return { json, digest: digestOf(json) }
}

/** The fact of a text. */
export function factOf(json: string, receivedAt: number): Fact {
  const fact = JSON.parse(json) as Fact
  fact.receivedAt = receivedAt
  return fact
}

export function digestOf(json: string): string {
  return hash('sha256', json, 'base64url').slice(0, 22)
}
