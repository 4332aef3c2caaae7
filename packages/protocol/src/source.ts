import { Type } from 'typebox'
import { Time } from './time.ts'

// A source: one media server that reports to `POST /v2/ingest/:id`.

/** The name of the source that the hosted rooms are. */
export const hostedSource = 'hosted'
/** Longest secret of a source, in characters. */
export const sourceSecretMaxLength = 512
/** Longest address in a source's settings, in characters. */
export const sourceUrlMaxLength = 2048
/** Longest name of a source, in characters. */
export const sourceNameMaxLength = 256

const ApiKey = Type.String({
  minLength: 1,
  maxLength: sourceSecretMaxLength,
  description: `a text of 1 to ${sourceSecretMaxLength} characters`,
  about: 'LiveKit: the API key that it signs its webhooks with.',
})
const Secret = Type.String({
  minLength: 1,
  maxLength: sourceSecretMaxLength,
  description: `a text of 1 to ${sourceSecretMaxLength} characters`,
  about:
    'LiveKit: the secret of that API key. BigBlueButton: its shared secret. Jitsi, generic: what it sends as `Authorization: Bearer …`, made where you give none.',
})
const User = Type.String({
  minLength: 1,
  maxLength: sourceSecretMaxLength,
  pattern: '^[^:]+$',
  description: `a text of 1 to ${sourceSecretMaxLength} characters without a colon`,
  about: 'Janus: the user that it sends with basic authentication; without it, `rollcall`.',
})
const Password = Type.String({
  minLength: 1,
  maxLength: sourceSecretMaxLength,
  description: `a text of 1 to ${sourceSecretMaxLength} characters`,
  about: 'Janus: the password that it sends with basic authentication, made where you give none.',
})
const ApiSecret = Type.String({
  minLength: 1,
  maxLength: sourceSecretMaxLength,
  description: `a text of 1 to ${sourceSecretMaxLength} characters`,
  about: 'Janus: the `api_secret` of its HTTP API, where it has one.',
})
const RoomSecret = Type.String({
  minLength: 1,
  maxLength: sourceSecretMaxLength,
  description: `a text of 1 to ${sourceSecretMaxLength} characters`,
  about: 'Janus: the `secret` of its video rooms, where they have one: only with it can people be removed.',
})
const Url = Address(
  'LiveKit: where its API is. Janus: where its HTTP API is, such as http://janus.example.org:8088/janus.',
)
const CallbackUrl = Address(
  'BigBlueButton: the address it was told to call, where a proxy in between changes it on the way.',
)
const PublicKeyUrl = Address('VideoSDK: where the public key is that its webhooks are checked with.')

/** What each type of source takes, beside its name. */
export const SourceSettings = {
  livekit: Type.Object({ apiKey: ApiKey, secret: Secret, url: Type.Optional(Url) }),
  jitsi: Type.Object({ secret: Type.Optional(Secret) }),
  janus: Type.Object({
    user: Type.Optional(User),
    password: Type.Optional(Password),
    url: Type.Optional(Url),
    apiSecret: Type.Optional(ApiSecret),
    roomSecret: Type.Optional(RoomSecret),
  }),
  bigbluebutton: Type.Object({ secret: Secret, callbackUrl: Type.Optional(CallbackUrl) }),
  videosdk: Type.Object({ publicKeyUrl: Type.Optional(PublicKeyUrl) }),
  generic: Type.Object({ secret: Type.Optional(Secret) }),
}
export type SourceType = keyof typeof SourceSettings
export type SourceSettings = { [type in SourceType]: Type.Static<(typeof SourceSettings)[type]> }

export const sourceTypes = Object.keys(SourceSettings) as SourceType[]

const Name = Type.String({
  minLength: 1,
  maxLength: sourceNameMaxLength,
  description: `a text of 1 to ${sourceNameMaxLength} characters`,
  about: 'Which one it is, for people.',
})
const anySettings = Type.Partial(
  Type.Object({
    apiKey: ApiKey,
    secret: Secret,
    user: User,
    password: Password,
    url: Url,
    apiSecret: ApiSecret,
    roomSecret: RoomSecret,
    callbackUrl: CallbackUrl,
    publicKeyUrl: PublicKeyUrl,
  }),
)

/** What `POST /v2/sources` takes: which of the settings, the type says. */
export const NewSource = Type.Object(
  {
    type: OneOfTypes({ description: `one of ${sourceTypes.join(', ')}`, about: 'The kind of media server.' }),
    name: Name,
    ...anySettings.properties,
  },
  { additionalProperties: false },
)
export type NewSource = Type.Static<typeof NewSource>

/** What `PATCH /v2/sources/:id` takes: what is not named stays. */
export const SourceChanges = Type.Object(
  { name: Type.Optional(Name), ...anySettings.properties },
  { additionalProperties: false },
)
export type SourceChanges = Type.Static<typeof SourceChanges>

