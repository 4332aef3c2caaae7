import type { StaticEncode, TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'

/** Whether a value is as a schema has it, and what is wrong where it is not. */
export type Check<Schema extends TSchema = TSchema> = {
  Check(value: unknown): value is StaticEncode<Schema>
  Errors: Validator['Errors']
  Type(): Schema
}

/** It is compiled when it is first asked: of all that a server may be sent, most never comes to one process. */
export function checkOf<const Schema extends TSchema>(schema: Schema): Check<Schema> {
  let compiled: Validator | undefined
  const compile = () => {
    compiled ??= Compile(schema) as unknown as Validator
    return compiled
  }
  return {
    Check: (value): value is StaticEncode<Schema> => compile().Check(value),
    Errors: (value) => compile().Errors(value),
    Type: () => schema,
  }
}
