import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import type { Room, Session, SessionPage } from '@rollcall/protocol'
import type { TestServer } from './start-server.ts'

export const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** A new room, as the API answers it. */
export async function makeRoom(server: TestServer, body: object = {}): Promise<Room> {
  const { status, text, body: room } = await server.call<Room>('POST', '/v2/rooms', body)
  assert.equal(status, 200, text)
  return room
}

/** The sessions of a room, newest first. */
export async function listSessions(server: TestServer, roomId: string): Promise<Session[]> {
  const { status, text, body } = await server.call<SessionPage>('GET', `/v2/sessions?roomId=${roomId}`)
  assert.equal(status, 200, text)
  return body.data
}

/** Who is inside, by the record. */
export function insideOf({ participants }: Pick<Session, 'participants'>): string[] {
  return participants
    .filter(({ timelog }) => timelog.some(({ end }) => end === null))
    .map(({ participantId }) => participantId)
    .sort()
}

/** The headers of an answer without what tells one moment from the next: the same request gets the same ones. */
export function withoutTime(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const {
    date,
    'x-request-id': requestId,
    'ratelimit-limit': limit,
    'ratelimit-remaining': remaining,
    'ratelimit-reset': reset,
    ...others
  } = headers
  return others
}
