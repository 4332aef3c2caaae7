import type { Reporter } from '@rollcall/client'

/** A client of a Galène group that only looks who is inside, and how it signs in. */
export type GaleneGroup = { endpoint: string; group: string; username: string; password?: string }

/** The users who are there already come right after the join: as many milliseconds are waited for them. */
const settleMs = 500
const snapshotIntervalMs = 60_000

/**
 * Reports who comes into a group of Galène and who goes, for as long as the socket lives. What it finds at its start it tells by a
 * snapshot: it does not know since when they have been inside. Resolves when the socket is closed: call it again then.
 */
export function reportGalene({ endpoint, group, username, password }: GaleneGroup, reporter: Reporter): Promise<void> {
  const ownId = crypto.randomUUID()
  const inside = new Map<string, { participantId: string; connectionId: string; name: string }>()
  const timers: NodeJS.Timeout[] = []
  let settled = false
  const socket = new WebSocket(endpoint)
  const say = (message: object) => socket.send(JSON.stringify(message))
  const add = (event: Parameters<Reporter['add']>[0]) =>
    reporter.add(event).catch((error) => console.error(`${event.type} was not reported: ${error.message}`))

  socket.onopen = () => {
    say({ type: 'handshake', version: ['2'], id: ownId })
    say({ type: 'join', kind: 'join', group, username, password })
  }
  socket.onmessage = ({ data }) => {
    const { type, kind, id, username: name = '', value } = JSON.parse(data)
    if (type === 'ping') say({ type: 'pong' })
    if (type === 'joined' && kind === 'fail') {
      console.error(`Galène does not let it in: ${value}`)
      socket.close()
    }
    if (type === 'joined' && kind === 'join') {
      timers.push(setTimeout(tellAll, settleMs), setInterval(tellAll, snapshotIntervalMs))
    }
    if (type === 'user' && id !== ownId) noteUser(kind, id, name)
  }
  return new Promise((resolve) => {
    socket.onclose = () => {
      for (const timer of timers) clearTimeout(timer)
      resolve()
    }
  })

  function noteUser(kind: string, id: string, name: string): void {
    // Names are the only identity that Galène has; who has none is known by their connection.
    const who = { participantId: name || id, connectionId: id, name }
    if (kind === 'add') inside.set(id, who)
    if (kind === 'delete') inside.delete(id)
    if (!settled || kind === 'change') return
    const type = kind === 'add' ? 'participant-joined' : 'participant-left'
    add({ type, id: `${id}:${kind}`, at: Date.now(), roomId: group, ...who })
  }

  function tellAll(): void {
    settled = true
    const at = Date.now()
    add({ type: 'snapshot', id: `${group}:${at}`, at, roomId: group, participants: [...inside.values()] })
  }
}
