import { given, readOneOf } from '../search.ts'

export type SessionView = 'timeline' | 'attendance' | 'quality'

export function readSessionSearch(search: Record<string, unknown>): { view?: SessionView } {
  return given({ view: readOneOf(search, 'view', ['timeline', 'attendance', 'quality'] as const) })
}
