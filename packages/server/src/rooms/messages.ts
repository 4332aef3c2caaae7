import { ClientMessage, type CloseName, JoinMessage } from '@rollcall/protocol'
import type { RawData } from 'ws'
import { checkOf } from '../runtime/check.ts'
import { act } from './actions/actions.ts'
import { type Connection, takeCredit } from './connection.ts'
import { type Hub, notify } from './hub.ts'
import { join } from './join.ts'
import { leave, refuse } from './leave.ts'
import type { RtcLimits } from './limits.ts'

const messageCheck = checkOf(ClientMessage)
const participantIdCheck = checkOf(JoinMessage.properties.participantId)
type Parsed = ClientMessage | { wrong: CloseName }

/** Takes one message: `join` of a pending connection, anything else of one that is inside. */
export function receive(hub: Hub, connection: Connection, data: RawData, isBinary: boolean): void {
  if (connection.state === 'gone') return
  if (!takeCredit(connection, hub.limits)) return refuse(hub, connection, 'TOO_MANY_MESSAGES')
  const message = parse(data, isBinary, hub.limits)
  if ('wrong' in message) return refuse(hub, connection, message.wrong)
  if (message.type === 'ping') return notify(hub, connection, { type: 'pong' })
  if (message.type === 'leave') return void leave(hub, connection, { reason: 'left' }, 'NORMAL')
  if (connection.state === 'pending') {
    return message.type === 'join' ? join(hub, connection, message) : refuse(hub, connection, 'INVALID_MESSAGE')
  }
  const room = hub.connections.get(connection)
  if (room !== undefined && connection.state === 'inside') return act(hub, room, connection, message)
  notify(hub, connection, { type: 'error', code: 'NOT_INSIDE', message: `${message.type} needs you to be inside` })
}

function parse(data: RawData, isBinary: boolean, limits: RtcLimits): Parsed {
  if (isBinary) return { wrong: 'INVALID_MESSAGE' }
  const bytes = data as Buffer
  if (bytes.length > limits.messageMaxBytes) return { wrong: 'MESSAGE_TOO_BIG' }
  let message: unknown
  try {
    message = JSON.parse(bytes.toString())
  } catch {
    return { wrong: 'INVALID_MESSAGE' }
  }
  if (messageCheck.Check(message)) return message
  const { type, participantId } = (message ?? {}) as { type?: unknown; participantId?: unknown }
  const isWrongId = type === 'join' && participantId !== undefined && !participantIdCheck.Check(participantId)
  return { wrong: isWrongId ? 'INVALID_PARTICIPANT_ID' : 'INVALID_MESSAGE' }
}
