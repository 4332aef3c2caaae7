import type { FastifySchemaCompiler } from 'fastify'
import type { TObject, TProperties } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { Refusal } from '../error.ts'
import { quotedMaxDepth, quotedMaxLength } from './limits.ts'

export type Values = { [name: string]: unknown }
/** What is read of a schema, besides checking by it. */
type Described = {
  description?: string
  properties?: { [name: string]: Described }
  items?: Described
  anyOf?: Described[]
}

/** Checks a query or a body by its schema. Each property's `description` says what it takes, and is the error's text. */
export const compileSchema: FastifySchemaCompiler<TObject> = ({ schema }) => {
  const check = Compile(schema)
  const isDeep = Object.values(schema.properties).some(hasFields)
  return (input: unknown) => {
    const values = input ?? {}
    if (!isValues(values)) return { error: new Refusal('BAD_REQUEST', 'The body takes a JSON object') }
    const value = pickKnown(readTexts(values, schema), schema.properties)
    // Unknown fields go no further. (Cleaning walks the schema, some 20 µs: it is for those within a field.)
    if (check.Check(value)) return { value: isDeep ? check.Clean(value) : value }
    return { error: new Refusal('BAD_REQUEST', explain(check, value)) }
  }
}

export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The known fields, in the schema's order, whatever the sender's. Null is a field left out: typed clients write so. */
export function pickKnown(value: Values, fields: TProperties): Values {
  const known: Values = {}
  for (const name in fields) if (value[name] != null) known[name] = value[name]
  return known
}

function hasFields({ properties, items, anyOf = [] }: Described): boolean {
  return properties !== undefined || (items !== undefined && hasFields(items)) || anyOf.some(hasFields)
}

/** In a query and in a form every value comes as a text. */
function readTexts(input: Values, schema: TObject): Values {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => {
      const { type } = (schema.properties[name] ?? {}) as { type?: string }
      if (typeof value !== 'string') return [name, value]
      if (type === 'integer' && /^-?\d+$/.test(value)) return [name, Number(value)]
      if (type === 'boolean' && /^(true|false)$/.test(value)) return [name, value === 'true']
      return [name, value]
    }),
  )
}

/** What is wrong with a value: names the part of it, or the nearest around that part which says what it takes. */
export function explain(check: Validator, value: unknown): string {
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
  return `${named.name}=${quote(named.value)} is not understood${where}: it takes ${named.takes}`
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
