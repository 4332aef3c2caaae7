import { ErrorBody, type ErrorCode, statusOf } from '@rollcall/protocol'
import type { TObject } from 'typebox'

/** An error in a route's `response`, with the codes that it may have. */
export type RefusalSchema = typeof ErrorBody & { codes: ErrorCode[] }

/**
 * What a route may refuse, beside what any route of its kind may: for the `response` of its schema. A refusal is thrown,
 * so to the types it is no part of what the route returns.
 */
export function refusals(...codes: ErrorCode[]): object {
  const byStatus = Object.groupBy(codes, (code) => statusOf[code])
  return Object.fromEntries(Object.entries(byStatus).map(([status, codes]) => [status, { ...ErrorBody, codes }]))
}

/** What a refusal is called and how it is written: a vendor's, where a route's schema has one as its `dialect`. */
export type ErrorDialect = {
  /** Of the body, in which `field` has the name for programs. */
  shape: TObject
  field: 'code' | 'error'
  /** @param status ours */
  toNamed(code: RefusalCode, status: number): { status: number; name: string }
  toBody(name: string, error: ErrorBody): object
}
export type RefusalCode = ErrorCode | 'INTERNAL'

export const ourWords: ErrorDialect = {
  shape: ErrorBody,
  field: 'code',
  toNamed: (code, status) => ({ status, name: code }),
  toBody: (_, error) => error,
}

/** For the `response` of a route that answers with an ETag. */
export const notModified: object = {
  304: { type: 'null', description: 'Nothing changed since the answer whose ETag was sent in `if-none-match`.' },
}
