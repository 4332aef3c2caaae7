import { given, readNumber, readText } from '../search.ts'

export const roomsPerPage = 20

export function readRoomsSearch(search: Record<string, unknown>): { query?: string; page?: number } {
  return given({ query: readText(search, 'query'), page: readNumber(search, 'page') })
}
