const unitMs: { [unit: string]: number } = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** What a duration takes, for errors. */
export const durationTakes = 'a whole number and a unit, such as 90s, 30m, 12h or 7d'

/** Milliseconds of `30m`, `12h` or `7d`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,6})([smhd])$/.exec(text.trim().toLowerCase())
  if (match === null) return undefined
  const [, digits, unit = ''] = match
  return Number(digits) * (unitMs[unit] ?? Number.NaN)
}
