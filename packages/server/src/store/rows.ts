import type { AutoCloseConfig, RoomWebhook, SourceType } from '@rollcall/protocol'

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
