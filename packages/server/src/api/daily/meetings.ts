import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { DailyMeeting, DailyMeetingPage, DailyParticipantPage, type Session } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { toListedText, toSessionOf } from '../../record/session-view.ts'
import { createSums } from '../../record/whole-session.ts'
import type { Cursor, ListPage } from '../../store/sessions/list.ts'
import type { SessionFilter } from '../../store/sessions/list-queries.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import type { Caller } from '../auth/caller.ts'
import { requireSession, viewFor } from '../find.ts'
import { createErrorHandler } from '../http/errors.ts'
import { notModified, refusals } from '../http/refusals.ts'
import type { KeptAnswers } from '../paging/kept-answers.ts'
import { createPageCache, sendPage } from '../paging/page-cache.ts'
import { sendPieces, writeList } from '../paging/pieces.ts'
import { isRunning, listSessions, peopleReadFor } from '../session-lists.ts'
import { listAfter, listBefore } from './participants.ts'
import { dailyErrors } from './refusals.ts'
import { toDailyMeeting, toListedDailyMeeting } from './view.ts'

// The meetings of Daily's REST API, of all that the key's record has: see docs/daily.md.

const limitMax = 100
/** The last moment that a date can be, in Unix seconds. */
const secondsMax = 8_640_000_000_000
const idMaxLength = 2000

const Limit = Type.Optional(
  Type.Integer({
    minimum: 1,
    default: limitMax,
    description: `a whole number from 1; more than ${limitMax} is ${limitMax}`,
    about: 'How many a page has.',
  }),
)
const Place = (description: string, about: string) =>
  Type.Optional(Type.String({ maxLength: idMaxLength, description, about }))
const Seconds = (about: string) =>
  Type.Optional(
    Type.Integer({ minimum: 0, maximum: secondsMax, description: `Unix seconds from 0 to ${secondsMax}`, about }),
  )
const Flag = (about: string) => Type.Optional(Type.Boolean({ description: 'true or false', about }))

const MeetingQuery = Type.Object({
  room: Type.Optional(
    Type.String({ description: 'one exact customRoomId or roomId', about: 'Meetings in this room.' }),
  ),
  timeframe_start: Seconds('Meetings that started then or later.'),
  timeframe_end: Seconds('Meetings that started before then.'),
  limit: Limit,
  starting_after: Place('the id of a meeting', 'Those after it in the list: the next page.'),
  ending_before: Place('the id of a meeting', 'Those just before it in the list: the page before.'),
  ongoing: Flag('Meetings that run, or those that are over.'),
  no_participants: Flag('Whether to leave out who took part.'),
})
type MeetingQuery = Type.Static<typeof MeetingQuery>
const MeetingPath = Type.Object({ meeting: Type.String({ description: 'one exact id', about: 'The meeting.' }) })
const ParticipantQuery = Type.Object({
  limit: Limit,
  joined_after: Place('a participant_id', 'Those after this one.'),
  joined_before: Place('a participant_id', 'Those just before this one.'),
})

const schemas = {
  list: {
    operationId: 'listDailyMeetings',
    tags: ['Daily'],
    summary: 'List meetings, as Daily does',
    description: 'Newest start first, with who took part. A room that is not known has an empty list.',
    querystring: MeetingQuery,
    response: { 200: DailyMeetingPage, ...notModified, ...refusals('SESSION_NOT_FOUND') },
    dialect: dailyErrors,
  },
  one: {
    operationId: 'getDailyMeeting',
    tags: ['Daily'],
    summary: 'Get a meeting, as Daily does',
    description: 'Without who took part.',
    params: MeetingPath,
    response: { 200: DailyMeeting, ...refusals('SESSION_NOT_FOUND') },
    dialect: dailyErrors,
  },
  participants: {
    operationId: 'listDailyParticipants',
    tags: ['Daily'],
    summary: 'List who took part in a meeting, as Daily does',
    description: 'A page with nobody on it is not found: so ends a walk by `joined_after`.',
    params: MeetingPath,
    querystring: ParticipantQuery,
    response: { 200: DailyParticipantPage, ...refusals('SESSION_NOT_FOUND', 'PARTICIPANT_NOT_FOUND') },
    dialect: dailyErrors,
  },
}

