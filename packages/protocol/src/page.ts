import { Type } from 'typebox'

/** Items a page when a request names no number. */
export const perPageDefault = 20
/** Most items a page: a larger number is lowered to it. */
export const perPageMax = 1000

export const PageInfo = Type.Object({
  currentPage: Type.Integer(),
  perPage: Type.Integer(),
  lastPage: Type.Integer({ description: 'At least 1, also when nothing was found.' }),
  total: Type.Integer(),
  nextCursor: Type.Optional(
    Type.String({ description: 'Goes on after this page, given as `cursor`; absent at the end.' }),
  ),
  totalCapped: Type.Optional(Type.Literal(true, { description: 'There are more than `total`.' })),
})
export type PageInfo = Type.Static<typeof PageInfo>

export function toPageInfo(page: number, perPage: number, total: number): PageInfo {
  return { currentPage: page, perPage, lastPage: Math.max(1, Math.ceil(total / perPage)), total }
}
