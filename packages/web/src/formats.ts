// How moments and numbers are written: in the reader's first language, whatever language the browser's own menus have, and in the
// time zone that they chose.

const locales = navigator.languages.length > 0 ? [...navigator.languages] : undefined
/** Scripts that are written from right to left. */
const rightToLeft = ['Adlm', 'Arab', 'Hebr', 'Nkoo', 'Rohg', 'Syrc', 'Thaa']

/** In which direction the reader's first language is written: so the page is laid out. */
export const direction = rightToLeft.includes(new Intl.Locale(locales?.[0] ?? 'en').maximize().script ?? '')
  ? 'rtl'
  : 'ltr'

const zoneKey = 'rollcall.zone'

/** The zone of the reader's machine. */
export const ownZone = new Intl.DateTimeFormat().resolvedOptions().timeZone

/** The IANA time zone that all times are shown in. */
export const zone = readZone()

function readZone(): string {
  const kept = localStorage.getItem(zoneKey)
  if (kept === null || !isZone(kept)) return ownZone
  return kept
}

function isZone(name: string): boolean {
  return name === 'UTC' || Intl.supportedValuesOf('timeZone').includes(name)
}

export function listZones(): string[] {
  return [...new Set([ownZone, 'UTC', ...Intl.supportedValuesOf('timeZone')])]
}

/** Everything on the page is written anew: it is loaded again. */
export function chooseZone(chosen: string): void {
  if (chosen === ownZone) localStorage.removeItem(zoneKey)
  else localStorage.setItem(zoneKey, chosen)
  location.reload()
}

export function dateFormat(options: Intl.DateTimeFormatOptions, timeZone = zone): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locales, { ...options, timeZone })
}

const wallClock = dateFormat({ dateStyle: 'medium', timeStyle: 'short' }, 'UTC')
const date = dateFormat({ dateStyle: 'medium' }, 'UTC')

/** What the clocks of some place show, given as yyyy-mm-ddThh:mm. */
export function formatWallClock(local: string): string {
  return wallClock.format(Date.parse(`${local.slice(0, 16)}Z`))
}

/** A day of a calendar, given as yyyy-mm-dd. */
export function formatDay(day: string): string {
  return date.format(Date.parse(day.slice(0, 10)))
}

const numbers = new Intl.NumberFormat(locales)

export function formatNumber(number: number): string {
  return numbers.format(number)
}

const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })

/** How far the clocks of the zone are ahead of UTC then, in milliseconds. */
export function offsetAt(at: number): number {
  const name = parts.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const [, sign = '+', hours = '0', minutes = '0'] = /([+-])(\d\d):?(\d\d)?/.exec(name) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

const texts = new Intl.Collator(locales, { numeric: true, sensitivity: 'base' })

/** In which order the reader's language has two texts; what looks like a number in them counts as one. */
export function compareTexts(a: string, b: string): number {
  return texts.compare(a, b)
}

/** When its clocks show this, as if it were UTC: where they show it twice, the first time. */
export function atLocal(local: number): number {
  const guess = local - offsetAt(local)
  return local - offsetAt(guess)
}

/** What spreadsheets of the reader's language put between cells: where a number has a comma, a semicolon. */
export const listSeparator = numbers.format(1.5).includes(',') ? 'semicolon' : 'comma'

const days = new Intl.DateTimeFormat('sv', { dateStyle: 'short', timeZone: zone })

/** The day of a moment in the chosen zone, as yyyy-mm-dd. */
export function isoDay(at: string | number): string {
  return days.format(new Date(at))
}
