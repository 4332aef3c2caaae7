import { perPageDefault, perPageMax } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Page } from '../../store/database/page.ts'
import { pageMax } from '../limits.ts'

/** What every list takes. */
export const PageQuery = Type.Object({
  page: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: pageMax,
      default: 1,
      description: `a whole number from 1 to ${pageMax}`,
      about: 'Which page.',
    }),
  ),
  perPage: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: perPageDefault,
      description: `a whole number from 1; more than ${perPageMax} is ${perPageMax}`,
      about: 'How many items a page has.',
    }),
  ),
})
export type PageQuery = Type.Static<typeof PageQuery>

export function toPage({ page = 1, perPage = perPageDefault }: PageQuery): Page {
  return { page, perPage: Math.min(perPage, perPageMax) }
}