export function dailyRoutes(
  context: Pick<Context, 'config' | 'clock' | 'log' | 'reads' | 'known'>,
  { auth, keptAnswers }: { auth: ApiAuth; keptAnswers: KeptAnswers },
): FastifyPluginAsyncTypebox {
  const { clock, reads, known } = context
  const pages = createPageCache()
  const sumsOf = createSums(reads.sessions)

  return async (app) => {
    app.setErrorHandler(createErrorHandler(context.log, dailyErrors))

    app.get('/daily/v1/meetings', { onRequest: auth.any, schema: schemas.list }, async (request, reply) => {
      const caller = callerOf(request)
      const version = known.versionOf(caller.key.keyId)
      const name = JSON.stringify([caller.key.keyId, caller.roomIds, request.query])
      const kept = pages.get(name, version)
      if (kept !== undefined) {
        keptAnswers.remember(request, reply, pages, name)
        return sendPage(request, reply, kept)
      }
      const page = await toPage(caller, request.query)
      const { sessions, total } = await listSessions(reads, caller, toFilter(request.query), page)
      const view = viewFor(context, request)
      const withPeople = request.query.no_participants !== true
      const made = await writeList(caller.key.keyId, { total_count: total }, { data: sessions }, (one) => {
        const listed = toListedText(one, view)
        const meeting = toListedDailyMeeting(JSON.parse(listed) as Session, view.now, { withPeople })
        return { text: JSON.stringify(meeting), people: peopleReadFor(one), read: listed.length }
      })
      // A meeting that runs is longer a moment later, though nothing was written.
      if (sessions.some(isRunning)) return sendPieces(reply, made.pieces)
      return sendPage(request, reply, pages.keep(name, version, made))
    })

    app.get('/daily/v1/meetings/:meeting', { onRequest: auth.any, schema: schemas.one }, async (request) => {
      const caller = callerOf(request)
      const record = await requireSession(reads, caller, request.params.meeting)
      const view = viewFor(context, request)
      const sums = await sumsOf(caller.key.keyId, record.session, view.now)
      return toDailyMeeting(toSessionOf(record, [], sums, view), view.now)
    })

    app.get(
      '/daily/v1/meetings/:meeting/participants',
      { onRequest: auth.any, schema: schemas.participants },
      async (request) => {
        const caller = callerOf(request)
        const { session } = await requireSession(reads, caller, request.params.meeting)
        const { limit, ...place } = request.query
        requireOne(place)
        const { joined_after, joined_before } = place
        const over = { sessions: reads.sessions, keyId: caller.key.keyId, session, now: clock.now() }
        const max = Math.min(limit ?? limitMax, limitMax)
        const data =
          joined_before === undefined
            ? await listAfter(over, joined_after, max)
            : await listBefore(over, joined_before, max)
        if (data.length > 0) return { data }
        throw new Refusal('PARTICIPANT_NOT_FOUND', `There are no such participants of meeting ${session.id}`)
      },
    )
  }

  async function toPage(caller: Caller, { limit = limitMax, ...query }: MeetingQuery): Promise<ListPage> {
    const { starting_after, ending_before } = query
    requireOne({ starting_after, ending_before })
    const perPage = Math.min(limit, limitMax)
    if (starting_after !== undefined) return { after: await placeOf(caller, starting_after), perPage }
    if (ending_before !== undefined) return { before: await placeOf(caller, ending_before), perPage }
    return { page: 1, perPage }
  }

  async function placeOf(caller: Caller, id: string): Promise<Cursor> {
    const { session } = await requireSession(reads, caller, id)
    return { startAt: session.startAt, id }
  }
}

function toFilter({ room, ongoing, timeframe_start, timeframe_end }: MeetingQuery): SessionFilter {
  return {
    ...(room !== undefined && { query: room }),
    ...(ongoing !== undefined && { status: ongoing ? ('ongoing' as const) : ('ended' as const) }),
    ...(timeframe_start !== undefined && { startFrom: timeframe_start * 1000 }),
    ...(timeframe_end !== undefined && { startTo: timeframe_end * 1000 - 1 }),
  }
}

function requireOne(places: { [name: string]: string | undefined }): void {
  const given = Object.entries(places).filter(([, place]) => place !== undefined)
  if (given.length < 2) return
  throw new Refusal('BAD_REQUEST', `${Object.keys(places).join(' and ')} exclude each other: this takes one of them`)
}
