import { given, readNumber, readOneOf, readText } from '../search.ts'

/** `from` and `to`: days, as yyyy-mm-dd. */
export type ScheduleSearch = { from?: string; to?: string; people?: 'expected'; page?: number }

export function readScheduleSearch(search: Record<string, unknown>): ScheduleSearch {
  return given({
    from: readDay(search, 'from'),
    to: readDay(search, 'to'),
    people: readOneOf(search, 'people', ['expected'] as const),
    page: readNumber(search, 'page'),
  })
}

function readDay(search: Record<string, unknown>, name: string): string | undefined {
  const text = readText(search, name)
  return text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : undefined
}
