import {
  assertNever,
  type NumberedChange,
  toCleanText,
  toIso,
  type Webhook,
  type WebhookType,
} from '@rollcall/protocol'

/** What a webhook says of its session. */
export type SessionOfWebhook = { sessionId: string; startAt: number; endAt: number | null; customRoomId: string | null }

type ChangeWebhookType = Exclude<WebhookType, 'test' | 'endpoint-disabled'>

/** What each change is called where others are told of it. */
export const webhookTypes: { [type in NumberedChange['type']]: ChangeWebhookType } = {
  'session.started': 'session-started',
  'session.ended': 'session-ended',
  'session.amended': 'session-amended',
  'participant.joined': 'participant-joined',
  'participant.left': 'participant-left',
  'participant.amended': 'participant-amended',
}

/**
 * The text that is sent: compact, and the same again where somebody parses it and writes it anew. Half characters are U+FFFD:
 * not every language can write them back.
 */
export function writeWebhook(webhook: Webhook): string {
  return JSON.stringify(webhook, (_, value) => (typeof value === 'string' ? toCleanText(value) : value))
}

/** What is told of a change: the documented fields first, in the documented order. */
export function toWebhook(change: NumberedChange, { startAt, endAt, customRoomId }: SessionOfWebhook): Webhook {
  const {
    sessionId,
    roomId: meetingId,
    participantId = '',
    name: participantName = '',
    kind = 'person',
    reason,
  } = change
  const ofSession = { sessionId, meetingId, start: toZoned(startAt) }
  const ofParticipant = { meetingId, sessionId, participantId, participantName }
  const ofAny = { at: toZoned(change.at), customRoomId }
  const why = reason === undefined ? {} : { reason }
  const webhookType = webhookTypes[change.type]
  switch (webhookType) {
    case 'session-started':
      return { webhookType, data: { ...ofSession, ...ofAny } }
    case 'session-ended':
      return { webhookType, data: { ...ofSession, end: toZoned(change.at), ...ofAny, ...why } }
    case 'session-amended':
      return { webhookType, data: { ...ofSession, end: endAt === null ? null : toZoned(endAt), ...ofAny } }
    case 'participant-joined':
    case 'participant-amended':
      return { webhookType, data: { ...ofParticipant, ...ofAny, kind } }
    case 'participant-left':
      return { webhookType, data: { ...ofParticipant, ...ofAny, kind, ...why } }
    default:
      return assertNever(webhookType)
  }
}

export function toZoned(at: number): string {
  return toIso(at).replace('Z', '+00:00')
}
