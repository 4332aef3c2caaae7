import { given, readNumber } from '../search.ts'

export type PersonSearch = { page?: number }

export function readPersonSearch(search: Record<string, unknown>): PersonSearch {
  return given({ page: readNumber(search, 'page') })
}
