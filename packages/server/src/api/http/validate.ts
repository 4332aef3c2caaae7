import type { FastifySchemaCompiler } from 'fastify'
import type { TObject, TProperties } from 'typebox'
import { Compile } from 'typebox/compile'
import { Refusal } from '../../error.ts'
import { explain, isValues, pickKnown, quote, type Values } from '../../runtime/explain.ts'

/** What is read of a schema, besides checking by it. */
type Described = { properties?: TProperties; items?: Described; anyOf?: Described[] }

/** A body may say that it takes no field that it does not name. */
type Closed = TObject & { additionalProperties?: boolean }

/** Checks a query or a body by its schema. Each property's `description` says what it takes, and is the error's text. */
export const compileSchema: FastifySchemaCompiler<TObject> = ({ schema }) => {
  const check = Compile(schema)
  const isDeep = Object.values(schema.properties).some(hasFields)
  return (input: unknown) => {
    const values = input ?? {}
    if (!isValues(values)) return { error: new Refusal('BAD_REQUEST', 'The body takes a JSON object') }
    const unknown = (schema as Closed).additionalProperties === false ? findUnknown(values, schema) : undefined
    if (unknown !== undefined) {
      const takes = Object.keys(schema.properties).join(', ')
      return { error: new Refusal('BAD_REQUEST', `${quote(unknown)} is not known: this takes ${takes}`) }
    }
    const value = pickKnown(readTexts(values, schema), schema.properties)
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
