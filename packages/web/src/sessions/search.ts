import type { SessionFilters } from '@rollcall/client'
import { given, readNumber, readOneOf, readText, readTime } from '../search.ts'

/** What the list shows: all of it is in the address. */
export type SessionsSearch = {
  /** One exact roomId or customRoomId. */
  room?: string
  /** A part of either. */
  part?: string
  status?: 'ongoing' | 'ended'
  person?: string
  from?: string
  to?: string
  /** Who was inside at this moment. */
  at?: string
  page?: number
}

export const sessionsPerPage = 20

export function readSessionsSearch(search: Record<string, unknown>): SessionsSearch {
  return given({
    room: readText(search, 'room'),
    part: readText(search, 'part'),
    status: readOneOf(search, 'status', ['ongoing', 'ended'] as const),
    person: readText(search, 'person'),
    from: readTime(search, 'from'),
    to: readTime(search, 'to'),
    at: readTime(search, 'at'),
    page: readNumber(search, 'page'),
  })
}

export function toFilters({ room, part, person, from, to, at }: SessionsSearch): SessionFilters {
  return given({ query: room, search: part, participantId: person, startDate: from, endDate: to, activeAt: at })
}

/** All of the list as the server gives it in one file. */
export function toPath(search: SessionsSearch): string {
  const query = new URLSearchParams({ ...(toFilters(search) as { [name: string]: string }) })
  if (search.status !== undefined) query.set('status', search.status)
  return `/v2/sessions?${query}`
}
