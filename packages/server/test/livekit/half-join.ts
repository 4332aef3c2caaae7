import { once } from 'node:events'
import { WebSocket } from 'ws'
import { signToken } from './people.ts'

/** Clients that ask LiveKit to let them in, and then send no media: they never are. */
export type HalfJoined = {
  socket: WebSocket
  /** Resolves when LiveKit has given them up. */
  closed: Promise<unknown>
}

/** It stays at the door. */
export async function joinWithoutMedia(url: string, id: string, room: string): Promise<HalfJoined> {
  const query = new URLSearchParams({
    access_token: await signToken(id, room),
    protocol: '15',
    sdk: 'js',
    auto_subscribe: '1',
  })
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/rtc?${query}`)
  const closed = once(socket, 'close')
  // The answer to its join.
  await once(socket, 'message')
  return { socket, closed }
}

/** It goes away from the door. */
export async function abandonJoin(url: string, id: string, room: string): Promise<void> {
  const { socket, closed } = await joinWithoutMedia(url, id, room)
  socket.terminate()
  await closed
}
