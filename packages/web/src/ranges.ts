import { atLocal, offsetAt } from './formats.ts'

const dayMs = 86_400_000

/** Times that are often asked for, each by the clocks of the chosen zone. */
export const ranges = ['today', 'yesterday', 'this week', 'last week', 'this month', 'last month'] as const
export type Range = (typeof ranges)[number]

/** Its first and its last moment, as ISO 8601; a week begins on Monday. */
export function toRange(range: Range, now: number): { from: string; to: string } {
  const local = now + offsetAt(now)
  const day = local - (local % dayMs)
  const week = day - ((new Date(day).getUTCDay() + 6) % 7) * dayMs
  const month = (ago: number) => {
    const date = new Date(day)
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - ago, 1)
  }
  const spans: { [name in Range]: [from: number, end: number] } = {
    today: [day, day + dayMs],
    yesterday: [day - dayMs, day],
    'this week': [week, week + 7 * dayMs],
    'last week': [week - 7 * dayMs, week],
    'this month': [month(0), month(-1)],
    'last month': [month(1), month(0)],
  }
  const [from, end] = spans[range]
  return { from: new Date(atLocal(from)).toISOString(), to: new Date(atLocal(end) - 1).toISOString() }
}

/** Which of them this is, if any. */
export function findRange(from: string | undefined, to: string | undefined, now: number): Range | undefined {
  return ranges.find((range) => {
    const span = toRange(range, now)
    return span.from === from && span.to === to
  })
}
