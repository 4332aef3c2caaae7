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

/**
 * An event that no engine understands, as a fact. Of it is kept what the `fields` hold, its name, its ids and its times, and
 * nothing else: any other field may hold what people say, or a secret.
 * @param fields paths into the event, such as `data.event.ts`
 * @param reason in words of ours: no value of the event but its name, by `describeName`
 */
export function reportUnknown(event: Json, fields: string[], reason: string, id?: string): ReportedFact {
  const kept: { [field: string]: Json } = {}
  for (const field of fields) {
    const value = valueAt(event, field)
    if (typeof value === 'number' || isToken(value)) kept[field] = value
  }
  const isEmpty = Object.keys(kept).length === 0
  return { type: 'unknown', ...(isToken(id) && { id }), roomId: '', at: 0, event: isEmpty ? null : kept, reason }
}

/** A body that is no event at all. */
export function reportUnreadable(body: Buffer, lacks: string): ReportedFact {
  return reportUnknown(null, [], `a body of ${body.length} bytes ${lacks}`)
}

/** The name of an event, as a reason repeats it. */
export function describeName(name: unknown): string {
  return isToken(name) ? JSON.stringify(name) : 'without a name'
}

/** Whether it may be a name or an id; what people say or write has spaces. */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && tokenPattern.test(value)
}

const tokenPattern = /^[^\s\p{Cc}]{1,256}$/u

function valueAt(event: Json, path: string): Json | undefined {
  let value: Json | undefined = event
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step)) return
    value = value[step]
  }
  return value
}

/** Undefined where the text is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Compares in constant time for texts of the same length; their lengths are no secret. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
