import { Type } from 'typebox'
import { Kind } from './kind.ts'
import { PageInfo } from './page.ts'
import { Time as ApiTime } from './time.ts'

const SessionId = Type.String({ description: 'The session’s id.' })
const MeetingId = Type.String({ description: 'The roomId.' })
const Time = (description: string) =>
  Type.String({ format: 'date-time', description: `${description} ISO 8601, with the zone written \`+00:00\`.` })

/** What every webhook says after the documented fields. */
const ofAny = {
  at: Time('When it happened.'),
  customRoomId: Type.Union([Type.String(), Type.Null()], { description: 'The name that you gave the room.' }),
}
const ofParticipant = {
  meetingId: MeetingId,
  sessionId: SessionId,
  participantId: Type.String({ description: 'The id that they joined with.' }),
  participantName: Type.String(),
}
const Reason = Type.Optional(Type.String({ description: 'Why, where somebody said so.' }))

/** The body of each webhook, by its type: the documented fields first, in the documented order. */
export const Webhooks = {
  'session-started': Type.Object(
    {
      webhookType: Type.Literal('session-started'),
      data: Type.Object({ sessionId: SessionId, meetingId: MeetingId, start: Time('The start.'), ...ofAny }),
    },
    { $id: 'SessionStartedWebhook', description: 'A session began.' },
  ),
  'session-ended': Type.Object(
    {
      webhookType: Type.Literal('session-ended'),
      data: Type.Object({
        sessionId: SessionId,
        meetingId: MeetingId,
        start: Time('The start.'),
        end: Time('The end.'),
        ...ofAny,
        reason: Reason,
      }),
    },
    { $id: 'SessionEndedWebhook', description: 'A session ended.' },
  ),
  'participant-joined': Type.Object(
    { webhookType: Type.Literal('participant-joined'), data: Type.Object({ ...ofParticipant, ...ofAny, kind: Kind }) },
    { $id: 'ParticipantJoinedWebhook', description: 'Somebody joined a session.' },
  ),
  'participant-left': Type.Object(
    {
      webhookType: Type.Literal('participant-left'),
      data: Type.Object({ ...ofParticipant, ...ofAny, kind: Kind, reason: Reason }),
    },
    { $id: 'ParticipantLeftWebhook', description: 'Somebody left a session.' },
  ),
  'session-amended': Type.Object(
    {
      webhookType: Type.Literal('session-amended'),
      data: Type.Object({
        sessionId: SessionId,
        meetingId: MeetingId,
        start: Time('The start, as it is now known.'),
        end: Type.Union([Time('The end, as it is now known.'), Type.Null()], {
          description: 'The end, as it is now known; null where it runs on after all.',
        }),
        ...ofAny,
      }),
    },
    {
      $id: 'SessionAmendedWebhook',
      description: 'What was told of a session’s start or end, or of an ended session’s people, was corrected.',
    },
  ),
  'participant-amended': Type.Object(
    { webhookType: Type.Literal('participant-amended'), data: Type.Object({ ...ofParticipant, ...ofAny, kind: Kind }) },
    { $id: 'ParticipantAmendedWebhook', description: 'What was told of somebody in a running session was corrected.' },
  ),
  test: Type.Object(
    {
      webhookType: Type.Literal('test'),
      data: Type.Object({ at: Time('When it was asked for.') }),
    },
    { $id: 'TestWebhook', description: 'A test that you asked for.' },
  ),
  'endpoint-disabled': Type.Object(
    {
      webhookType: Type.Literal('endpoint-disabled'),
      data: Type.Object({
        endpointId: Type.String({ description: 'The id of the endpoint to which nothing more is sent.' }),
        endPoint: Type.String({ description: 'Its address.' }),
        meetingId: Type.Union([Type.String(), Type.Null()], {
          description: 'The roomId of the room whose `webhook` it is; null where it heard of all rooms.',
        }),
        reason: Type.String({ description: 'Why.' }),
        at: Time('When it was disabled.'),
      }),
    },
    { $id: 'EndpointDisabledWebhook', description: 'Nothing more is sent to another endpoint of the key.' },
  ),
}
export type WebhookType = keyof typeof Webhooks
export type Webhook = { [type in WebhookType]: Type.Static<(typeof Webhooks)[type]> }[WebhookType]

/** What a webhook's request says in its headers. */
export const WebhookHeaders = Type.Object({
  'videosdk-signature': Type.String({
    description:
      'Base64 of the RSA-SHA256 signature (PKCS#1 v1.5) of the body as sent: checked with the server’s public key.',
  }),
  'webhook-id': Type.String({ description: 'The same at each attempt to deliver this webhook.' }),
  'webhook-timestamp': Type.String({ description: 'When this attempt was made, in seconds since the epoch.' }),
  'webhook-signature': Type.String({
    description:
      'The signature of id, timestamp and body as [Standard Webhooks](https://www.standardwebhooks.com) has it.',
  }),
})

/** The key that `videosdk-signature` is checked with. */
export const PublicKey = Type.Object(
  { publicKey: Type.String({ description: 'RSA, 2048 bit, PKCS#1, in PEM.' }) },
  { $id: 'PublicKey', description: 'The public half of the key that webhooks are signed with.' },
)
export type PublicKey = Type.Static<typeof PublicKey>

/** Longest address that webhooks are sent to, in characters. */
export const webhookUrlMaxLength = 2048
/** Most names in a list of `events`, and the longest of them, in characters. */
export const webhookEventsMax = 100
export const webhookEventMaxLength = 100

