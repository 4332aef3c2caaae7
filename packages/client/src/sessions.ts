import type { Participant, ParticipantPage, Session, SessionPage } from '@rollcall/protocol'
import type { Api } from './api.ts'
import { createListing, type Listing } from './listing.ts'
import { requireText } from './text.ts'

/** Which sessions: those that meet every filter that is given. */
export type SessionFilters = {
  roomId?: string
  customRoomId?: string
  /** One exact roomId or customRoomId. */
  query?: string
  /** Sessions that this participant was in. */
  participantId?: string
  status?: 'ongoing' | 'ended'
  /** Sessions that started at this moment or later: a `Date`, epoch milliseconds, or ISO 8601. */
  startDate?: Date | number | string
  /** Sessions that started at this moment or before. */
  endDate?: Date | number | string
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
  }
}

function pathOf(sessionId: string): string {
  return `/v2/sessions/${encodeURIComponent(requireText('sessionId', sessionId))}`
}
