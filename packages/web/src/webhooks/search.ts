import { given, readNumber } from '../search.ts'

export const webhooksPerPage = 20

export function readWebhooksSearch(search: Record<string, unknown>): { page?: number } {
  return given({ page: readNumber(search, 'page') })
}
