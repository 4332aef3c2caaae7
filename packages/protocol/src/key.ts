import { Type } from 'typebox'
import { nameMaxLength } from './ids.ts'
import { Time } from './time.ts'

/** What a key may do: everything of its owner's, or a part of that. */
const KeyScope = Type.Union(
  [Type.Literal('all'), Type.Literal('read'), Type.Literal('ingest'), Type.Literal('rooms')],
  {
    description:
      '`all`: everything of its owner’s. `read`: the record, of which it changes nothing. `ingest`: bringing events and imports. `rooms`: making, opening and closing rooms, inviting to them and joining them, ending what runs in them.',
  },
)
export type KeyScope = Type.Static<typeof KeyScope>
/** What `scopes` takes. */
export const keyScopesTake = 'a list of all, read, ingest or rooms'
/** Most keys of one owner. */
export const ownerKeysMax = 100
/** How long an old secret stays good beside a new one unless the caller says otherwise, in seconds: a day. */
export const secretOverlapSeconds = 24 * 3600
/** Longest time for which an old secret stays good beside a new one, in seconds: a week. */
export const secretOverlapMaxSeconds = 7 * 24 * 3600

const name = Type.String({
  minLength: 1,
  maxLength: nameMaxLength,
  description: `a text of 1 to ${nameMaxLength} characters`,
  about: 'What or whom it is for.',
})
const expiresAt = Type.String({
  description: 'a time to come, such as 2027-01-31T00:00:00Z, or never',
  about: 'From when on its tokens are refused.',
})

/** What `POST /v2/keys` takes. */
export const NewKey = Type.Object(
  {
    name,
    scopes: Type.Array(KeyScope, {
      minItems: 1,
      maxItems: 4,
      description: keyScopesTake,
      about: 'What it may do.',
    }),
    expiresAt: Type.Optional(expiresAt),
  },
  { additionalProperties: false },
)
export type NewKey = Type.Static<typeof NewKey>

/** What `PATCH /v2/keys/:apiKey` takes. */
export const KeyChanges = Type.Object(
  {
    name: Type.Optional(name),
    expiresAt: Type.Optional(expiresAt),
    disabled: Type.Optional(
      Type.Boolean({ description: 'true or false', about: 'Whether its tokens are refused, until it is false again.' }),
    ),
  },
  { additionalProperties: false },
)
export type KeyChanges = Type.Static<typeof KeyChanges>

/** What `POST /v2/keys/:apiKey/rotate-secret` takes. */
export const KeyRotation = Type.Object(
  {
    overlapSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: secretOverlapMaxSeconds,
        default: secretOverlapSeconds,
        description: `a whole number of seconds from 0 to ${secretOverlapMaxSeconds}`,
        about: 'How long the old secret stays good beside the new one.',
      }),
    ),
  },
  { additionalProperties: false },
)
export type KeyRotation = Type.Static<typeof KeyRotation>

const shown = {
  apiKey: Type.String({ description: 'What tokens name in their claim `apikey`.' }),
  name: Type.Union([Type.String(), Type.Null()], { description: 'What or whom it is for.' }),
  isFirst: Type.Boolean({
    description: 'Whether it is the key that the owner began with: it may do everything, for good, and stays.',
  }),
  scopes: Type.Array(KeyScope, { description: 'What it may do.' }),
  createdAt: Time(),
  lastUsedAt: Type.Union([Time(), Type.Null()], {
    description: 'When a token of it was last good, to the minute; null: never yet.',
  }),
  expiresAt: Type.Union([Time(), Type.Null()], { description: 'From when on its tokens are refused; null: never.' }),
  disabledAt: Type.Union([Time(), Type.Null()], { description: 'Since when it is disabled; null: it is not.' }),
  oldSecretUntil: Type.Union([Time(), Type.Null()], {
    description: 'Until when the secret before the last rotation is good too; null where there is none.',
  }),
}

export const OwnerKey = Type.Object(shown, {
  $id: 'OwnerKey',
  description: 'An API key, without its secret.',
})
export type OwnerKey = Type.Static<typeof OwnerKey>

export const OwnerKeyWithSecret = Type.Object(
  { ...shown, secret: Type.String({ description: 'What tokens are signed with: it is not shown again.' }) },
  { $id: 'OwnerKeyWithSecret', description: 'An API key that is new, or has a new secret.' },
)
export type OwnerKeyWithSecret = Type.Static<typeof OwnerKeyWithSecret>

export const OwnerKeyList = Type.Object(
  { data: Type.Array(OwnerKey) },
  { $id: 'OwnerKeyList', description: 'All API keys of one owner, the first first.' },
)
export type OwnerKeyList = Type.Static<typeof OwnerKeyList>
