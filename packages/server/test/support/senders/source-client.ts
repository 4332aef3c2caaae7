import { createHash } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import type { EventResults, Session, Source } from '@rollcall/protocol'
import { SignJWT } from 'jose'
import { Agent, request } from '../http.ts'
import { type Answer, send, type TestServer } from '../start-server.ts'

type Api = Pick<TestServer, 'call'>
type Settings = { [name: string]: string }

/** Adds a source over the API, as its owner would. */
export async function addSource(server: Api, type: string, settings: Settings = {}): Promise<Source> {
  const { status, body, text } = await server.call<Source>('POST', '/v2/sources', { type, name: type, ...settings })
  if (status !== 200) throw new Error(text)
  return body
}

export async function getSource(server: Api, id: string): Promise<Source> {
  return (await server.call<Source>('GET', `/v2/sources/${id}`)).body
}

/** One delivery to a source. The body goes as it is. */
export function deliver(
  url: string,
  body: string,
  headers: { [name: string]: string } = {},
): Promise<Answer<EventResults>> {
  return send<EventResults>(url, 'POST', headers, body)
}

/** The same of bytes, on a connection that is kept. */
export function deliverBytes(url: string, body: Buffer, headers: OutgoingHttpHeaders): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const outgoing = request(url, { method: 'POST', headers, agent: new Agent({ keepAlive: false }) }, (incoming) => {
    incoming.resume().on('end', () => resolve(incoming.statusCode))
  })
  outgoing.on('error', reject)
  outgoing.end(body)
  return promise
}

export const livekitKey = { apiKey: 'APIhN5vqZ', secret: 'a secret that LiveKit has too' }

/** Signs as LiveKit does, of which the clock says `sentAt`, in epoch milliseconds. */
export async function signAsLivekit(
  body: string,
  { apiKey, secret } = livekitKey,
  sentAt = Date.now(),
): Promise<{ [name: string]: string }> {
  const second = Math.floor(sentAt / 1000)
  const token = await new SignJWT({ sha256: createHash('sha256').update(body).digest('base64') })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(apiKey)
    .setNotBefore(second)
    .setExpirationTime(second + 300)
    .sign(Buffer.from(secret))
  return { 'content-type': 'application/webhook+json', authorization: token, 'user-agent': 'Go-http-client/1.1' }
}

/** One event from LiveKit, sent at `sentAt` by its clock; gives the outcome. */
export async function deliverAsLivekit(
  { url }: Pick<Source, 'url'>,
  event: object,
  sentAt = Date.now(),
  key = livekitKey,
): Promise<string | undefined> {
  const body = JSON.stringify(event)
  const answer = await deliver(url, body, await signAsLivekit(body, key, sentAt))
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body.results[0]?.outcome
}

/** All sessions of the key, oldest first, as a test compares them: who was inside, and when, to the millisecond. */
export async function listSeen(server: Api) {
  const { body } = await server.call<{ data: Session[] }>('GET', '/v2/sessions?perPage=1000')
  return body.data.toReversed().map(({ customRoomId, start, end, engine, participants }) => ({
    room: customRoomId,
    start: Date.parse(start),
    end: end === null ? null : Date.parse(end),
    engine,
    people: participants.map(({ participantId, name, kind, timelog }) => ({
      id: participantId,
      name,
      kind,
      timelog: timelog.map((entry) => ({
        ...entry,
        start: Date.parse(entry.start),
        end: entry.end === null ? null : Date.parse(entry.end),
      })),
    })),
  }))
}
