import { given } from '../search.ts'

/** How many days the overview looks back. */
export const overviewDays = [7, 30, 90] as const
export type OverviewDays = (typeof overviewDays)[number]

export function readOverviewSearch(search: Record<string, unknown>): { days?: OverviewDays } {
  return given({ days: overviewDays.find((days) => days === Number(search.days)) })
}
