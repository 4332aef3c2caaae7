import { given, readNumber, readText } from '../search.ts'

export const schedulesPerPage = 20

export type SchedulesSearch = { room?: string; page?: number }

export function readSchedulesSearch(search: Record<string, unknown>): SchedulesSearch {
  return given({ room: readText(search, 'room'), page: readNumber(search, 'page') })
}