const Arrival = Type.Object(
  {
    what: OrNull(
      Type.String(),
      'The type of a fact, such as `participant-joined`; null where what came was not read so far, or was of several.',
    ),
    outcome: Type.Union(
      [
        Type.Literal('recorded'),
        Type.Literal('duplicate'),
        Type.Literal('ignored'),
        Type.Literal('refused'),
        Type.Literal('failed'),
      ],
      { description: 'What became of it; `failed` is what went wrong on our side, or when we asked the media server.' },
    ),
    reason: OrNull(Type.String(), 'Why, where it was not simply recorded.'),
    times: Type.Integer({ description: 'How often.' }),
    lastAt: Time('When it last came, by our clock.'),
  },
  { $id: 'SourceArrival', description: 'One kind of what came, and what became of it.' },
)

const SourceHealth = Type.Object(
  {
    lastFactAt: OrNull(Time(), 'When the last fact came, by our clock.'),
    recorded: Type.Integer({ description: 'Facts that were recorded.' }),
    duplicate: Type.Integer({ description: 'Facts that came again.' }),
    ignored: Type.Integer({ description: 'Events that say nothing of attendance, or that nobody understood.' }),
    refused: Type.Integer({ description: 'Deliveries that were not signed as they should be, and facts refused.' }),
    clockSkewMs: OrNull(
      Type.Integer({ format: 'int64' }),
      'How far its clock is behind ours, in milliseconds, by its last delivery and the way that this took; negative: ahead.',
    ),
    lastError: OrNull(Type.String(), 'What went wrong last.'),
    lastErrorAt: OrNull(Time(), 'When it did.'),
    arrivals: Type.Array(Arrival, {
      description: 'The kinds of what came, the latest first, twenty at most. They name nobody.',
    }),
  },
  { $id: 'SourceHealth', description: 'What came of what it sent.' },
)

export const Source = Type.Object(
  {
    id: Type.String({ description: 'Its type, and 128 random bits.' }),
    type: OneOfTypes({ description: 'The kind of media server.' }),
    name: Type.String(),
    projectId: Type.Optional(
      Type.String({ description: 'LiveKit: the project that its sessions are under in LiveKit’s Analytics API.' }),
    ),
    url: Type.String({ description: 'Where it sends what happens.' }),
    setup: Type.String({
      description: 'The lines to paste into its configuration. A secret is in them only when it was just made.',
    }),
    settings: Type.Record(Type.String(), Type.String(), { description: 'What it was given, without its secrets.' }),
    createdAt: Time(),
    updatedAt: Time('When its name or settings last changed.'),
    health: SourceHealth,
  },
  { $id: 'Source', description: 'One media server that reports here.' },
)
export type Source = Type.Static<typeof Source>

export const SourceList = Type.Object(
  { data: Type.Array(Source) },
  { $id: 'SourceList', description: 'All sources of the key, oldest first.' },
)
export type SourceList = Type.Static<typeof SourceList>

const livekitPrefix = 'livekit-'
const projectPrefix = 'p_'

/** The project of a LiveKit source; of another source undefined. */
export function projectIdOf(sourceId: string): string | undefined {
  return sourceId.startsWith(livekitPrefix) ? projectPrefix + sourceId.slice(livekitPrefix.length) : undefined
}

/** The source of a project. */
export function sourceOfProject(projectId: string): string {
  return livekitPrefix + projectId.slice(projectPrefix.length)
}

/** The name of one reporter of several that a source has. */
export function reporterOf(sourceId: string, reporter: string): string {
  return `${sourceId}/${reporter}`
}

/** Whether a source is a caller of `POST /v2/events`, which names itself as it likes. The id of any other is its address. */
export function isEventsSource(source: string): boolean {
  return source === 'events' || source.startsWith('events/')
}

/** The reporter in a name that `reporterOf` made; undefined where the source has but one. */
export function reporterIn(source: string): string | undefined {
  const id = sourceIdOf(source)
  return id.length === source.length ? undefined : source.slice(id.length + 1)
}

/** The source's id in the name of a reporter, or the name itself. */
export function sourceIdOf(source: string): string {
  return source.split('/', 1)[0] ?? source
}

/** Which engine reports under a fact's `source`: `hosted`, `events`, or a source's type. */
export function engineOf(source: string): string {
  return /^[a-z]*/.exec(source)?.[0] ?? source
}

function OneOfTypes(options: { description: string; about?: string }) {
  return Type.Union(
    [
      Type.Literal('livekit'),
      Type.Literal('jitsi'),
      Type.Literal('janus'),
      Type.Literal('bigbluebutton'),
      Type.Literal('videosdk'),
      Type.Literal('generic'),
    ],
    options,
  )
}

function Address(about: string) {
  return Type.Refine(
    Type.String({
      maxLength: sourceUrlMaxLength,
      description: 'an http or https address, such as https://media.example.org',
      about,
    }),
    isHttpUrl,
  )
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text)
}

function OrNull<T extends Parameters<typeof Type.Union>[0][number]>(type: T, description: string) {
  return Type.Union([type, Type.Null()], { description })
}
