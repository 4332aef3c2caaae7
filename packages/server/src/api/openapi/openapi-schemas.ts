/** As much of a JSON Schema as is read here. */
export type Schema = {
  $id?: string
  $ref?: string
  type?: unknown
  const?: unknown
  enum?: unknown[]
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

/** An answer's schema as the document shows it: what has a name is shown once, among the components, and referred to. */
export function toAnswerSchema(schema: Schema, components: Components): Schema {
  return walk(schema, ({ $id, ...rest }) => {
    if ($id === undefined) return simplify(rest)
    if (!components.has($id)) components.set($id, rest)
    return { $ref: `#/components/schemas/${$id}` }
  })
}

/** A request's schema as the document shows it. */
export function toRequestSchema(schema: Schema): Schema {
  return walk(schema, ({ about, description, ...rest }) => {
    const takes = description === undefined ? undefined : `Takes ${description}.`
    const said = [about, takes].filter((text) => text !== undefined).join(' ')
    return simplify({ ...rest, ...(said !== '' && { description: said }) })
  })
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

/** Any name is no pattern; a choice among texts is an `enum`; what may also be null has two types. */
function simplify(schema: Schema): Schema {
  const { patternProperties, anyOf, ...rest } = schema
  if (patternProperties?.['^.*$'] !== undefined) return { ...rest, additionalProperties: patternProperties['^.*$'] }
  if (anyOf === undefined) return schema
  if (anyOf.every((part) => typeof part.const === 'string')) {
    return { type: 'string', enum: anyOf.map((part) => part.const), ...rest }
  }
  const [one, other] = anyOf
  if (anyOf.length === 2 && typeof one?.type === 'string' && one.enum === undefined && other?.type === 'null') {
    return { ...one, ...rest, type: [one.type, 'null'] }
  }
  return schema
}
