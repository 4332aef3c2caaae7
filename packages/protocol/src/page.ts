import { Type } from 'typebox'

/** Items a page when a request names no number. */
export const perPageDefault = 20
/** Most items a page: a larger number is lowered to it. */
export const perPageMax = 1000

export const PageInfo = Type.Object(
  {
    currentPage: Type.Integer({ format: 'int64', description: 'The page that this is, from 1.' }),
    perPage: Type.Integer({ description: 'Most items a page, where too many were asked for lowered to the limit.' }),
    lastPage: Type.Integer({ description: 'At least 1, also when nothing was found.' }),
    total: Type.Integer({ description: 'Items on all pages together.' }),
    nextCursor: Type.Optional(
      Type.String({
        description: 'Of the list of sessions: goes on after this page, given as `cursor`; absent at the end.',
      }),
    ),
    totalCapped: Type.Optional(
      Type.Literal(true, {
        description: 'Of the list of sessions: there are more than `total`, which is counted no further.',
      }),
    ),
  },
  { $id: 'PageInfo', description: 'Where a page stands among the pages.' },
)
export type PageInfo = Type.Static<typeof PageInfo>

export function toPageInfo(page: number, perPage: number, total: number): PageInfo {
  return { currentPage: page, perPage, lastPage: Math.max(1, Math.ceil(total / perPage)), total }
}
