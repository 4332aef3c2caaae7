import { Type } from 'typebox'

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
    { webhookType: Type.Literal('participant-joined'), data: Type.Object({ ...ofParticipant, ...ofAny }) },
    { $id: 'ParticipantJoinedWebhook', description: 'Somebody joined a session.' },
  ),
  'participant-left': Type.Object(
    {
      webhookType: Type.Literal('participant-left'),
      data: Type.Object({ ...ofParticipant, ...ofAny, reason: Reason }),
    },
    { $id: 'ParticipantLeftWebhook', description: 'Somebody left a session.' },
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
