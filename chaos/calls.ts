import type { Session, SessionPage } from '@rollcall/protocol'
import type { SeenSession } from './compare.ts'
import type { Servers } from './server.ts'

export async function makeRoom(servers: Servers, sign: () => Promise<string>): Promise<string> {
  return (await call<{ roomId: string }>(servers, sign, 'POST', '/v2/rooms')).roomId
}

export async function listSeen(servers: Servers, sign: () => Promise<string>): Promise<SeenSession[]> {
  const sessions: Session[] = []
  for (let page = 1; ; page++) {
    const { data } = await call<SessionPage>(servers, sign, 'GET', `/v2/sessions?page=${page}&perPage=200`)
    if (data.length === 0) break
    sessions.push(...data)
  }
  return sessions.map(({ id, customRoomId, roomId, start, end, participants }) => ({
    id,
    room: customRoomId ?? roomId,
    start: Date.parse(start),
    end: end === null ? null : Date.parse(end),
    people: participants.map(({ participantId, name, timelog }) => ({
      id: participantId,
      name,
      timelog: timelog.map((entry) => ({
        ...entry,
        start: Date.parse(entry.start),
        end: entry.end === null ? null : Date.parse(entry.end),
      })),
    })),
  }))
}

export async function call<Body>(
  servers: Servers,
  sign: () => Promise<string>,
  method: string,
  path: string,
  body?: object,
): Promise<Body> {
  const { url } = await servers.whenUp()
  const headers = { authorization: await sign(), ...(body !== undefined && { 'content-type': 'application/json' }) }
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Body
}