const EndPoint = Type.Refine(
  Type.String({
    maxLength: webhookUrlMaxLength,
    description: 'an http or https address, such as https://example.org/hook',
    about: 'Where they are sent.',
  }),
  isHttpUrl,
)
const Events = Type.Array(Type.String({ minLength: 1, maxLength: webhookEventMaxLength }), {
  minItems: 1,
  maxItems: webhookEventsMax,
  description: `a list of 1 to ${webhookEventsMax} exact names or globs, such as ["session-*","participant-joined"]`,
  about: 'Which webhooks are sent there.',
})

/** What `POST /v2/webhooks` takes. */
export const NewWebhookEndpoint = Type.Object({ endPoint: EndPoint, events: Events }, { additionalProperties: false })

/** What `PATCH /v2/webhooks/:id` takes: what is not named stays. */
export const WebhookEndpointChanges = Type.Object(
  {
    endPoint: Type.Optional(EndPoint),
    events: Type.Optional(Events),
    enabled: Type.Optional(
      Type.Boolean({
        description: 'true or false',
        about: 'Whether anything is sent there. Of the key’s own endpoints what happened meanwhile is sent too.',
      }),
    ),
  },
  { additionalProperties: false },
)

export const WebhookEndpoint = Type.Object(
  {
    id: Type.String({ description: 'Such as `ep_…`.' }),
    endPoint: Type.String({ description: 'Where webhooks are sent.' }),
    events: Type.Array(Type.String(), { description: 'Which: exact names or globs.' }),
    roomId: Type.Union([Type.String(), Type.Null()], {
      description: 'The room whose `webhook` it is; null where it hears of all rooms of the key.',
    }),
    secret: Type.Optional(
      Type.String({
        description: 'What `webhook-signature` is made with: shown when it was just made, and never again.',
      }),
    ),
    previousSecretUntil: Type.Union([ApiTime(), Type.Null()], {
      description: 'Until when each webhook is signed with the secret before it too.',
    }),
    enabled: Type.Boolean({ description: 'Whether anything is sent.' }),
    disabledReason: Type.Union([Type.String(), Type.Null()], { description: 'Why not.' }),
    failingSince: Type.Union([ApiTime(), Type.Null()], {
      description: 'Since when nothing was taken that was sent; null where the last was.',
    }),
    createdAt: ApiTime(),
    updatedAt: ApiTime('When its address, events, secret or state last changed.'),
  },
  { $id: 'WebhookEndpoint', description: 'An address that webhooks are sent to.' },
)
export type WebhookEndpoint = Type.Static<typeof WebhookEndpoint>

export const WebhookEndpointPage = Type.Object(
  { pageInfo: PageInfo, data: Type.Array(WebhookEndpoint) },
  { $id: 'WebhookEndpointPage', description: 'A page of endpoints, newest first.' },
)
export type WebhookEndpointPage = Type.Static<typeof WebhookEndpointPage>

/** Most bytes of an answer that are kept. */
export const webhookResponseMaxBytes = 1024

export const deliveryStates = ['pending', 'delivered', 'parked'] as const
export type DeliveryState = (typeof deliveryStates)[number]

export const WebhookDelivery = Type.Object(
  {
    id: Type.String({ description: 'The `webhook-id` of each attempt.' }),
    webhookType: Type.String({ description: 'Such as session-started.' }),
    sessionId: Type.Union([Type.String(), Type.Null()], {
      description: 'The session that it tells of; null where it tells of none, as a test.',
    }),
    state: Type.String({
      description:
        'pending: it is still sent, or waits for the one of its session before it. delivered: it was taken. parked: it was not, and is sent again only when you ask for it.',
    }),
    attempts: Type.Integer({ description: 'How often it was sent.' }),
    nextAttemptAt: Type.Union([ApiTime(), Type.Null()], { description: 'When it is sent next, where that is known.' }),
    lastAttemptAt: Type.Union([ApiTime(), Type.Null()]),
    lastStatus: Type.Union([Type.Integer(), Type.Null()], {
      description: 'What the last attempt was answered; null where no answer came.',
    }),
    lastResponse: Type.Union([Type.String(), Type.Null()], {
      description: `The first ${webhookResponseMaxBytes} bytes of what the last attempt was answered.`,
    }),
    lastDurationMs: Type.Union([Type.Integer(), Type.Null()], {
      description: 'How long the last attempt took, in milliseconds.',
    }),
    lastError: Type.Union([Type.String(), Type.Null()], { description: 'Why the last attempt did not count.' }),
    createdAt: ApiTime('When it was due first.'),
    body: Type.String({ description: 'What is sent, byte for byte.' }),
  },
  { $id: 'WebhookDelivery', description: 'One webhook on its way to one endpoint.' },
)
export type WebhookDelivery = Type.Static<typeof WebhookDelivery>

export const WebhookDeliveryPage = Type.Object(
  { pageInfo: PageInfo, data: Type.Array(WebhookDelivery) },
  { $id: 'WebhookDeliveryPage', description: 'A page of deliveries, newest first.' },
)
export type WebhookDeliveryPage = Type.Static<typeof WebhookDeliveryPage>

export const Replayed = Type.Object(
  { replayed: Type.Integer({ description: 'How many deliveries are sent again.' }) },
  { $id: 'Replayed', description: 'What is sent again.' },
)
export type Replayed = Type.Static<typeof Replayed>

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text)
}
