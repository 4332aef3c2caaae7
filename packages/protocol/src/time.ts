import { Type } from 'typebox'

/** A time as the API answers it. */
export function Time(description?: string) {
  const form = 'ISO 8601, UTC, milliseconds.'
  return Type.String({ format: 'date-time', description: description === undefined ? form : `${description} ${form}` })
}

/** A time as text: ISO 8601, UTC, milliseconds. @param at epoch milliseconds */
export function toIso(at: number): string {
  return new Date(at).toISOString()
}

/** The same where there may be none. */
export function toIsoOrNull(at: number | null | undefined): string | null {
  return at == null ? null : toIso(at)
}
