/** As much of a JSON Schema as is read here. */
export type Schema = {
  $id?: string
  $ref?: string
  type?: unknown
  const?: unknown
  enum?: unknown[]
  format?: string
  maximum?: number
  additionalProperties?: Schema
  patternProperties?: { [pattern: string]: Schema }
  description?: string
  properties?: { [name: string]: Schema }
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  /** In a request: what it is for. `description` says what it takes, as errors do. */
  about?: string
  /** Shown in place of a schema that is looser, because what it checks is checked further inside. */
  shownAs?: Schema
}

export type Components = Map<string, Schema>

const int32Max = 2_147_483_647

/** An answer's schema as the document shows it: what has a name is shown once, among the components, and referred to. */
export function toAnswerSchema(schema: Schema, components: Components): Schema {
  return walk(schema, (part) => toNamed(part, components))
}

/** A request's schema as the document shows it. */
export function toRequestSchema(schema: Schema, components: Components): Schema {
  return walk(schema, ({ about, description, ...rest }) => {
    const takes = description === undefined ? undefined : `Takes ${description}.`
    const said = [about, takes].filter((text) => text !== undefined).join(' ')
    return toNamed({ ...rest, ...(said !== '' && { description: said }) }, components)
  })
}

function toNamed({ $id, ...rest }: Schema, components: Components): Schema {
  const shown = simplify(rest)
  if ($id === undefined) return shown
  if (!components.has($id)) components.set($id, shown)
  return { $ref: `#/components/schemas/${$id}` }
}

/** Changes a schema from its innermost parts outwards. */
function walk(given: Schema, change: (schema: Schema) => Schema): Schema {
  const schema = given.shownAs ?? given
  const { properties, items, anyOf } = schema
  return change({
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, walk(part, change)])),
    }),
    ...(items && { items: walk(items, change) }),
    ...(anyOf && { anyOf: anyOf.map((part) => walk(part, change)) }),
  })
}

/**
 * Any name is no pattern; a choice among texts is an `enum`, also of one where it is a choice beside another type, which
 * generators know and a `const` they do not; what may also be null has two types; a number that takes more than 32 bits
 * says so.
 */
function simplify(schema: Schema): Schema {
  const { patternProperties, anyOf, ...rest } = schema
  if (rest.type === 'integer' && (rest.maximum ?? 0) > int32Max) return { ...rest, format: 'int64' }
  // Without a format generators take 32 bits for enough: of a month in seconds the milliseconds would be lost.
  if (rest.type === 'number') return { ...rest, format: 'double' }
  if (patternProperties?.['^.*$'] !== undefined) return { ...rest, additionalProperties: patternProperties['^.*$'] }
  if (anyOf === undefined) return schema
  if (anyOf.every((part) => typeof part.const === 'string')) {
    return { type: 'string', enum: anyOf.map((part) => part.const), ...rest }
  }
  const [one, other] = anyOf
  if (anyOf.some((part) => typeof part.const === 'string')) {
    return {
      ...rest,
      anyOf: anyOf.map(({ const: only, ...part }) => (only === undefined ? part : { ...part, enum: [only] })),
    }
  }
  if (anyOf.length === 2 && typeof one?.type === 'string' && one.enum === undefined && other?.type === 'null') {
    return { ...one, ...rest, type: [one.type, 'null'] }
  }
  return schema
}
