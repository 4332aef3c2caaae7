import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Webhook } from '@rollcall/protocol'
import { createServer } from '../http.ts'

export type Received = { id: string; headers: IncomingHttpHeaders; body: string; webhook: Webhook }

/** A status, with headers and a body where it takes any, which does not end where it is open; `hang`: no answer comes; `break`: the connection breaks without one. */
export type Answering =
  | number
  | { status: number; headers?: { [name: string]: string }; body?: string; isOpen?: boolean }
  | 'hang'
  | 'break'

export type Receiver = {
  url: string
  /** Every request, in the order that they came in, whatever it was answered. */
  received: Received[]
  /** Those that were answered 2xx. */
  taken: Received[]
  /** How many wait for an answer that does not come. */
  hanging: number
  /** What the next ones are answered. */
  answer: (request: Received) => Answering
  stop(): Promise<void>
}

/** An address that webhooks are sent to. It takes them all, until `answer` is set to something else. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { headers } = request
    const one = { id: String(headers['webhook-id']), headers, body, webhook: JSON.parse(body) }
    receiver.received.push(one)
    const answering = receiver.answer(one)
    if (isTaken(answering)) receiver.taken.push(one)
    if (answering === 'hang') hang(response)
    else give(response, answering)
  })
  const hang = (response: ServerResponse) => {
    receiver.hanging += 1
    response.once('close', () => {
      receiver.hanging -= 1
    })
  }
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received: [],
    taken: [],
    hanging: 0,
    answer: () => 200,
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return receiver
}

function isTaken(answering: Answering): boolean {
  const status = typeof answering === 'object' ? answering.status : answering
  return typeof status === 'number' && status < 300
}

function give(response: ServerResponse, answering: Exclude<Answering, 'hang'>): void {
  if (answering === 'break') {
    response.destroy()
    return
  }
  const {
    status,
    headers = {},
    body = '',
    isOpen = false,
  } = typeof answering === 'number' ? { status: answering } : answering
  response.writeHead(status, headers).write(body)
  if (!isOpen) response.end()
}
