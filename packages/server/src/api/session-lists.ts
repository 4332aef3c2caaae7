import { embeddedParticipantsMax, timeTakes, toPageInfo } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { toListedText, type ViewOptions } from '../record/session-view.ts'
import { parseLast, parseTime } from '../runtime/parse-time.ts'
import type { Page } from '../store/database/page.ts'
import { ownerOf } from '../store/keys/key.ts'
import type { ListPage } from '../store/sessions/list.ts'
import type { SessionFilter } from '../store/sessions/list-queries.ts'
import type { FoundSessions, ListedSession } from '../store/sessions/sessions.ts'
import { callerOf } from './auth/auth.ts'
import { type Caller, maySee } from './auth/caller.ts'
import { summariseWebhooks } from './find.ts'
import { baseUrlOf } from './http/base-url.ts'
import { cursorMaxLength, minDurationMaxSeconds } from './limits.ts'
import { cursorTakes, readCursor, writeCursor } from './paging/cursor.ts'
import type { KeptAnswers } from './paging/kept-answers.ts'
import { largeAnswers } from './paging/large-answers.ts'
import { createPageCache, sendPage } from './paging/page-cache.ts'
import { PageQuery, toPage } from './paging/page-query.ts'
import { sendPieces, writeList } from './paging/pieces.ts'

/** A page of more sessions than these may be large: of them few are made at once. */
const smallPageMax = 100

const exactId = 'one exact id'
const ownerAbout = 'Sessions of this owner, as answers name them in `userId`: all of the key’s own, or none.'
export const SessionQuery = Type.Object({
  ...PageQuery.properties,
  roomId: Type.Optional(Type.String({ description: exactId, about: 'Sessions of this room.' })),
  customRoomId: Type.Optional(
    Type.String({ description: exactId, about: 'Sessions of the room that you gave this name.' }),
  ),
  query: Type.Optional(
    Type.String({ description: 'one exact roomId or customRoomId', about: 'Sessions of the room of either name.' }),
  ),
  search: Type.Optional(
    Type.String({
      maxLength: 200,
      description: 'a text of at most 200 characters',
      about:
        'Sessions of the rooms with this part of either name, with or without accents and capitals; of the 200 newest such rooms where more have it.',
    }),
  ),
  participantId: Type.Optional(
    Type.String({ description: exactId, about: 'Sessions that this participant was inside.' }),
  ),
  userId: Type.Optional(Type.String({ description: exactId, about: ownerAbout })),
  status: Type.Optional(
    Type.Union([Type.Literal('ongoing'), Type.Literal('active'), Type.Literal('ended')], {
      description: 'ongoing (or active, which is the same) or ended',
      about: 'Sessions that run, or those that are over.',
    }),
  ),
  startDate: Type.Optional(Type.String({ description: timeTakes, about: 'Sessions that started then or later.' })),
  endDate: Type.Optional(
    Type.String({
      description: timeTakes,
      about: 'Sessions that started then or earlier; of a date alone, on that day or earlier.',
    }),
  ),
  activeAt: Type.Optional(
    Type.String({
      description: timeTakes,
      about: 'Sessions with somebody inside then, named in `activeParticipantIds`.',
    }),
  ),
  minDuration: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: minDurationMaxSeconds,
      description: `a whole number of seconds from 0 to ${minDurationMaxSeconds}`,
      about: 'Sessions that lasted so long, or have by now.',
    }),
  ),
  parentSessionId: Type.Optional(
    Type.String({ description: exactId, about: 'Sessions that are parts of this one, such as its breakouts.' }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: cursorMaxLength,
      description: cursorTakes,
      about: 'Goes on after a page, in place of `page`.',
    }),
  ),
})
export type SessionQuery = Type.Static<typeof SessionQuery>

/** Pages of sessions, as they are asked for and sent. */
export type SessionLists = {
  /** @param toShown makes of a session's text the one that is sent */
  send(
    request: FastifyRequest,
    reply: FastifyReply,
    query: SessionQuery,
    toShown?: (text: string) => string,
  ): Promise<FastifyReply>
  /** The id of the session in the room that started last. */
  findLast(caller: Caller, roomId: string): Promise<string | undefined>
}

