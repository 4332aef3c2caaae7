import { hash, timingSafeEqual } from 'node:crypto'
import {
  isCleanId,
  type Json,
  nameMaxLength,
  ownFactIdPrefix,
  reportedIdMaxLength,
  toCleanText,
} from '@rollcall/protocol'
import type { Told } from './engine.ts'

// What engines share: senders' texts in a form that can be kept.

/**
 * An id as it can be kept, the same for the same text: what is too long, or holds what not every database can keep, goes
 * by its beginning and a digest.
 */
export function toId(given: string): string {
  const isKept = given !== '' && given.length <= reportedIdMaxLength && isCleanId(given)
  if (isKept && !given.startsWith(ownFactIdPrefix)) return given
  const digest = hash('sha256', given, 'base64url').slice(0, 22)
  const beginning = given.replaceAll(/\p{Cc}/gu, '').slice(0, reportedIdMaxLength - digest.length - 1)
  return `${beginning.toWellFormed().replace(ownFactIdPrefix, '')}~${digest}`
}

/** For the `name` of a fact: nothing where there is none. */
export function toName(given: string | undefined): { name?: string } {
  return given === undefined || given === '' ? {} : { name: toCleanText(given.slice(0, nameMaxLength)) }
}

/** The identity of a fact whose sender gives it none. */
export function identify(told: Omit<Told, 'id'>): string {
  return hash('sha256', JSON.stringify(told), 'base64url').slice(0, 22)
}

/** An event that nobody understands, kept as it came, without what its sender should have kept to itself. */
export function tellUnknown(event: Json, reason: string, id?: string): Told {
  const kept = redact(event)
  const isSmall = JSON.stringify(kept).length <= unknownMaxLength
  return { type: 'unknown', ...(id !== undefined && { id }), roomId: '', at: 0, event: isSmall ? kept : null, reason }
}

/** Longest event that is kept though nobody understands it, as JSON, in UTF-16 units; of a longer one only the reason is. */
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

/** The same with every value blanked whose name says that it is a secret. */
export function redact(value: Json, depth = 0): Json {
  if (typeof value !== 'object' || value === null) return value
  if (depth === depthMax) return '…'
  if (Array.isArray(value)) return value.map((inner) => redact(inner, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, secretNames.test(name) ? '…' : redact(inner, depth + 1)]),
  )
}

/** What is nested deeper is not kept. */
const depthMax = 32

/** Compares in a time that tells nothing of where two texts differ; their lengths are no secret. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
