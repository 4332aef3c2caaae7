import type { ServerMessage } from '@rollcall/protocol'
import type { Connection } from '../connection.ts'
import { type Hub, notify } from '../hub.ts'
import type { HostedRoom } from '../room.ts'

/** Who acts, and where. */
export type Actor = { hub: Hub; room: HostedRoom; connection: Connection }
type ErrorCode = (ServerMessage & { type: 'error' })['code']

export function answerForbidden(actor: Actor, type: string, permission: string): void {
  answerError(actor, 'FORBIDDEN', `${type} needs the permission ${permission}`)
}

export function answerNotFound(actor: Actor, type: string, who: string): void {
  answerError(actor, 'PARTICIPANT_NOT_FOUND', `${type}: ${who} is not there`)
}

export function answerError({ hub, connection }: Actor, code: ErrorCode, message: string): void {
  notify(hub, connection, { type: 'error', code, message })
}
