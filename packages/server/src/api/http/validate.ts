import type { FastifySchemaCompiler } from 'fastify'
import type { TObject } from 'typebox'
import { Refusal } from '../../error.ts'
import { checkOf } from '../../runtime/check.ts'
import { explain, isValues, quote, type Values } from '../../runtime/explain.ts'
import { isEmptyMap, pickGiven } from '../../runtime/given.ts'

/** A body may say that it takes no field that it does not name. */
type Closed = TObject & { additionalProperties?: boolean }

/** Checks a query or a body by its schema. Each property's `description` says what it takes, and is the error's text. */
export const compileSchema: FastifySchemaCompiler<TObject> = ({ schema, httpPart }) => {
  const check = checkOf(schema)
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
    if (check.Check(value)) return { value }
    return { error: new Refusal('BAD_REQUEST', explain(check, value)) }
  }
}

/** Routes of our own refuse what they do not know, or a change would be answered that is none; VideoSDK's pass over it. */
function findUnknown(values: Values, { properties }: TObject): string | undefined {
  return Object.keys(values).find((name) => !Object.hasOwn(properties, name))
}
