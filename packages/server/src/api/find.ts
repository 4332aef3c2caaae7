import type { ParticipantKind, Session } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { toDetails } from '../record/media-view.ts'
import { toSession, type ViewOptions } from '../record/session-view.ts'
import type { Page } from '../store/database/page.ts'
import type { WebhookSummary } from '../store/outbox/summary.ts'
import type { Room } from '../store/rooms.ts'
import type { PageOfPeople, SessionPart, SessionRecord } from '../store/sessions/records.ts'
import { type Caller, maySee } from './auth/auth.ts'

type Reads = Pick<Context['reads'], 'rooms' | 'sessions'>
type Shown = {
  reads: Reads & Pick<Context['reads'], 'deliveries' | 'media'>
  known: Pick<Context['known'], 'webhookKeys'>
}

// What a caller may not see is answered as if it did not exist, word for word: another key's things, and those of another room
// where the token is bound to one.

/** By roomId, customRoomId or id. */
export async function requireRoom(reads: Reads, caller: Caller, anyId: string): Promise<Room> {
  const room = await reads.rooms.find(caller.key.keyId, anyId)
  if (room === undefined || !maySee(caller, room.roomId)) throw new Refusal('ROOM_NOT_FOUND', `Room ${anyId} not found`)
  return room
}

/** The roomId that a body means: by its `roomId` (or customRoomId), its `sessionId`, or both where they agree. */
export async function requireRoomId(
  reads: Reads,
  caller: Caller,
  { roomId: anyId, sessionId }: { roomId?: string | undefined; sessionId?: string | undefined },
): Promise<string> {
  const roomId = anyId === undefined ? undefined : (await requireRoom(reads, caller, anyId)).roomId
  if (sessionId === undefined) {
    if (roomId !== undefined) return roomId
    throw new Refusal('BAD_REQUEST', 'The body takes a roomId (or customRoomId in its place), or a sessionId')
  }
  const { session } = await requireSession(reads, caller, sessionId)
  if (roomId === undefined || roomId === session.roomId) return session.roomId
  throw new Refusal('SESSION_NOT_FOUND', `Session ${sessionId} not found in room ${roomId}`)
}

export async function requireSession(reads: Reads, caller: Caller, sessionId: string): Promise<SessionRecord> {
  return visible(await reads.sessions.get(caller.key.keyId, sessionId), caller, sessionId)
}

/** The same as the API shows it. */
export async function showSession(
  shown: Shown,
  caller: Caller,
  sessionId: string,
  view: ViewOptions,
): Promise<Session> {
  return showRecord(shown, caller, await requireSession(shown.reads, caller, sessionId), view)
}

/** A session, or a part of it, with what its people published, and what became of the webhooks about it. */
export async function showRecord(
  shown: Shown,
  { key }: Caller,
  record: SessionRecord,
  view: ViewOptions,
): Promise<Session> {
  const { id } = record.session
  const webhooks = await summariseWebhooks(shown, key.keyId, [id])
  const details = toDetails(record, await shown.reads.media.list(key.keyId, id))
  return toSession(record, { ...view, webhooks, details })
}

/** What became of the webhooks about sessions; without a look at the database where the key never had an endpoint. */
export async function summariseWebhooks(
  { reads, known }: Pick<Shown, 'known'> & { reads: Pick<Shown['reads'], 'deliveries'> },
  keyId: number,
  sessionIds: string[],
): Promise<Map<string, WebhookSummary>> {
  return known.webhookKeys.has(keyId) ? reads.deliveries.summarise(keyId, sessionIds) : new Map()
}

/** The session with one page of its people. */
export async function requireParticipants(
  reads: Reads,
  caller: Caller,
  sessionId: string,
  page: Page,
  kinds?: ParticipantKind[],
): Promise<PageOfPeople> {
  return visible(await reads.sessions.listParticipants(caller.key.keyId, sessionId, page, kinds), caller, sessionId)
}

/** The session with one of its people alone. */
export async function requireParticipant(
  reads: Reads,
  caller: Caller,
  sessionId: string,
  participantId: string,
): Promise<SessionPart> {
  const record = await reads.sessions.getParticipant(caller.key.keyId, sessionId, participantId)
  if (record !== undefined) return visible(record, caller, sessionId)
  // Only a caller who may see the session learns that the participant is not in it.
  await requireParticipants(reads, caller, sessionId, { page: 1, perPage: 1 })
  throw new Refusal('PARTICIPANT_NOT_FOUND', `Participant ${participantId} not found in session ${sessionId}`)
}

function visible<Part extends SessionPart>(record: Part | undefined, caller: Caller, sessionId: string): Part {
  if (record !== undefined && maySee(caller, record.session.roomId)) return record
  throw new Refusal('SESSION_NOT_FOUND', `Session ${sessionId} not found`)
}
