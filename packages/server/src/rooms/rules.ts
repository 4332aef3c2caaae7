import { type KeptOut, type ServerMessage, toIso } from '@rollcall/protocol'
import { nameOf } from '../cluster/room-leases.ts'
import { type Connection, isHost } from './connection.ts'
import { type Hub, notify, notifyRoom } from './hub.ts'
import { leave, refuse } from './leave.ts'
import type { HostedRoom } from './room.ts'

/** Most of those who are kept out that hosts inside are told of: the latest. */
const toldMax = 100

type Rules = ServerMessage & { type: 'rules' }

/** Who may come in is another now, in the database: whoever may not be there goes, and everybody inside is told. */
export async function applyRules(hub: Hub, keyId: number, roomId: string): Promise<void> {
  const room = hub.rooms.get(nameOf({ keyId, roomId }))
  if (room === undefined) return
  const [found, keptOut] = await Promise.all([
    hub.reads.rooms.find(keyId, roomId),
    hub.reads.keptOut.list({ keyId, roomId }),
  ])
  const ids = new Set(keptOut.map(({ participantId }) => participantId))
  const locked = typeof found?.lockedAt === 'number'
  const leaving: Promise<void>[] = []
  for (const connection of [...room.connections]) {
    const { state, identity } = connection
    const isOut = identity !== undefined && ids.has(identity.participantId)
    if (isOut && identity.link !== null) leaving.push(noteLink(hub, room, identity.participantId, identity.link))
    if (isOut && (state === 'entering' || state === 'inside')) {
      leaving.push(leave(hub, connection, { reason: 'removed' }, 'REMOVED'))
    } else if (isOut) refuse(hub, connection, 'KEPT_OUT')
    else if (locked && state === 'waiting' && !isHost(connection)) refuse(hub, connection, 'ROOM_LOCKED')
  }
  const told: Rules = { type: 'rules', locked }
  room.rulesTold += 1
  notifyRoom(hub, room, { ...told, keptOut: keptOut.slice(0, toldMax).map(toTold) }, isHost)
  notifyRoom(hub, room, told, (one) => !isHost(one))
  await Promise.all(leaving)
}

function noteLink({ writes }: Hub, { keyId, roomId }: HostedRoom, participantId: string, link: string): Promise<void> {
  return writes.keptOut.noteLink({ keyId, roomId, participantId, link })
}

/** Tells whoever came in, where it is not as usual. */
export async function tellRules(hub: Hub, { keyId, roomId }: HostedRoom, connection: Connection): Promise<void> {
  const [found, keptOut] = await Promise.all([
    hub.reads.rooms.find(keyId, roomId),
    isHost(connection) ? hub.reads.keptOut.list({ keyId, roomId }) : [],
  ])
  const locked = typeof found?.lockedAt === 'number'
  if (connection.state !== 'inside' || (!locked && keptOut.length === 0)) return
  const told: Rules = { type: 'rules', locked }
  notify(hub, connection, isHost(connection) ? { ...told, keptOut: keptOut.slice(0, toldMax).map(toTold) } : told)
}

function toTold({
  participantId,
  name,
  keptOutAt,
}: {
  participantId: string
  name: string
  keptOutAt: number
}): KeptOut {
  return { participantId, name, keptOutAt: toIso(keptOutAt) }
}
