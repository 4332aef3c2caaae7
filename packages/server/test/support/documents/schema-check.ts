import assert from 'node:assert/strict'
import Format from 'typebox/format'
import { Check, Errors, type XSchema } from 'typebox/schema'

/** Every time has its milliseconds and is of UTC, which is stricter than the format. */
Format.Set('date-time', (text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$/.test(text))

/**
 * A document whose schemas are read and not compiled: to compile what a file of tests needs of them took it longer than to start a
 * server. Each of an object takes the fields that it names and no others, in its order.
 */
export function readSchemas(document: object): {
  /** What is wrong with a value by the schema at a JSON pointer of the document; undefined where nothing is. */
  findFault(pointer: string, value: unknown): string | undefined
} {
  const closed = new Map<string, XSchema>()
  const schemaAt = (pointer: string): XSchema => {
    const known = closed.get(pointer)
    if (known !== undefined) return known
    const schema = close(resolve(document, pointer)) as XSchema
    closed.set(pointer, schema)
    return schema
  }
  return {
    findFault(pointer, value) {
      const schema = schemaAt(pointer)
      if (Check(schema, value)) return undefined
      const [, errors] = Errors(schema, value)
      return errors.map(({ instancePath, message }) => `it${instancePath} ${message}`).join(', ')
    },
  }

  /** With what it refers to in its place: to find that each time takes longer than to check it. */
  function close(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(close)
    if ('$ref' in value) return schemaAt(String(value.$ref).slice(1))
    const parts = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, close(part)]))
    if (parts.type !== 'object' || parts.properties === undefined) return parts
    const names = Object.keys(parts.properties as object)
    const inOrder = { check: (one: object) => isInOrder(names, one), error: () => `has not this order: ${names}` }
    return { additionalProperties: false, ...parts, '~refine': [inOrder] }
  }
}

function isInOrder(names: string[], value: object): boolean {
  const places = Object.keys(value)
    .map((name) => names.indexOf(name))
    .filter((place) => place !== -1)
  return places.every((place, i) => i === 0 || place > (places[i - 1] ?? 0))
}

/** What a JSON pointer names. */
function resolve(document: object, pointer: string): unknown {
  let found: unknown = document
  for (const step of pointer.split('/').slice(1)) {
    const name = decodeURI(step).replaceAll('~1', '/').replaceAll('~0', '~')
    found = typeof found === 'object' && found !== null ? (found as { [name: string]: unknown })[name] : undefined
  }
  assert.ok(found, `the document has nothing at ${pointer}`)
  return found
}
