import { given, readText } from '../search.ts'

export type PeopleSearch = { search?: string }

export function readPeopleSearch(search: Record<string, unknown>): PeopleSearch {
  return given({ search: readText(search, 'search') })
}
