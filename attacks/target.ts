import { Agent, type OutgoingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'

export type Target = { url: string; token(claims?: object): Promise<string> }

export type Attack = {
  what: string
  /** Settings of the server. */
  env?: { [name: string]: string }
  /** What is there before it begins. */
  prepare?(target: Target): Promise<void>
  /** Gives in words what came of it. */
  run(target: Target): Promise<string>
}

/** Sends requests, so many at once; counts the statuses. */
export async function sendAll(count: number, atOnce: number, send: (n: number) => Promise<string>): Promise<string> {
  const came: { [status: string]: number } = {}
  let next = 0
  const work = async () => {
    while (next < count) {
      const status = await send(next++)
      came[status] = (came[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return Object.entries(came)
    .map(([status, times]) => `${times} × ${status}`)
    .join(', ')
}

type Options = { method?: string; headers?: OutgoingHttpHeaders; body?: Buffer | string }

/** The status; or the code of what broke. */
export function send(url: string, { method = 'GET', headers = {}, body }: Options = {}): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request(url, { method, headers, agent: new Agent({ keepAlive: false }) }, (answer) => {
      answer.resume().on('end', () => resolve(String(answer.statusCode)))
      answer.on('error', () => resolve('broken off'))
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    outgoing.end(body)
  })
}

export async function call<Body>({ url, token }: Target, method: string, path: string, body?: object): Promise<Body> {
  const headers = { authorization: await token(), 'content-type': 'application/json' }
  const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Body
}

export async function openAll(count: number, { url }: Target, text: (n: number) => string): Promise<Socket[]> {
  const { hostname, port } = new URL(url)
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.pause()
      socket.write(text(n))
      return socket
    }),
  )
}
