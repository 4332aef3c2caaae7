import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerMessage } from '@rollcall/protocol'
import { closeNameOf } from '@rollcall/protocol/close-codes'
import { type ClientOptions, WebSocket } from 'ws'
import type { TestServer } from '../start-server.ts'
import { waitMaxMs } from '../until.ts'

type Of<T extends ServerMessage['type']> = ServerMessage & { type: T }

/** A socket of a test: what the room says is kept in order until it is asked for. */
export type RtcClient = {
  socket: WebSocket
  send(message: object | string | Buffer): void
  /** The next message, whichever it is. */
  any(): Promise<ServerMessage>
  /** The next message, which has to be of this type. */
  next<T extends ServerMessage['type']>(type: T): Promise<Of<T>>
  /** Messages that came and were not asked for. */
  unread(): ServerMessage[]
  /** The name of the close, or its number where it has none. */
  closed: Promise<string>
}

export async function connect(server: Pick<TestServer, 'wsUrl'>, options: ClientOptions = {}): Promise<RtcClient> {
  const socket = new WebSocket(server.wsUrl, options)
  const messages: ServerMessage[] = []
  let wake: (() => void) | undefined
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)))
    wake?.()
  })
  const closed = new Promise<string>((resolve) => {
    socket.on('close', (code) => {
      resolve(closeNameOf(code) ?? String(code))
      wake?.()
    })
  })
  socket.on('error', () => {})
  await once(socket, 'open')
  const any = async (): Promise<ServerMessage> => {
    for (;;) {
      const message = messages.shift()
      if (message !== undefined) return message
      if (socket.readyState === WebSocket.CLOSED) assert.fail(`closed (${await closed}) while a message was awaited`)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const timeout = setTimeout(reject, waitMaxMs, new Error(`no message came within ${waitMaxMs} ms`))
      wake = resolve
      await promise.finally(() => clearTimeout(timeout))
    }
  }
  return {
    socket,
    closed,
    send: (message) =>
      socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message)),
    unread: () => messages,
    any,
    async next(type) {
      const message = await any()
      assert.equal(message.type, type, JSON.stringify(message))
      return message as Of<typeof type>
    },
  }
}

/** Connects and joins, as `name`, which is the participant's id too. */
export async function join(
  server: Pick<TestServer, 'wsUrl' | 'sign'>,
  roomId: string,
  name: string,
  token?: string,
  options?: ClientOptions,
) {
  const client = await connect(server, options)
  client.send({ type: 'join', token: token ?? (await server.sign()), roomId, participantId: name, name })
  const joined = await client.next('joined')
  return { ...client, joined }
}
