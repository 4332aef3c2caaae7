import { Type } from 'typebox'

/** A time as the API answers it. */
export function Time(description?: string) {
  const form = 'ISO 8601, UTC, milliseconds.'
  return Type.String({ format: 'date-time', description: description === undefined ? form : `${description} ${form}` })
}
