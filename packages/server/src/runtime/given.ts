import { isValues, type Values } from './explain.ts'

/** What is read of an object's schema. */
export type Fields = { properties: { [name: string]: object }; additionalProperties?: unknown }
type Described = { type?: string; items?: Partial<Fields>; anyOf?: { type?: string }[] } & Partial<Fields>

/**
 * The known fields that are given, in the schema's order, whatever the sender's. Null and an empty text are a field left
 * out, and so is an object with nothing in it, which PHP writes `[]`: typed clients write so. Where a schema takes null by
 * name, it means something. An object that refuses what it does not know keeps it, to be refused.
 */
export function pickGiven(values: Values, { properties, additionalProperties }: Fields): Values {
  const given: Values = {}
  for (const name in properties) {
    const value = Object.hasOwn(values, name) ? readValue(values[name], properties[name] as Described) : undefined
    if (value !== undefined) given[name] = value
  }
  if (additionalProperties !== false) return given
  const unknown = Object.entries(values).filter(([name]) => !Object.hasOwn(properties, name))
  return unknown.length === 0 ? given : { ...given, ...Object.fromEntries(unknown) }
}

/** Nothing, or `[]`: PHP writes an empty map so. */
export function isEmptyMap(value: unknown): boolean {
  return value == null || (Array.isArray(value) && value.length === 0)
}

function readValue(value: unknown, schema: Described): unknown {
  if (value === null && schema.anyOf?.some(({ type }) => type === 'null')) return null
  if (value === null || value === '') return undefined
  if (typeof value === 'string') return readText(value, schema.type)
  if (schema.properties !== undefined) return readObject(value, schema as Fields)
  const { items } = schema
  if (items?.properties === undefined || !Array.isArray(value)) return value
  return value.map((item) => (isValues(item) ? pickGiven(item, items as Fields) : item))
}

/** In a query and in a form every value comes as a text; PHP writes 1 there for true, and 0 for false. */
function readText(text: string, type: string | undefined): unknown {
  if (type === 'integer' && /^-?\d+$/.test(text)) return Number(text)
  if (type === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false|1|0)$/.test(text)) return text === 'true' || text === '1'
  return text
}

function readObject(value: unknown, fields: Fields): unknown {
  if (isEmptyMap(value)) return undefined
  if (!isValues(value)) return value
  return Object.values(value).every(isNone) ? undefined : pickGiven(value, fields)
}

function isNone(value: unknown): boolean {
  return value === null || value === ''
}
