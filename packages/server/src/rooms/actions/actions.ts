import type { ClientMessage } from '@rollcall/protocol'
import type { Connection } from '../connection.ts'
import { type Hub, mayAdmit, notify, notifyRoom } from '../hub.ts'
import { admit, isFull } from '../join.ts'
import { refuse } from '../leave.ts'
import { findInside, type HostedRoom, inState, ofParticipant } from '../room.ts'
import { type Actor, answerError, answerForbidden, answerNotFound } from './answers.ts'
import { actAsHost } from './host-actions.ts'

type Action = Exclude<ClientMessage, { type: 'ping' | 'leave' }>
type Settled = { type: 'admit' | 'deny'; participantId: string }

/** Does what somebody inside asks for. */
export function act(hub: Hub, room: HostedRoom, connection: Connection, message: Action): void {
  const actor = { hub, room, connection }
  switch (message.type) {
    case 'signal':
      return signal(actor, message)
    case 'mute':
    case 'mute-all':
    case 'remove':
    case 'let-back':
    case 'lock':
    case 'end':
      return actAsHost(actor, message)
    case 'admit':
    case 'deny':
      return settleEntry(actor, message)
    case 'admit-all':
      return admitAll(actor)
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

function settleEntry(actor: Actor, message: Settled): void {
  if (!mayAdmit(actor.connection)) return answerForbidden(actor, message.type, 'allow_join')
  settle(actor, message)
}

/** Those who came first come in first, until the room is full. */
function admitAll(actor: Actor): void {
  if (!mayAdmit(actor.connection)) return answerForbidden(actor, 'admit-all', 'allow_join')
  const ids = new Set([...inState(actor.room, 'waiting')].map(({ identity }) => identity?.participantId ?? ''))
  for (const participantId of ids) if (!settle(actor, { type: 'admit', participantId })) return
}

/** False where it could not be done. */
function settle(actor: Actor, { type, participantId }: Settled): boolean {
  const { hub, room } = actor
  const waiting = [...ofParticipant(room, participantId, 'waiting')]
  if (waiting.length === 0) {
    answerNotFound(actor, type, participantId)
    return false
  }
  const isRefused = waiting.some(({ identity }) => identity !== undefined && isFull(hub, room, identity))
  if (type === 'admit' && isRefused) {
    answerError(actor, 'ROOM_FULL', `${type}: the room is full: ${participantId} goes on waiting`)
    return false
  }
  for (const one of waiting) {
    if (type === 'admit') admit(hub, room, one)
    else refuse(hub, one, 'DENIED', false)
  }
  const outcome = type === 'admit' ? 'admitted' : 'denied'
  notifyRoom(hub, room, { type: 'entry-settled', participantId, outcome }, mayAdmit)
  return true
}
