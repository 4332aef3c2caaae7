import type { Erased, PeoplePage, Person, PersonSession, PersonSessionPage } from '@rollcall/protocol'
import type { Api } from './api.ts'
import { createListing, type Listing } from './listing.ts'
import { requireText } from './text.ts'

/** Whom to find. */
export type PeopleFilters = {
  /** A part of a name or id, with or without accents and capitals; without it, everybody. */
  search?: string
  /** People a page, at most 1000; the server's default is 20. */
  perPage?: number
  /** The `nextCursor` of the page before. */
  cursor?: string
}

/** How somebody's time is counted. */
export type PersonOptions = {
  /** An IANA time zone, whose days are meant; without it, UTC. */
  tz?: string
  groupBy?: 'day' | 'week' | 'month'
  from?: string | number
  to?: string | number
}

/** Who was ever inside, over all sessions of a key. The token has to name the role `crawler`, as those do that the client signs. */
export type People = {
  /**
   * Finds people by a part of their name or id, last seen first: a page, and the `nextCursor` that goes on after it.
   *
   * @throws RollcallError with code `BAD_REQUEST`, whose message names what was wrong and what it takes
   * @example
   * const { data, nextCursor } = await rollcall.people.find({ search: 'müll' })
   */
  find(filters?: PeopleFilters): Promise<PeoplePage>
  /**
   * Gives one person, with what all of their sessions amount to.
   *
   * @throws RollcallError with code `PERSON_NOT_FOUND`
   * @example
   * const { totalSeconds, time } = await rollcall.people.get('anna', { tz: 'Europe/Berlin', groupBy: 'week' })
   */
  get(id: string, options?: PersonOptions): Promise<Person>
  /**
   * Lists a person's sessions with their own times in each, newest first.
   *
   * @throws RollcallError with code `PERSON_NOT_FOUND`, while it is walked
   * @example
   * for await (const { roomId, seconds } of rollcall.people.sessions('anna')) console.log(roomId, seconds)
   */
  sessions(id: string, options?: { perPage?: number }): Listing<PersonSession>
  /**
   * Merges participants into one person under an id of yours; the same again adds more. What was recorded stays as it is.
   *
   * @throws RollcallError with code `PERSON_NOT_FOUND` where nobody has one of these ids
   * @example
   * await rollcall.people.merge('staff-17', { participantIds: ['anna@web', 'anna-phone'], name: 'Anna' })
   */
  merge(id: string, person: { participantIds: string[]; name?: string }): Promise<Person>
  /**
   * Undoes a merge. Gives the participants, each a person of their own again.
   *
   * @throws RollcallError with code `PERSON_NOT_FOUND` where nobody was merged under this id
   * @example
   * await rollcall.people.unmerge('staff-17')
   */
  unmerge(id: string): Promise<PeoplePage['data']>
  /**
   * Makes a participant nobody in all sessions that ended, for good. A person who is known under several ids is erased by each of them.
   *
   * @throws RollcallError with code `PARTICIPANT_NOT_FOUND`, or `CONFLICT` while they are part of a session that runs
   * @example
   * const { sessions } = await rollcall.people.erase('anna@example.org')
   */
  erase(participantId: string): Promise<Erased>
}

export function createPeople(api: Api): People {
  return {
    find: async (filters = {}) => api.get<PeoplePage>('/v2/people', filters),
    get: async (id, options = {}) => api.get<Person>(pathOf(id), options),
    sessions: (id, { perPage } = {}) =>
      createListing((page) => api.get<PersonSessionPage>(`${pathOf(id)}/sessions`, { page, perPage })),
    merge: async (id, person) => api.put<Person>(pathOf(id), person),
    unmerge: async (id) => (await api.delete<PeoplePage>(pathOf(id))).data,
    erase: async (participantId) =>
      api.delete<Erased>(`/v2/participants/${encodeURIComponent(requireText('participantId', participantId))}`),
  }
}

function pathOf(id: string): string {
  return `/v2/people/${encodeURIComponent(requireText('id', id))}`
}
