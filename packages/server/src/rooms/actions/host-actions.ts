import type { ClientMessage } from '@rollcall/protocol'
import { isHost } from '../connection.ts'
import { notify } from '../hub.ts'
import { leave } from '../leave.ts'
import { inState, ofParticipant } from '../room.ts'
import { applyRules } from '../rules.ts'
import { type Actor, answerError, answerForbidden, answerNotFound } from './answers.ts'

type HostAction = ClientMessage & {
  type: 'mute' | 'mute-all' | 'remove' | 'let-back' | 'lock' | 'end'
}
type Of<Type extends HostAction['type']> = HostAction & { type: Type }

/** Does what only a host may ask for. What it says beyond the message goes nowhere. */
export function actAsHost(actor: Actor, message: HostAction): void {
  if (!isHost(actor.connection)) return answerForbidden(actor, message.type, 'allow_mod')
  switch (message.type) {
    case 'mute':
      return mute(actor, message)
    case 'mute-all':
      return muteAll(actor, message)
    default:
      orRefuse(actor, message, order(actor, message))
  }
}

function mute(actor: Actor, { type, participantId, kind }: Of<'mute'>): void {
  const { hub, room, connection } = actor
  const targets = [...ofParticipant(room, participantId, 'inside')]
  if (targets.length === 0) return answerNotFound(actor, type, participantId)
  const from = connection.identity?.participantId ?? ''
  const told = { type, participantId, ...(kind !== undefined && { kind }), from }
  for (const target of targets) notify(hub, target, told)
}

function muteAll({ hub, room, connection }: Actor, { kind }: Of<'mute-all'>): void {
  const from = connection.identity?.participantId ?? ''
  for (const target of [...inState(room, 'inside')]) {
    const participantId = target.identity?.participantId ?? ''
    if (participantId === from) continue
    notify(hub, target, { type: 'mute', participantId, ...(kind !== undefined && { kind }), from })
  }
}

/** What is written down: the order itself, who gave it, and what becomes of it. */
function order(actor: Actor, message: Exclude<HostAction, Of<'mute'> | Of<'mute-all'>>): Promise<void> {
  switch (message.type) {
    case 'remove':
      return message.keepOut === true ? keepOut(actor, message) : remove(actor, message)
    case 'let-back':
      return letBack(actor, message)
    case 'lock':
      return lock(actor, message)
    case 'end':
      return end(actor)
  }
}

function orRefuse(actor: Actor, { type }: HostAction, done: Promise<void>): void {
  done.catch((err) => {
    actor.hub.log.error({ err }, 'what a host asked for was not done')
    answerError(actor, 'NOT_DONE', `${type}: the server could not do it: try again`)
  })
}

async function remove(actor: Actor, { type, participantId }: Of<'remove'>): Promise<void> {
  const { hub, room } = actor
  const targets = [...ofParticipant(room, participantId, 'inside', 'entering')]
  if (targets.length === 0) return answerNotFound(actor, type, participantId)
  const note = audit(actor, 'removeParticipant', participantId)
  await Promise.all([note, ...targets.map((target) => leave(hub, target, { reason: 'removed' }, 'REMOVED'))])
}

async function keepOut(actor: Actor, { type, participantId }: Of<'remove'>): Promise<void> {
  const { hub, room, connection } = actor
  const { keyId, roomId } = room
  const [target] = ofParticipant(room, participantId, 'inside', 'entering', 'waiting')
  if (target?.identity === undefined) return answerNotFound(actor, type, participantId)
  const { name, link } = target.identity
  const byParticipant = connection.identity?.participantId ?? null
  if (!(await hub.writes.keptOut.add({ keyId, roomId, participantId, name, link, byParticipant }))) {
    return answerError(actor, 'TOO_MANY_KEPT_OUT', `${type}: as many are kept out already as may be: let some back`)
  }
  await Promise.all([audit(actor, 'keepOut', participantId), applyRules(hub, keyId, roomId)])
}

async function letBack(actor: Actor, { type, participantId }: Of<'let-back'>): Promise<void> {
  const { hub, room } = actor
  const { keyId, roomId } = room
  if (!(await hub.writes.keptOut.lift({ keyId, roomId, participantId }))) {
    return answerNotFound(actor, type, participantId)
  }
  await Promise.all([audit(actor, 'letBack', participantId), applyRules(hub, keyId, roomId)])
}

async function lock(actor: Actor, { locked }: Of<'lock'>): Promise<void> {
  const { hub, room } = actor
  const { keyId, roomId } = room
  await hub.writes.rooms.setLocked({ keyId, roomId, locked })
  await Promise.all([audit(actor, locked ? 'lockRoom' : 'unlockRoom'), applyRules(hub, keyId, roomId)])
}

async function end(actor: Actor): Promise<void> {
  const { hub, room, connection } = actor
  const { sessionId } = connection
  await audit(actor, 'endSession')
  await hub.endSessions(room.keyId, room.roomId, {
    reason: 'ended-by-host',
    ...(sessionId !== undefined && { sessionId }),
  })
}

/** Who did what, by the names of the API's operations that do the same. */
function audit({ hub, room, connection }: Actor, action: string, participantId: string | null = null): Promise<void> {
  const { identity, sessionId } = connection
  return hub.writes.audit.add({
    keyId: room.keyId,
    action,
    apiKey: identity?.apiKey ?? null,
    asParticipant: identity?.participantId ?? null,
    about: { roomId: room.roomId, ...(sessionId !== undefined && { sessionId }) },
    participantId,
  })
}
