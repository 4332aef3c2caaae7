import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstMessage } from './list.ts'
import type { Figure } from './report.ts'
import type { ServerReady } from './server.ts'

const people = 64
const rooms = 8
const seconds = 8

/** Joins and leaves through one process of hosted rooms: a socket, a join and a leave each, durable before it is answered. */
export async function benchRooms(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  const child = fork(join(import.meta.dirname, 'server.ts'), [folder], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  try {
    const ready = await firstMessage<ServerReady>(child)
    const roomIds = await Promise.all(Array.from({ length: rooms }, () => createRoom(ready)))
    const until = performance.now() + seconds * 1000
    let facts = 0
    await Promise.all(
      Array.from({ length: people }, async (_, i) => {
        while (performance.now() < until) {
          await joinAndLeave(ready, roomIds[i % rooms] ?? '', `p${i}`)
          facts += 2
        }
      }),
    )
    return [{ what: `joins and leaves of ${people} people in ${rooms} hosted rooms`, rate: facts / seconds }]
  } finally {
    child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function createRoom({ url, token }: ServerReady): Promise<string> {
  const answer = await fetch(`${url}/v2/rooms`, { method: 'POST', headers: { authorization: token } })
  return ((await answer.json()) as { roomId: string }).roomId
}

function joinAndLeave({ wsUrl, token }: ServerReady, roomId: string, participantId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(wsUrl)
    socket.onopen = () =>
      socket.send(JSON.stringify({ type: 'join', token, roomId, participantId, name: participantId }))
    socket.onmessage = ({ data }) => {
      if (JSON.parse(String(data)).type === 'joined') socket.send('{"type":"leave"}')
    }
    socket.onclose = ({ code, reason }) =>
      code === 1000 ? resolve() : reject(new Error(`the room closed with ${code} ${reason}`))
  })
}
