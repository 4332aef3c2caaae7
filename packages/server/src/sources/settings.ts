import { randomBytes } from 'node:crypto'
import { SourceSettings, type SourceType } from '@rollcall/protocol'
import type { TProperties, TSchema } from 'typebox'
import { Check } from 'typebox/value'
import { Refusal } from '../error.ts'
import { FetchFailure, type GuardedFetch } from '../runtime/guarded-fetch.ts'
import type { Source } from '../store/sources.ts'

type Given = { [name: string]: unknown }

/** Settings that are addresses which the server calls. */
const calledNames = ['url', 'publicKeyUrl']

/**
 * The given settings that a type of source takes, each in its form; the required ones are among them.
 * Throws a `Refusal` that names what is wrong, and never repeats a value: it may be a secret.
 */
export function requireSettings(type: SourceType, given: Given): Source['settings'] {
  for (const [name, { takes, isRequired }] of fieldsOf(type)) {
    if (isRequired && given[name] === undefined) {
      throw new Refusal('BAD_REQUEST', `${name} is missing: a ${type} source takes ${takes}`)
    }
  }
  return readSettings(type, given)
}

/** The same for changes: no setting is required. */
export function readSettings(type: SourceType, given: Given): Source['settings'] {
  const settings: Source['settings'] = {}
  const fields = fieldsOf(type)
  const unknown = Object.keys(given).find((name) => given[name] !== undefined && !fields.has(name))
  if (unknown !== undefined) {
    const takes = ['name', ...fields.keys()].join(', ')
    throw new Refusal('BAD_REQUEST', `${unknown} is no setting of a ${type} source: it takes ${takes}`)
  }
  for (const [name, { schema, takes }] of fields) {
    const value = given[name]
    if (value === undefined) continue
    if (!Check(schema, value)) throw new Refusal('BAD_REQUEST', `${name} is not understood: it takes ${takes}`)
    settings[name] = value as string
  }
  return settings
}

/** Credentials by which deliveries are verified. */
const credentialNames = ['apiKey', 'secret', 'user', 'password']
/** How long the credentials before a rotation hold too, in milliseconds: a day, for the media server to change its own. */
const credentialOverlapMs = 24 * 3_600_000

/** The credentials that these changes replace, as they hold from now on; undefined where they replace none. */
export function toPrevious(
  { settings }: Pick<Source, 'settings'>,
  changes: Source['settings'],
  now: number,
): Source['previous'] {
  const replaced = credentialNames.filter(
    (name) => settings[name] !== undefined && changes[name] !== undefined && changes[name] !== settings[name],
  )
  if (replaced.length === 0) return undefined
  const kept = Object.fromEntries(replaced.map((name) => [name, settings[name] ?? '']))
  return { settings: kept, until: now + credentialOverlapMs }
}

/** Credentials that are generated where none are given. */
const generatedNames = ['secret', 'password']

/** The settings as they are stored: a credential for the sender is generated where none is given. */
export function completeSettings(
  type: SourceType,
  settings: Source['settings'],
): { settings: Source['settings']; newSecret?: string } {
  const name = generatedNames.find((one) => fieldsOf(type).get(one)?.isRequired === false)
  if (name === undefined || settings[name] !== undefined) return { settings }
  const newSecret = randomBytes(32).toString('base64url')
  return { settings: { ...settings, [name]: newSecret }, newSecret }
}

/** Throws a `Refusal` for an address that the server may not call. */
export async function checkAddresses(settings: Source['settings'], guardedFetch: GuardedFetch): Promise<void> {
  for (const name of calledNames) {
    const url = settings[name]
    if (url === undefined) continue
    await guardedFetch.check(url).catch((error) => {
      if (error instanceof FetchFailure) throw new Refusal('BAD_REQUEST', `${name} is not taken: ${error.message}`)
      throw error
    })
  }
}

type Shape = { properties: TProperties; required?: string[] | undefined }
type Field = { schema: TSchema; takes: string; isRequired: boolean }

function fieldsOf(type: SourceType): Map<string, Field> {
  const { properties, required = [] }: Shape = SourceSettings[type]
  return new Map(
    Object.entries(properties).map(([name, schema]) => {
      const { description = 'a text' } = schema as { description?: string }
      return [name, { schema, takes: description, isRequired: required.includes(name) }]
    }),
  )
}
