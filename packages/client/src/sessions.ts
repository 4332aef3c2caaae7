import type {
  EndedSession,
  ErasedSession,
  Participant,
  ParticipantPage,
  ParticipantQuality,
  Session,
  SessionAfterRemoval,
  SessionPage,
  SessionQuality,
} from '@rollcall/protocol'
import type { Api } from './api.ts'
import { createListing, type Listing } from './listing.ts'
import { requireText } from './text.ts'

/** Which sessions: those that meet every filter that is given. */
export type SessionFilters = {
  roomId?: string
  customRoomId?: string
  /** One exact roomId or customRoomId. */
  query?: string
  /** A part of either, with or without accents and capitals. */
  search?: string
  /** Sessions that this participant was in. */
  participantId?: string
  status?: 'ongoing' | 'ended'
  /** Sessions that started at this moment or later: a `Date`, epoch milliseconds, or ISO 8601. */
  startDate?: Date | number | string
  /** Sessions that started at this moment or before. */
  endDate?: Date | number | string
  /** Sessions with somebody inside at this moment, named in their `activeParticipantIds`. */
  activeAt?: Date | number | string
  /** Sessions that lasted so long, in seconds, or have by now. */
  minDuration?: number
  /** Sessions that are parts of this one, such as its breakouts. */
  parentSessionId?: string
  /** Sessions a page, at most 1000; the server's default is 20. */
  perPage?: number
}

/** The sessions of a key. */
export type Sessions = {
  /**
   * Lists sessions, newest first. A walk holds to the sessions that had started when it began: those that start during
   * it are not in it, and shift nothing. A session in a list embeds at most 1,000 participants (`participantsTruncated`
   * tells); `participants(id)` has them all.
   *
   * @throws RollcallError while it is walked
   * @example
   * for await (const session of rollcall.sessions.list({ roomId, status: 'ended' })) console.log(session.start)
   * @example
   * const { data, pageInfo } = await rollcall.sessions.list({ participantId: 'ann', perPage: 50 }).page(2)
   */
  list(filters?: SessionFilters): Listing<Session>
  /**
   * Gives one session, with all of its participants.
   *
   * @throws RollcallError with code `SESSION_NOT_FOUND` where there is none of this id
   * @example
   * const { start, end, participants } = await rollcall.sessions.get('621497578bea0d0404c35c4c')
   */
  get(sessionId: string): Promise<Session>
  /**
   * Lists everybody who was in a session, whoever left included, in order of first join.
   *
   * @param options `perPage`: participants a page, at most 1000; the server's default is 20
   * @throws RollcallError with code `SESSION_NOT_FOUND`, while it is walked, where there is none of this id
   * @example
   * for await (const { name, totalSeconds } of rollcall.sessions.participants(id)) console.log(name, totalSeconds)
   */
  participants(sessionId: string, options?: { perPage?: number }): Listing<Participant>
  /**
   * Gives how the media of everybody in a session went, at most 500 points; none where nobody measured it.
   *
   * @throws RollcallError with code `SESSION_NOT_FOUND` where there is none of this id
   * @example
   * const { stats } = await rollcall.sessions.quality(id)
   */
  quality(sessionId: string): Promise<SessionQuality>
  /**
   * The same of one participant.
   *
   * @throws RollcallError with code `SESSION_NOT_FOUND` or `PARTICIPANT_NOT_FOUND`
   * @example
   * const { stats, deviceInfo } = await rollcall.sessions.qualityOf(id, 'ann')
   */
  qualityOf(sessionId: string, participantId: string): Promise<ParticipantQuality>
  /**
   * Ends a session everywhere: in the record, in the hosted room, and in the media server that it came from; `enforced`
   * tells whether that obeyed. Tried once.
   *
   * @throws RollcallError with code `NO_SESSION_OPEN` where it is over already
   * @example
   * const { end, enforced } = await rollcall.sessions.end(id)
   */
  end(sessionId: string): Promise<EndedSession>
  /**
   * Removes somebody from a session everywhere, as `end` ends it. Tried once.
   *
   * @throws RollcallError with code `PARTICIPANT_NOT_FOUND` where they are not inside
   * @example
   * const { message } = await rollcall.sessions.remove(id, 'ann')
   */
  remove(sessionId: string, participantId: string): Promise<SessionAfterRemoval>
  /**
   * Erases a session that ended, from all that is kept, for good.
   *
   * @throws RollcallError with code `SESSION_NOT_FOUND`, or `CONFLICT` while it runs
   * @example
   * const { erasedAt } = await rollcall.sessions.erase(id)
   */
  erase(sessionId: string): Promise<ErasedSession>
}

export function createSessions(api: Api): Sessions {
  return {
    list: (filters = {}) =>
      createListing((page, first) => {
        const newest = first?.data[0]?.start
        const held = newest === undefined ? {} : { endDate: newest }
        return api.get<SessionPage>('/v2/sessions', { ...filters, ...held, page })
      }),
    get: async (sessionId) => api.get<Session>(pathOf(sessionId)),
    participants(sessionId, { perPage } = {}) {
      const path = `${pathOf(sessionId)}/participants`
      return createListing(async (page) => {
        const { pageInfo, data } = await api.get<ParticipantPage>(path, { page, perPage })
        return { pageInfo, data: data.participants }
      })
    },
    quality: async (sessionId) => api.get<SessionQuality>(`${pathOf(sessionId)}/stats`),
    async qualityOf(sessionId, participantId) {
      const of = encodeURIComponent(requireText('participantId', participantId))
      return api.get<ParticipantQuality>(`${pathOf(sessionId)}/participant/${of}/stats`)
    },
    end: async (sessionId) =>
      api.post<EndedSession>('/v2/sessions/end', { sessionId: requireText('sessionId', sessionId) }),
    remove: async (sessionId, participantId) =>
      api.post<SessionAfterRemoval>('/v2/sessions/participants/remove', {
        sessionId: requireText('sessionId', sessionId),
        participantId: requireText('participantId', participantId),
      }),
    erase: async (sessionId) => api.delete<ErasedSession>(pathOf(sessionId)),
  }
}

function pathOf(sessionId: string): string {
  return `/v2/sessions/${encodeURIComponent(requireText('sessionId', sessionId))}`
}
