import type { Random } from '../chaos/random.ts'
import type { Schema } from '../packages/server/src/api/openapi/openapi-schemas.ts'
import { kindOf } from './kinds.ts'
import type { World } from './world.ts'

/** As much of a JSON Schema as values are made from. */
export type ValueSchema = Schema & {
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  pattern?: string
}

/** Texts that somebody, somewhere, stumbled over. */
export const oddTexts = [
  '',
  ' ',
  '0',
  '-1',
  '1e309',
  'NaN',
  'null',
  'true',
  'undefined',
  '[object Object]',
  '__proto__',
  'constructor',
  'toString',
  '\0',
  'a\0b',
  '\r\nset-cookie: a=b',
  '\u2028',
  '\ud800',
  '\udfff\ud800',
  '\ufeff',
  'é',
  'e\u0301',
  '𝕏💥👩‍👩‍👧‍👦',
  '\u202eabc',
  'İı',
  '../../etc/passwd',
  '%00',
  '%2e%2e%2f',
  '%',
  '%zz',
  "' or 1=1 --",
  '"; drop table sessions; --',
  '<script>alert(1)</script>',
  '{{7*7}}',
  '`id`',
  '*',
  '?a=b#c',
  'a,b',
  'http://127.0.0.1:9/',
  '2022-02-22T07:57:11.505Z',
  '2022-02-30',
  '9999-12-31T23:59:59.999Z',
  '+275760-09-13T00:00:00.001Z',
  '1645516631505',
  '99999999999999999999',
  '-99999999999999',
  '621497578bea0d0404c35c4c',
  'abcd-efgh-ijkl',
  'x'.repeat(255),
  'x'.repeat(257),
  '語'.repeat(600),
]

const oddValues: unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1.5,
  1e21,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  -(2 ** 63),
  [],
  [[]],
  [null],
  {},
  { a: { b: { c: {} } } },
  { length: 1e9 },
  Array.from({ length: 300 }, (_, i) => i),
  JSON.parse(`${'['.repeat(2000)}${']'.repeat(2000)}`),
  JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}},"toString":1,"toJSON":1}'),
]

/** Something that a schema takes, mostly; something else now and then. `name` is the field’s, which may tell what it is for. */
export function makeValue(random: Random, schema: ValueSchema, world: World, name = ''): unknown {
  if (random.chance(0.12)) return random.chance(0.5) ? random.pick(oddTexts) : random.pick(oddValues)
  const { type } = schema
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return random.pick(schema.enum)
  if (schema.anyOf !== undefined) return makeValue(random, random.pick(schema.anyOf), world, name)
  switch (Array.isArray(type) ? random.pick(type) : type) {
    case 'object':
      return makeObject(random, schema, world)
    case 'array':
      return makeList(random, schema, world, name)
    case 'integer':
    case 'number':
      return makeNumber(random, schema, name)
    case 'boolean':
      return random.chance(0.5)
    case 'null':
      return null
    case 'string':
      return makeText(random, schema, world, name)
    default:
      return random.chance(0.5) ? random.pick(oddTexts) : random.pick(oddValues)
  }
}

function makeObject(random: Random, { properties = {}, required = [] }: ValueSchema, world: World): object {
  const made: [string, unknown][] = []
  for (const [name, schema] of Object.entries(properties)) {
    if (random.chance(required.includes(name) ? 0.97 : 0.4)) made.push([name, makeValue(random, schema, world, name)])
  }
  if (random.chance(0.1)) made.push([random.pick(oddTexts), random.pick(oddValues)])
  return Object.fromEntries(made)
}

function makeList(random: Random, { items = {}, minItems = 0, maxItems = 3 }: ValueSchema, world: World, name: string) {
  const length = Math.min(minItems + random.below(4), maxItems)
  return Array.from({ length }, () => makeValue(random, items, world, name))
}

function makeNumber(random: Random, { minimum, exclusiveMinimum, maximum }: ValueSchema, name: string): number {
  const least = minimum ?? exclusiveMinimum ?? -10
  if (/At$|^at$/.test(name)) return makeTime(random)
  if (random.chance(0.2)) return least - 1
  if (maximum !== undefined && random.chance(0.2)) return maximum + random.below(2)
  return least + random.below(random.chance(0.9) ? 5 : 1000)
}

function makeText(
  random: Random,
  { minLength = 0, maxLength = 50, pattern }: ValueSchema,
  world: World,
  name: string,
): string {
  const known = knownFor(name, world)
  if (known.length > 0 && random.chance(0.8)) return random.pick(known)
  if (isTime(name)) return toTimeText(random, makeTime(random))
  if (pattern !== undefined) return random.pick(['fuzz', 'a', 'a-b.c_d', '0'])
  if (random.chance(0.1)) return 'y'.repeat(random.pick([minLength, maxLength, maxLength + 1]))
  return `text ${random.below(50)}`
}

/** Mostly of the last days, now and then of any time at all. */
function makeTime(random: Random): number {
  const dayMs = 86_400_000
  if (random.chance(0.9)) return Date.now() - random.below(10 * dayMs)
  return random.pick([0, 1, -1, Date.now() + dayMs, Date.now() / 1000, 8.64e15, 8.64e15 + 1, -8.64e15, 1e18])
}

function toTimeText(random: Random, at: number): string {
  const date = new Date(at)
  return random.chance(0.5) && !Number.isNaN(date.getTime()) ? date.toISOString() : String(at)
}

const nowhere = ['http://127.0.0.1:9/', 'https://127.0.0.1:9/hook', 'ftp://127.0.0.1', '127.0.0.1', 'http://[::1]:9']
const times = ['at', 'joinedAt', 'from', 'to', 'startDate', 'endDate', 'activeAt']

function isTime(name: string): boolean {
  return times.includes(name)
}

function knownFor(name: string, { ids, hookUrl }: World): string[] {
  const kind = kindOf(name)
  if (kind !== undefined) return ids[kind]
  // Nobody outside of this machine is called, wherever a request says to.
  if (['url', 'publicKeyUrl', 'callbackUrl'].includes(name)) return nowhere
  return name === 'endPoint' ? [hookUrl, ...nowhere] : []
}

/** The same with some of what is in it replaced, removed or doubled. */
export function spoil(random: Random, value: unknown): unknown {
  if (random.chance(0.04)) return random.chance(0.5) ? random.pick(oddTexts) : random.pick(oddValues)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    return value.flatMap((one) => (random.chance(0.05) ? random.pick([[], [one, one]]) : [spoil(random, one)]))
  }
  const kept = Object.entries(value).filter(() => !random.chance(0.03))
  return Object.fromEntries(kept.map(([name, inner]) => [name, spoil(random, inner)]))
}
