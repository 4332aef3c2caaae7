import type { AutoCloseConfig, DeliveryState, RoomWebhook, SourceType } from '@rollcall/protocol'

/** An API key, its secrets in clear (they are encrypted in the database) and its owner. */
export type Key = {
  keyId: number
  apiKey: string
  /** 24 hex digits. */
  userId: string
  name: string | null
  email: string | null
  secret: string
  /** After a rotation the old secret is accepted until `previousUntil`. */
  previousSecret: string | null
  previousUntil: number | null
  disabledAt: number | null
  createdAt: number
}

export type Room = {
  keyId: number
  roomId: string
  /** 24 hex digits. */
  id: string
  customRoomId: string | null
  webhook: RoomWebhook | null
  autoClose: AutoCloseConfig | null
  allowedParticipantIds: string[] | null
  disabled: boolean
  createdAt: number
  updatedAt: number
}

/** One media server that reports to us. */
export type Source = {
  keyId: number
  /** Its type and 128 random bits: `livekit-…`. Facts of it have this as their `source`. */
  id: string
  type: SourceType
  name: string
  /** As its type takes them, secrets in clear (they are encrypted in the database). */
  settings: { [name: string]: string }
  createdAt: number
  updatedAt: number
}

/** An address that webhooks are sent to. */
export type WebhookEndpoint = {
  keyId: number
  /** `ep_` and 128 random bits; of a room `ep_` and the room's id. */
  id: string
  /** The one room that it hears of; null: all of the key. */
  roomId: string | null
  endPoint: string
  events: string[]
  /** `whsec_` and 24 bytes in base64, in clear (it is encrypted in the database). */
  secret: string
  /** After a rotation webhooks are signed with the old secret too until `previousUntil`. */
  previousSecret: string | null
  previousUntil: number | null
  disabledAt: number | null
  disabledReason: string | null
  failingSince: number | null
  createdAt: number
  updatedAt: number
}

/** A webhook on its way to one endpoint. */
export type WebhookDelivery = {
  keyId: number
  id: string
  endpointId: string
  seq: number
  sessionId: string
  type: string
  body: string
  state: DeliveryState
  attempts: number
  nextAt: number | null
  createdAt: number
  attemptedAt: number | null
  /** How long the last attempt took, in milliseconds. */
  durationMs: number | null
  status: number | null
  /** The beginning of what was answered. */
  answer: string | null
  error: string | null
}
