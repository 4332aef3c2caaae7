import { timeTakes } from '@rollcall/protocol'
import { Refusal } from '../error.ts'
import { quote } from './explain.ts'

const isoPattern = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?<zone>Z|[+ -]\d\d:?\d\d)?)?$/i

/** The years that ISO 8601 writes with four digits; a month's report up to the first of these times begins in the year 0. */
const earliestAt = Date.parse('0001-01-01T00:00:00.000Z')
const latestAt = Date.parse('9999-12-31T23:59:59.999Z')

const dayMs = 86_400_000

/** Epoch milliseconds of a time that a caller names. A time without a zone is UTC; a `+` that came as a space, as in a query, is a `+`. */
export function parseTime(name: string, text: string, show = quote): number {
  const at = /^-?\d+$/.test(text) ? Number(text) : parseIso(text)
  if (!(at >= earliestAt && at <= latestAt)) {
    throw new Refusal('BAD_REQUEST', `${name}=${show(text)} is not understood: it takes ${timeTakes}`)
  }
  return at
}

/** The last millisecond of what a caller names as an end: a date alone is that whole day, to its last. */
export function parseLast(name: string, text: string): number {
  const at = parseTime(name, text)
  return isDateAlone(text) ? at + dayMs - 1 : at
}

/** The first millisecond after the same, where the end that a caller names is none of it: a date alone is all of that day. */
export function parseBefore(name: string, text: string): number {
  const at = parseTime(name, text)
  return isDateAlone(text) ? Math.min(at + dayMs, latestAt) : at
}

function isDateAlone(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text)
}

function parseIso(text: string): number {
  const match = isoPattern.exec(text)
  if (match === null || !isDay(text.slice(0, 10))) return Number.NaN
  const zone = match.groups?.zone ?? ''
  const local = text.slice(0, text.length - zone.length).replace(' ', 'T')
  return Date.parse(local + (zone === '' && local.includes('T') ? 'Z' : zone.replace(' ', '+')))
}

/** Date.parse takes a day that its month does not have for one of the next month. */
function isDay(date: string): boolean {
  const at = Date.parse(date)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(date)
}