export function createSessionLists(
  context: Pick<Context, 'config' | 'clock' | 'reads' | 'known'>,
  keptAnswers: KeptAnswers,
): SessionLists {
  const { config, clock, reads, known } = context
  const pages = createPageCache()

  return {
    async send(request, reply, query, toShown = (text) => text) {
      const caller = callerOf(request)
      const view = { now: clock.now(), base: baseUrlOf(request, config), key: ownerOf(caller.key) }
      const version = known.versionOf(caller.key.keyId)
      const name = JSON.stringify([request.routeOptions.url, caller.key.keyId, caller.roomIds, view.base, query])
      const kept = pages.get(name, version)
      if (kept !== undefined) {
        keptAnswers.remember(request, reply, pages, name)
        return sendPage(request, reply, kept)
      }

      const { page, perPage } = toPage(query)
      const make = () => makePage(query, { page, perPage }, caller, view, { name, version, toShown })
      const asked = { keyId: caller.key.keyId, name: [name, version], answer: reply.raw }
      const { pieces, etag } = perPage > smallPageMax ? await largeAnswers.share(asked, make) : await make()
      return etag === undefined ? sendPieces(reply, pieces) : sendPage(request, reply, { pieces, etag })
    },

    async findLast(caller, roomId) {
      const [last] = (await listSessions(reads, caller, { roomId }, { page: 1, perPage: 1 })).sessions
      return last && idOf(last)
    },
  }

  /**
   * Without an `etag` where it is not kept.
   * @param kept under which name, and with which version
   */
  async function makePage(
    query: SessionQuery,
    { page, perPage }: Page,
    caller: Caller,
    view: ViewOptions,
    kept: { name: string; version: number; toShown: (text: string) => string },
  ): Promise<{ pieces: Buffer[]; etag?: string }> {
    const filter = toFilter(query)
    const { cursor, userId } = query
    const from = cursor === undefined ? { page, perPage } : { after: readCursor(cursor, filter), perPage }
    const { sessions, total, totalCapped, next } = await listSessions(reads, caller, filter, from, userId)
    const pageInfo = {
      ...toPageInfo(page, perPage, total),
      ...(next !== undefined && { nextCursor: writeCursor(next, filter) }),
      ...(totalCapped && { totalCapped }),
    }
    const { activeAt } = filter
    const webhooks = await summariseWebhooks(context, caller.key.keyId, sessions.map(idOf))
    const made = await writeList(caller.key.keyId, { pageInfo }, { data: sessions }, (one) => ({
      text: kept.toShown(toListedText(one, { ...view, activeAt, webhooks })),
      people: peopleReadFor(one),
    }))
    // A session that runs is longer a moment later, and a new room is found by its parts, though nothing shows that was written.
    if (sessions.some(isRunning) || query.search !== undefined) return { pieces: made.pieces }
    return pages.keep(kept.name, kept.version, made)
  }
}

/**
 * A page of sessions, of the caller's rooms alone where they may see no others.
 * @param ownerId as answers name the owner of a key: another's are none
 */
export async function listSessions(
  reads: Pick<Context['reads'], 'sessions'>,
  caller: Caller,
  filter: SessionFilter,
  page: ListPage,
  ownerId: string = caller.key.userId,
): Promise<FoundSessions> {
  const { roomIds } = caller
  const isOfOther = ownerId !== caller.key.userId
  if (isOfOther || (filter.roomId !== undefined && !maySee(caller, filter.roomId))) {
    return { sessions: [], total: 0, totalCapped: false, next: undefined }
  }
  const isOfAll = roomIds === undefined || filter.roomId !== undefined
  const seen = isOfAll ? filter : { ...filter, ...(roomIds.length === 1 ? { roomId: roomIds[0] ?? '' } : { roomIds }) }
  return reads.sessions.list(caller.key.keyId, seen, page, embeddedParticipantsMax)
}

function idOf(listed: ListedSession): string {
  return 'sealed' in listed ? listed.sealed.id : listed.record.session.id
}

/** How many people are read from their marks when it is shown. */
export function peopleReadFor(listed: ListedSession): number {
  return 'record' in listed ? listed.record.participants.length : 0
}

export function isRunning(listed: ListedSession): boolean {
  return 'record' in listed && listed.record.session.endAt === null
}

export function toFilter(query: SessionQuery): SessionFilter {
  const { roomId, customRoomId, query: eitherId, search, participantId } = query
  const { status, startDate, endDate, activeAt, minDuration, parentSessionId } = query
  return {
    ...(roomId !== undefined && { roomId }),
    ...(customRoomId !== undefined && { customRoomId }),
    ...(eitherId !== undefined && { query: eitherId }),
    ...(search !== undefined && { search }),
    ...(participantId !== undefined && { participantId }),
    ...(status !== undefined && { status: status === 'ended' ? ('ended' as const) : ('ongoing' as const) }),
    ...(startDate !== undefined && { startFrom: parseTime('startDate', startDate) }),
    ...(endDate !== undefined && { startTo: parseLast('endDate', endDate) }),
    ...(activeAt !== undefined && { activeAt: parseTime('activeAt', activeAt) }),
    ...(parentSessionId !== undefined && { parentSessionId }),
    ...(minDuration !== undefined && { minDurationMs: minDuration * 1000 }),
  }
}
