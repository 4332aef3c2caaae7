import { hash, timingSafeEqual } from 'node:crypto'
import {
  isCleanId,
  type Json,
  nameMaxLength,
  ownFactIdPrefix,
  reportedIdMaxLength,
  toCleanText,
} from '@rollcall/protocol'
import type { ReportedFact } from './engine.ts'

// What engines share: the texts of senders, in a form that can be stored.

/**
 * An id that can be stored, the same for the same text: one that is too long, or has characters that not every database
 * stores, becomes its beginning and a digest.
 */
export function toId(given: string): string {
  const isKept = given !== '' && given.length <= reportedIdMaxLength && isCleanId(given)
  if (isKept && !given.startsWith(ownFactIdPrefix)) return given
  const digest = hash('sha256', given, 'base64url').slice(0, 22)
  const beginning = given.replaceAll(/\p{Cc}/gu, '').slice(0, reportedIdMaxLength - digest.length - 1)
  return `${beginning.toWellFormed().replace(ownFactIdPrefix, '')}~${digest}`
}

/** Whether an id is not the sender's own: what that was is not known any more. */
export function isMapped(id: string): boolean {
  return /~[\w-]{22}$/.test(id)
}

/** The `name` of a fact, to be spread into it. */
export function toName(given: string | undefined): { name?: string } {
  return given === undefined || given === '' ? {} : { name: toCleanText(given.slice(0, nameMaxLength)) }
}

/** The identity of a fact whose sender gives it none. */
export function identify(fact: Omit<ReportedFact, 'id'>): string {
  return hash('sha256', JSON.stringify(fact), 'base64url').slice(0, 22)
}

/** Keeps an event that no engine understands as a fact, without the secrets in it. */
export function reportUnknown(event: Json, reason: string, id?: string): ReportedFact {
  const kept = redact(event)
  const isSmall = JSON.stringify(kept).length <= unknownMaxLength
  return { type: 'unknown', ...(id !== undefined && { id }), roomId: '', at: 0, event: isSmall ? kept : null, reason }
}

/** Longest unknown event that is kept, as JSON, in UTF-16 units; of a longer one only the reason is kept. */
const unknownMaxLength = 64 * 1024

/** Undefined where the text is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const secretNames = /pass|secret|token|authorization|credential/i

/** Blanks every value whose name marks it as a secret. */
export function redact(value: Json, depth = 0): Json {
  if (typeof value !== 'object' || value === null) return value
  if (depth === depthMax) return '…'
  if (Array.isArray(value)) return value.map((inner) => redact(inner, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, secretNames.test(name) ? '…' : redact(inner, depth + 1)]),
  )
}

/** Values nested deeper are not kept. */
const depthMax = 32

/** Compares in constant time for texts of the same length; their lengths are no secret. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
