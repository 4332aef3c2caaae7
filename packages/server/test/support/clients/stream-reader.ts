import assert from 'node:assert/strict'
import type { StreamedChange } from '@rollcall/protocol'
import { request } from '../http.ts'
import type { TestServer } from '../start-server.ts'

export type StreamMessage = { id?: string; event?: string; data?: string; comment?: boolean }

export type StreamReader = {
  /** The next message, whatever it is. */
  next(): Promise<StreamMessage>
  /** The next changes, so many. */
  changes(count: number): Promise<StreamedChange[]>
  /** Resolves when the server ended it. */
  ended: Promise<void>
  pause(): void
  resume(): void
  close(): void
}

/** Reads `GET /v2/stream` as it comes. */
export async function openStream(
  server: Pick<TestServer, 'url' | 'sign'>,
  query = '',
  { token, headers = {} }: { token?: string; headers?: { [name: string]: string } } = {},
): Promise<StreamReader> {
  const authorization = token ?? (await server.sign())
  const messages: StreamMessage[] = []
  let woken = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<StreamReader>()
  const outgoing = request(
    `${server.url}/v2/stream${query}`,
    { headers: { authorization, ...headers } },
    (incoming) => {
      let text = ''
      let over = false
      const wake = () => {
        woken.resolve()
        woken = Promise.withResolvers()
      }
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (text + chunk).split('\n\n')
        text = parts.pop() ?? ''
        messages.push(...parts.map(toMessage))
        wake()
      })
      const ended = new Promise<void>((resolve) => {
        incoming.on('error', () => {})
        incoming.on('close', () => {
          over = true
          wake()
          resolve()
        })
      })
      const next = async () => {
        for (;;) {
          const message = messages.shift()
          if (message !== undefined) return message
          if (over) throw new Error('the stream ended while a message was awaited')
          await woken.promise
        }
      }
      if (incoming.statusCode !== 200) return opened.reject(new Error(`the stream was answered ${incoming.statusCode}`))
      opened.resolve({
        next,
        ended,
        async changes(count) {
          const changes: StreamedChange[] = []
          while (changes.length < count) {
            const { id, event, data } = await next()
            if (event !== undefined || data === undefined) continue
            const change = JSON.parse(data) as StreamedChange
            assert.equal(id, String(change.seq))
            changes.push(change)
          }
          return changes
        },
        pause: () => incoming.pause(),
        resume: () => incoming.resume(),
        close: () => outgoing.destroy(),
      })
    },
  )
  outgoing.on('error', opened.reject)
  outgoing.end()
  return opened.promise
}

function toMessage(part: string): StreamMessage {
  const message: StreamMessage = {}
  for (const line of part.split('\n')) {
    if (line.startsWith(':')) message.comment = true
    const [, name, value = ''] = /^(id|event|data): (.*)$/.exec(line) ?? []
    if (name === 'id' || name === 'event' || name === 'data') message[name] = value
  }
  return message
}
