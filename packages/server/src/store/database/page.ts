/** A page by its number, from 1. */
export type Page = { page: number; perPage: number }

/** As a query takes it. */
export function toLimit({ page, perPage }: Page): { limit: number; offset: number } {
  return { limit: perPage, offset: (page - 1) * perPage }
}
