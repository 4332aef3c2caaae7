import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { ClientMessage, closeNameOf, rtcMessageMaxBytes } from '@rollcall/protocol'
import { WebSocket } from 'ws'
import type { Random } from '../chaos/random.ts'
import { bytesOf } from './random.ts'
import { makeValue, oddTexts, type ValueSchema } from './values.ts'
import type { World } from './world.ts'

/** Closes that have no name of the room's: in good order, by the protocol's own rules, or without a word. */
const plainCloses = [1000, 1002, 1005, 1006, 1007, 1008, 1009]

/** Says random things on a socket of a hosted room. Fails where the room hangs, fails, or says what is no message of its own. */
export async function talk(world: World, random: Random, limitMs: number): Promise<void> {
  const socket = new WebSocket(world.wsUrl)
  const wrongs: string[] = []
  const said: string[] = []
  // Whatever it says, the room may close it.
  socket.on('error', () => {})
  socket.on('message', (data) => wrongs.push(...findWrong(String(data))))
  const closed = once(socket, 'close').then(([code]) => code as number)
  await Promise.race([once(socket, 'open'), closed])
  if (random.chance(0.7)) {
    const join = { type: 'join', token: world.tokens.good, roomId: random.pick(world.ids.rooms) }
    socket.send(JSON.stringify({ ...join, participantId: `fuzz ${random.below(20)}` }))
  }
  let isWhole = true
  for (let i = random.below(20); i > 0 && socket.readyState === WebSocket.OPEN; i--) {
    isWhole = say(random, socket, world, said) && isWhole
  }
  if (isWhole && socket.readyState === WebSocket.OPEN) {
    socket.ping()
    await inTime('answer to a ping', Promise.race([once(socket, 'pong'), closed]))
  }
  if (random.chance(0.3)) socket.terminate()
  else socket.close()
  const code = await inTime('close', closed)
  if (closeNameOf(code) === undefined && !plainCloses.includes(code)) wrongs.push(`it closed the socket with ${code}`)
  if (wrongs.length > 0) fail(wrongs[0] ?? '')

  async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
    const value = await Promise.race([promise, delay(limitMs, undefined, { ref: false })])
    if (value !== undefined) return value
    socket.terminate()
    return fail(`no ${what} within ${limitMs} ms`)
  }

  function fail(why: string): never {
    throw new Error(`${why}, after ${said.join(' | ')}`)
  }
}

function findWrong(text: string): string[] {
  const { type, code } = JSON.parse(text) as { type?: unknown; code?: unknown }
  if (typeof type !== 'string') return [`it said ${text}`]
  return type === 'error' && code === 'INTERNAL' ? [`it failed: ${text}`] : []
}

/** False where nothing may be understood any more of what is said after it. */
function say(random: Random, socket: WebSocket, world: World, said: string[]): boolean {
  const json = JSON.stringify(makeValue(random, ClientMessage as ValueSchema, world))
  const send = (data: string | Buffer, options: { fin?: boolean } = {}) => {
    said.push(data.toString('utf8').slice(0, 300))
    socket.send(data, options)
    return true
  }
  switch (random.below(12)) {
    case 0:
      return send(bytesOf(random, random.below(300)))
    case 1:
      return send(random.pick(oddTexts))
    case 2:
      socket.ping(bytesOf(random, random.below(126)))
      return true
    case 3:
      return send(json.slice(0, random.below(json.length)))
    case 4:
      return send(json, { fin: random.chance(0.5) })
    case 5: {
      // Below the protocol: bytes that are a frame or not.
      const bytes = bytesOf(random, random.below(40))
      said.push(`bytes ${bytes.toString('base64')}`)
      ;(socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(bytes)
      return false
    }
    case 6:
      return send(`{"type":"${random.pick(oddTexts).slice(0, 20)}"}`)
    case 7: {
      const deep = 1000 * random.below(30)
      return send(`{"type":"signal","to":"a","data":${'['.repeat(deep)}${']'.repeat(deep)}}`)
    }
    case 8:
      return send(
        `{"type":"ping","x":"${'y'.repeat(random.below(random.chance(0.8) ? 200 : 5 * rtcMessageMaxBytes))}"}`,
      )
    default:
      return send(json)
  }
}
