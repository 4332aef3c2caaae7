import type { FastifySchemaCompiler } from 'fastify'
import type { TObject, TProperties } from 'typebox'
import { Compile } from 'typebox/compile'
import { Refusal } from '../../error.ts'
import { explain, isValues, quote, type Values } from '../../runtime/explain.ts'

/** What is read of a schema, besides checking by it. */
type Described = { type?: string; properties?: TProperties; items?: Described; anyOf?: Described[] }

/** A body may say that it takes no field that it does not name. */
type Closed = TObject & { additionalProperties?: boolean }

/** Checks a query or a body by its schema. Each property's `description` says what it takes, and is the error's text. */
export const compileSchema: FastifySchemaCompiler<TObject> = ({ schema, httpPart }) => {
  const check = Compile(schema)
  const isDeep = Object.values(schema.properties).some(hasFields)
  return (input: unknown) => {
    const values = isEmptyMap(input) ? {} : input
    if (!isValues(values)) return { error: new Refusal('BAD_REQUEST', 'The body takes a JSON object') }
    const unknown = (schema as Closed).additionalProperties === false ? findUnknown(values, schema) : undefined
    if (unknown !== undefined) {
      const takes = Object.keys(schema.properties).join(', ')
      return { error: new Refusal('BAD_REQUEST', `${quote(unknown)} is not known: this takes ${takes}`) }
    }
    // A step of a path is never left out.
    const value = httpPart === 'params' ? values : pickGiven(values, schema)
    // Unknown fields go no further. (Cleaning walks the schema, some 20 µs: it is for those within a field.)
    if (check.Check(value)) return { value: isDeep ? check.Clean(value) : value }
    return { error: new Refusal('BAD_REQUEST', explain(check, value)) }
  }
}

/** Routes of our own refuse what they do not know, or a change would be answered that is none; VideoSDK's pass over it. */
function findUnknown(values: Values, { properties }: TObject): string | undefined {
  return Object.keys(values).find((name) => !Object.hasOwn(properties, name))
}

function hasFields({ properties, items, anyOf = [] }: Described): boolean {
  return properties !== undefined || (items !== undefined && hasFields(items)) || anyOf.some(hasFields)
}

/** Nothing, or `[]`: PHP writes an empty map so. */
function isEmptyMap(value: unknown): boolean {
  return value == null || (Array.isArray(value) && value.length === 0)
}

/**
 * The known fields that are given, in the schema's order, whatever the sender's. Null and an empty text are a field left
 * out, and so is an object with nothing in it: typed clients and PHP write so.
 */
function pickGiven(values: Values, { properties }: { properties: TProperties }): Values {
  const given: Values = {}
  for (const name in properties) {
    const value = Object.hasOwn(values, name) ? readValue(values[name], properties[name] as Described) : undefined
    if (value !== undefined) given[name] = value
  }
  return given
}

function readValue(value: unknown, { type, properties }: Described): unknown {
  if (isNone(value)) return undefined
  // In a query and in a form every value comes as a text.
  if (typeof value === 'string') {
    if (type === 'integer' && /^-?\d+$/.test(value)) return Number(value)
    if (type === 'boolean' && /^(true|false)$/.test(value)) return value === 'true'
    return value
  }
  if (properties === undefined) return value
  if (isEmptyMap(value)) return undefined
  if (!isValues(value)) return value
  return Object.values(value).every(isNone) ? undefined : pickGiven(value, { properties })
}

function isNone(value: unknown): boolean {
  return value === null || value === ''
}
