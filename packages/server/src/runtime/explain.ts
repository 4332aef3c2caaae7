import type { Check } from './check.ts'

/** The fields of an object that somebody sent. */
export type Values = { [name: string]: unknown }
/** What an error reads of a schema. */
type Described = { description?: string; properties?: { [name: string]: Described }; items?: Described }

/** Longest part of a wrong value that an error repeats, in characters. */
const quotedMaxLength = 60
/** Deepest nesting of a wrong value that an error repeats, in levels. */
const quotedMaxDepth = 2

/**
 * What is wrong with a value: names the part of it, or the nearest around that part which says what it takes.
 * @param show how it repeats the wrong part
 */
export function explain(check: Check, value: unknown, show = quote): string {
  const [error] = check.Errors(value)
  const path = error?.instancePath.split('/').slice(1) ?? []
  let schema: Described | undefined = check.Type() as Described
  let inner = value
  let named = { name: '', value, takes: schema.description }
  for (const [i, step] of path.entries()) {
    schema = schema?.properties?.[step] ?? schema?.items
    inner = (inner as Values)[step]
    const takes = schema?.description
    if (takes !== undefined) named = { name: path.slice(0, i + 1).join('.'), value: inner, takes }
  }
  const missing = error?.keyword === 'required' ? error.params.requiredProperties[0] : undefined
  const missingTakes = missing === undefined ? undefined : schema?.properties?.[missing]?.description
  if (missingTakes !== undefined) return `${[...path, missing].join('.')} is missing: it takes ${missingTakes}`
  const where = path.join('.') === named.name ? '' : `, at ${path.join('.')}`
  return `${named.name}=${show(named.value)} is not understood${where}: it takes ${named.takes}`
}

/** A wrong value, as an error repeats it: its beginning. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(pickFirst(value, quotedMaxDepth))
  return text.length > quotedMaxLength ? `${text.slice(0, quotedMaxLength)}…` : text
}

/** As much of a value as can matter to its beginning: a sender's lists may be long, and nested deeper than the stack. */
function pickFirst(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) return '…'
  if (Array.isArray(value)) return value.slice(0, quotedMaxLength).map((inner) => pickFirst(inner, depth - 1))
  const first = Object.entries(value).slice(0, quotedMaxLength)
  return Object.fromEntries(first.map(([name, inner]) => [name, pickFirst(inner, depth - 1)]))
}

export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
