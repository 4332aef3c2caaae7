// What an address says of a view. Whoever writes one by hand may write anything: what is not understood is left out.

type Given = { [name: string]: unknown }

export function readText(search: Given, name: string): string | undefined {
  const value = search[name]
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

export function readNumber(search: Given, name: string, max = Number.MAX_SAFE_INTEGER): number | undefined {
  const number = Number(search[name])
  return Number.isInteger(number) && number >= 1 && number <= max ? number : undefined
}

export function readTime(search: Given, name: string): string | undefined {
  const text = readText(search, name)
  const at = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(at) ? undefined : new Date(at).toISOString()
}

export function readOneOf<T extends string>(search: Given, name: string, known: readonly T[]): T | undefined {
  return known.find((one) => one === search[name])
}

/** Without the names whose value is undefined. */
export function given<T extends object>(values: T): { [name in keyof T]?: Exclude<T[name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}
