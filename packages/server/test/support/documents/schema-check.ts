import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'

// JSON Schema as far as the server's document has it, read and not compiled: to compile what a file of tests needs of the document took
// it longer than to start a server.

type Schema = { [keyword: string]: unknown }
type Check = (said: never, value: never, at: string, check: Checker, schema: Schema) => string | undefined
type Checker = (schema: Schema | boolean, value: unknown, at: string) => string | undefined

const types: { [type: string]: (value: unknown) => boolean } = {
  null: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  number: (value) => Number.isFinite(value),
  integer: (value) => Number.isInteger(value),
  array: Array.isArray,
  object: isObject,
}

const formats: { [format: string]: RegExp } = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$/,
}
/** Said for who makes a client of the document: `type` says what may be there. */
const untestedFormats = new Set(['int64', 'double', 'binary'])

/** How one keyword is checked, for values that it is about; gives what is wrong. */
const ofAny: { [keyword: string]: Check } = {
  type: (type: string | string[], value, at) =>
    [type].flat().some((one) => types[one]?.(value)) ? undefined : `${at} is no ${type}`,
  enum: (all: unknown[], value, at) =>
    all.some((one) => isDeepStrictEqual(one, value)) ? undefined : `${at} is none of ${all}`,
  const: (one, value, at) => (isDeepStrictEqual(one, value) ? undefined : `${at} is not ${one}`),
  anyOf(all: Schema[], value, at, check) {
    const faults = all.map((one) => check(one, value, at))
    return faults.includes(undefined) ? undefined : faults.join(', or ')
  },
}
const ofStrings: { [keyword: string]: Check } = {
  minLength: (min: number, value: string, at) => ([...value].length >= min ? undefined : `${at} is too short`),
  maxLength: (max: number, value: string, at) => ([...value].length <= max ? undefined : `${at} is too long`),
  pattern: (text: string, value: string, at) =>
    new RegExp(text, 'u').test(value) ? undefined : `${at} does not match ${text}`,
  format(name: string, value: string, at) {
    if (untestedFormats.has(name)) return undefined
    const format = formats[name] ?? assert.fail(`what is the format ${name}?`)
    return format.test(value) ? undefined : `${at} is no ${name}`
  },
}
const ofNumbers: { [keyword: string]: Check } = {
  minimum: (min: number, value: number, at) => (value >= min ? undefined : `${at} is less than ${min}`),
  maximum: (max: number, value: number, at) => (value <= max ? undefined : `${at} is more than ${max}`),
}
const ofArrays: { [keyword: string]: Check } = {
  minItems: (min: number, value: unknown[], at) => (value.length >= min ? undefined : `${at} has too few items`),
  maxItems: (max: number, value: unknown[], at) => (value.length <= max ? undefined : `${at} has too many items`),
  items: (of: Schema, value: unknown[], at, check) =>
    firstFault(value.map((one, i) => () => check(of, one, `${at}/${i}`))),
}
const ofObjects: { [keyword: string]: Check } = {
  minProperties: (min: number, value: Schema, at) =>
    Object.keys(value).length >= min ? undefined : `${at} has too few fields`,
  required: (names: string[], value: Schema, at) =>
    firstFault(names.map((name) => () => (Object.hasOwn(value, name) ? undefined : `${at} has no ${name}`))),
  /** Those that it names and no others, but where it says of which kind others are; in its order. */
  properties(of: { [name: string]: Schema }, value: Schema, at, check, { additionalProperties: others = false }) {
    const names = Object.keys(of)
    let last = -1
    for (const [name, part] of Object.entries(value)) {
      const place = names.indexOf(name)
      const schema = of[name] ?? (others as Schema | boolean)
      if (schema === false) return `${at} has a ${name}`
      if (place !== -1 && place < last) return `${at} has its ${name} too late`
      if (place !== -1) last = place
      const fault = check(schema, part, `${at}/${name}`)
      if (fault !== undefined) return fault
    }
    return undefined
  },
  additionalProperties: (of: Schema | boolean, value: Schema, at, check, { properties }) =>
    properties === undefined
      ? firstFault(
          Object.entries(value).map(
            ([name, part]) =>
              () =>
                check(of, part, `${at}/${name}`),
          ),
        )
      : undefined,
}
const saysNothing = new Set(['description', 'title', 'default', 'example', 'examples', 'deprecated', 'discriminator'])

/** What is wrong with a value by a schema of the document; undefined where nothing is. A keyword that is not known here is an error. */
export function findFault(document: object, schema: Schema, value: unknown): string | undefined {
  const check: Checker = (one, part, at) => {
    if (typeof one === 'boolean') return one ? undefined : `${at} may not be there`
    return firstFault(
      Object.entries(one).map(([keyword, said]) => () => {
        if (saysNothing.has(keyword)) return undefined
        if (keyword === '$ref') return check(resolve(document, said as string), part, at)
        const [checks, isAbout] = kindOf(keyword)
        return isAbout(part) ? checks[keyword]?.(said as never, part as never, at, check, one) : undefined
      }),
    )
  }
  return check(schema, value, 'it')
}

/** What a JSON pointer of the document names. */
export function resolve(document: object, pointer: string): Schema {
  const steps = pointer.replace(/^#/, '').split('/').slice(1)
  let found: unknown = document
  for (const step of steps) found = (found as Schema | undefined)?.[step.replaceAll('~1', '/').replaceAll('~0', '~')]
  if (!isObject(found)) assert.fail(`the document has nothing at ${pointer}`)
  return found as Schema
}

const kinds: [checks: { [keyword: string]: Check }, isAbout: (value: unknown) => boolean][] = [
  [ofAny, () => true],
  [ofStrings, (value) => typeof value === 'string'],
  [ofNumbers, (value) => typeof value === 'number'],
  [ofArrays, Array.isArray],
  [ofObjects, isObject],
]

function kindOf(keyword: string) {
  return kinds.find(([checks]) => keyword in checks) ?? assert.fail(`what does ${keyword} say?`)
}

function firstFault(checks: (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const fault = check()
    if (fault !== undefined) return fault
  }
  return undefined
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
