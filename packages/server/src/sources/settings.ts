import { randomBytes } from 'node:crypto'
import { SourceSettings, type SourceType } from '@rollcall/protocol'
import type { TProperties, TSchema } from 'typebox'
import { Check } from 'typebox/value'
import { Refusal } from '../error.ts'
import { FetchFailure, type GuardedFetch } from '../runtime/guarded-fetch.ts'
import type { Source } from '../store/sources.ts'

type Given = { [name: string]: unknown }

/** Settings that are addresses which the server itself will call. */
const calledNames = ['url', 'publicKeyUrl']

/**
 * Those of the given settings that a type of source takes, each as it takes it; what it cannot do without is among them.
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

/** The same of changes: what is not given stays. */
export function readSettings(type: SourceType, given: Given): Source['settings'] {
  const settings: Source['settings'] = {}
  for (const [name, { schema, takes }] of fieldsOf(type)) {
    const value = given[name]
    if (value === undefined) continue
    if (!Check(schema, value)) throw new Refusal('BAD_REQUEST', `${name} is not understood: it takes ${takes}`)
    settings[name] = value as string
  }
  return settings
}

/** What a sender can be told, where its owner gave none: a secret, or a password. */
const madeNames = ['secret', 'password']

/** The settings as they are kept: a secret that the sender is to be told is made where none was given. */
export function completeSettings(
  type: SourceType,
  settings: Source['settings'],
): { settings: Source['settings']; newSecret?: string } {
  const name = madeNames.find((made) => fieldsOf(type).get(made)?.isRequired === false)
  if (name === undefined || settings[name] !== undefined) return { settings }
  const newSecret = randomBytes(32).toString('base64url')
  return { settings: { ...settings, [name]: newSecret }, newSecret }
}

/** Throws a `Refusal` where an address among them is one that the server may not call. */
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
