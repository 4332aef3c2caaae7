import type { ClientMessage, ServerMessage } from '@rollcall/protocol'
import type { Connection } from './connection.ts'
import { type Hub, mayAdmit, notify, notifyRoom } from './hub.ts'
import { admit, isFull } from './join.ts'
import { leave, refuse } from './leave.ts'
import { findInside, type HostedRoom, ofParticipant } from './room.ts'

type Action = Exclude<ClientMessage, { type: 'ping' | 'leave' }>
type ErrorCode = (ServerMessage & { type: 'error' })['code']
/** Who acts, and where. */
type Actor = { hub: Hub; room: HostedRoom; connection: Connection }

/** Does what somebody inside asks for. */
export function act(hub: Hub, room: HostedRoom, connection: Connection, message: Action): void {
  const actor = { hub, room, connection }
  switch (message.type) {
    case 'signal':
      return signal(actor, message)
    case 'mute':
      return mute(actor, message)
    case 'remove':
      return remove(actor, message)
    case 'admit':
    case 'deny':
      return settleEntry(actor, message)
    case 'stats': {
      const refusal = hub.takeSample(room, connection, message)
      if (refusal !== undefined) answerError(actor, refusal.code, refusal.message)
      return
    }
    case 'join':
      return answerError(actor, 'ALREADY_INSIDE', 'join comes once a connection')
  }
}

function signal(actor: Actor, { type, to, data }: Action & { type: 'signal' }): void {
  const target = findInside(actor.room, to)
  if (target === undefined) return answerNotFound(actor, type, to)
  notify(actor.hub, target, { type: 'signal', from: actor.connection.id, data })
}

/** What else the message holds goes nowhere. */
function mute(actor: Actor, { type, participantId, kind }: Action & { type: 'mute' }): void {
  const { hub, room, connection } = actor
  if (!mayModerate(connection)) return answerForbidden(actor, type, 'allow_mod')
  const targets = [...ofParticipant(room, participantId, 'inside')]
  if (targets.length === 0) return answerNotFound(actor, type, participantId)
  const from = connection.identity?.participantId ?? ''
  const told = { type, participantId, ...(kind !== undefined && { kind }), from }
  for (const target of targets) notify(hub, target, told)
}

function remove(actor: Actor, { type, participantId }: Action & { type: 'remove' }): void {
  const { hub, room, connection } = actor
  if (!mayModerate(connection)) return answerForbidden(actor, type, 'allow_mod')
  const targets = [...ofParticipant(room, participantId, 'inside', 'entering')]
  if (targets.length === 0) return answerNotFound(actor, type, participantId)
  for (const target of targets) leave(hub, target, { reason: 'removed' }, 'REMOVED')
}

function settleEntry(actor: Actor, { type, participantId }: Action & { type: 'admit' | 'deny' }): void {
  const { hub, room, connection } = actor
  if (!mayAdmit(connection)) return answerForbidden(actor, type, 'allow_join')
  const waiting = [...ofParticipant(room, participantId, 'waiting')]
  if (waiting.length === 0) return answerNotFound(actor, type, participantId)
  const isRefused = waiting.some(({ identity }) => identity !== undefined && isFull(hub, room, identity))
  if (type === 'admit' && isRefused) {
    return answerError(actor, 'ROOM_FULL', `${type}: the room is full: ${participantId} goes on waiting`)
  }
  for (const one of waiting) {
    if (type === 'admit') admit(hub, room, one)
    else refuse(hub, one, 'DENIED', false)
  }
  const outcome = type === 'admit' ? 'admitted' : 'denied'
  notifyRoom(hub, room, { type: 'entry-settled', participantId, outcome }, mayAdmit)
}

function mayModerate({ identity }: Connection): boolean {
  return identity?.permissions.has('allow_mod') === true
}

function answerForbidden(actor: Actor, type: string, permission: string): void {
  answerError(actor, 'FORBIDDEN', `${type} needs the permission ${permission}`)
}

function answerNotFound(actor: Actor, type: string, who: string): void {
  answerError(actor, 'PARTICIPANT_NOT_FOUND', `${type}: ${who} is not there`)
}

function answerError({ hub, connection }: Actor, code: ErrorCode, message: string): void {
  notify(hub, connection, { type: 'error', code, message })
}
