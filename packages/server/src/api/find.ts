import { embeddedParticipantsMax, type ParticipantKind } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { ViewOptions } from '../record/session-view.ts'
import { writeWholeSession } from '../record/whole-session.ts'
import { quote } from '../runtime/explain.ts'
import type { Page } from '../store/database/page.ts'
import { ownerOf } from '../store/keys/key.ts'
import type { WebhookSummary } from '../store/outbox/summary.ts'
import type { Room } from '../store/rooms.ts'
import type { PageOfPeople, SessionPart } from '../store/sessions/records.ts'
import { callerOf } from './auth/auth.ts'
import { type Caller, maySee } from './auth/caller.ts'
import { baseUrlOf } from './http/base-url.ts'
import { largeAnswers } from './paging/large-answers.ts'
import { sendPieces } from './paging/pieces.ts'

type Reads = Pick<Context['reads'], 'rooms' | 'sessions'>
type Shown = Pick<Context, 'config' | 'clock'> & {
  reads: Reads & Pick<Context['reads'], 'deliveries' | 'media'>
  known: Pick<Context['known'], 'webhookKeys' | 'versionOf'>
}

// What a caller may not see is answered as if it did not exist, word for word: another key's things, and those of another room
// where the token is bound to one.

/** By roomId, customRoomId or id. */
export async function requireRoom(reads: Reads, caller: Caller, anyId: string): Promise<Room> {
  const room = await reads.rooms.find(caller.key.keyId, anyId)
  if (room === undefined || !maySee(caller, room.roomId))
    throw new Refusal('ROOM_NOT_FOUND', `Room ${quote(anyId)} not found`)
  return room
}

/** Which room a report is of: the one that is asked for, else, of a host, their own; none: all. */
export async function requireReportedRoom(
  reads: Reads,
  caller: Caller,
  anyId: string | undefined,
): Promise<{ roomId?: string }> {
  if (anyId !== undefined) return { roomId: (await requireRoom(reads, caller, anyId)).roomId }
  const [roomId, ...others] = caller.roomIds ?? []
  if (others.length > 0) {
    throw new Refusal('BAD_REQUEST', 'roomId is missing: it takes one of the rooms of which you are a host')
  }
  return roomId === undefined ? {} : { roomId }
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
  throw new Refusal('SESSION_NOT_FOUND', `Session ${quote(sessionId)} not found in room ${roomId}`)
}

/** Without its people. */
export async function requireSession(reads: Reads, caller: Caller, sessionId: string): Promise<SessionPart> {
  return visible(await reads.sessions.find(caller.key.keyId, sessionId), caller, sessionId)
}

/**
 * Sends a session as the API shows it, with all of its people and what became of the webhooks about it.
 * @param toMore fields that are added to it
 */
export async function sendSession(
  shown: Shown,
  request: FastifyRequest,
  reply: FastifyReply,
  sessionId: string,
  toMore: (record: SessionPart) => object = () => ({}),
): Promise<FastifyReply> {
  const caller = callerOf(request)
  const { keyId } = caller.key
  const record = await requireSession(shown.reads, caller, sessionId)
  const view = viewFor(shown, request)
  const more = toMore(record)
  const write = async (signal?: AbortSignal) => {
    const webhooks = await summariseWebhooks(shown, keyId, [sessionId])
    return writeWholeSession(shown.reads, keyId, record, { ...view, webhooks }, { more, signal })
  }
  const name = [sessionId, view.base, more, shown.known.versionOf(keyId)]
  const isLarge = record.session.people > embeddedParticipantsMax
  const pieces = isLarge ? await largeAnswers.share({ keyId, name, answer: reply.raw }, write) : await write()
  return sendPieces(reply, pieces)
}

export function viewFor({ config, clock }: Pick<Context, 'config' | 'clock'>, request: FastifyRequest): ViewOptions {
  return { now: clock.now(), base: baseUrlOf(request, config), key: ownerOf(callerOf(request).key) }
}

/** What became of the webhooks about sessions; without a look at the database where the key never had an endpoint. */
export async function summariseWebhooks(
  { reads, known }: { known: Pick<Context['known'], 'webhookKeys'>; reads: Pick<Shown['reads'], 'deliveries'> },
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
  throw new Refusal('PARTICIPANT_NOT_FOUND', `Participant ${quote(participantId)} not found in session ${sessionId}`)
}

function visible<Part extends SessionPart>(record: Part | undefined, caller: Caller, sessionId: string): Part {
  if (record !== undefined && maySee(caller, record.session.roomId)) return record
  throw new Refusal('SESSION_NOT_FOUND', `Session ${quote(sessionId)} not found`)
}
