import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  type FoundPerson,
  PeoplePage,
  Person,
  type PersonSession,
  PersonSessionPage,
  participantIdMaxLength,
  perPageDefault,
  perPageMax,
  timeTakes,
  toIso,
  toPageInfo,
} from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { toParticipants } from '../../record/session-view.ts'
import { parseBefore, parseTime } from '../../runtime/parse-time.ts'
import type { FoundPerson as Found, PeopleCursor, Person as PersonFound } from '../../store/people/search.ts'
import type { TimesOfSession } from '../../store/people/times.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { refusals } from '../http/refusals.ts'
import { personCursorMaxLength } from '../limits.ts'
import { PageQuery, toPage } from '../paging/page-query.ts'
import { ZoneQuery } from '../reports/zone-query.ts'
import { FormatQuery, sendTable, tableContent, ZonedTableQuery } from '../tables/table.ts'
import { toStayTable } from './stay-table.ts'
import { summarise } from './summary.ts'

const cursorTakes = 'the `nextCursor` of a page, as it came'
const PeopleQuery = Type.Object({
  search: Type.Optional(
    Type.String({
      maxLength: 200,
      description: 'a text of at most 200 characters',
      about: 'A part of a name or id, with or without accents and capitals; without it, everybody.',
    }),
  ),
  perPage: PageQuery.properties.perPage,
  cursor: Type.Optional(
    Type.String({ maxLength: personCursorMaxLength, description: cursorTakes, about: 'Goes on after a page.' }),
  ),
})

const PersonPath = Type.Object({
  id: Type.String({
    description: 'a participantId, or the id of a person that several were merged into',
    about: 'The person.',
  }),
})
const PersonQuery = Type.Object({
  ...ZoneQuery.properties,
  groupBy: Type.Optional(
    Type.Union([Type.Literal('day'), Type.Literal('week'), Type.Literal('month')], {
      description: 'day, week or month',
      about: 'What `time` has: without it, days.',
    }),
  ),
  from: Type.Optional(
    Type.String({ description: timeTakes, about: '`time` from then on; without it, from the first.' }),
  ),
  to: Type.Optional(Type.String({ description: timeTakes, about: '`time` until then; without it, until the last.' })),
})

const ParticipantIds = Type.Array(Type.String({ minLength: 1, maxLength: participantIdMaxLength }), {
  minItems: 1,
  maxItems: 100,
  description: '1 to 100 participantIds',
  about: 'Who they are.',
})
const PersonToMerge = Type.Object(
  {
    participantIds: ParticipantIds,
    name: Type.Optional(
      Type.String({ maxLength: 512, description: 'a text of at most 512 characters', about: 'What they are called.' }),
    ),
  },
  { additionalProperties: false },
)

const tags = ['People']
const schemas = {
  list: {
    operationId: 'listPeople',
    tags,
    summary: 'Find people',
    description:
      'Who was ever inside, by a part of their name or id, last seen first. Somebody new is found within a second or two.',
    querystring: PeopleQuery,
    response: { 200: PeoplePage },
  },
  one: {
    operationId: 'getPerson',
    tags,
    summary: 'Get a person',
    description: 'What all of their sessions amount to, and their time by day, week or month.',
    params: PersonPath,
    querystring: PersonQuery,
    response: { 200: Person, ...refusals('PERSON_NOT_FOUND') },
  },
  sessions: {
    operationId: 'listPersonSessions',
    tags,
    summary: 'List a person’s sessions',
    description: 'With their own times in each, newest first. As CSV and XLSX a row a time inside, of all of them.',
    params: PersonPath,
    querystring: Type.Object({
      ...PageQuery.properties,
      ...FormatQuery.properties,
      ...ZonedTableQuery.properties,
    }),
    response: {
      200: { description: 'A page of them.', content: tableContent(PersonSessionPage) },
      ...refusals('PERSON_NOT_FOUND'),
    },
  },
  merge: {
    operationId: 'mergePeople',
    tags,
    summary: 'Merge participants into a person',
    description:
      'They are found and summed up as one from then on, under this id of yours; what was recorded of each stays as it is. More may be merged into the same person later.',
    params: PersonPath,
    body: PersonToMerge,
    response: { 200: Person, ...refusals('PERSON_NOT_FOUND') },
  },
  unmerge: {
    operationId: 'unmergePeople',
    tags,
    summary: 'Undo a merge',
    description: 'Each participant is a person of their own again.',
    params: PersonPath,
    response: { 200: PeoplePage, ...refusals('PERSON_NOT_FOUND') },
  },
}

/** `/v2/people`: who there is, over all sessions. */
export function peopleRoutes(
  { reads, writes, clock }: Pick<Context, 'reads' | 'writes' | 'clock'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/v2/people', { onRequest: auth.crawler, schema: schemas.list }, async (request) => {
      const { search: part = '', perPage = perPageDefault, cursor } = request.query
      const after = cursor === undefined ? undefined : readCursor(cursor)
      const sought = { part, after, perPage: Math.min(perPage, perPageMax) }
      const { people, next } = await reads.people.search(callerOf(request).key.keyId, sought)
      return {
        data: people.map(toFoundPerson),
        ...(next !== undefined && { nextCursor: writeCursor(next) }),
      }
    })

    app.get('/v2/people/:id', { onRequest: auth.crawler, schema: schemas.one }, async (request) => {
      const { tz, groupBy = 'day', from, to } = request.query
      const grouping = {
        timeZone: tz ?? 'UTC',
        groupBy,
        now: clock.now(),
        from: from === undefined ? Number.NEGATIVE_INFINITY : parseTime('from', from),
        to: to === undefined ? Number.POSITIVE_INFINITY : parseBefore('to', to),
      }
      const person = await requirePerson(request, request.params.id)
      return summarise(person, await reads.people.times(callerOf(request).key.keyId, person.participantIds), grouping)
    })

    app.get(
      '/v2/people/:id/sessions',
      { onRequest: auth.crawler, schema: schemas.sessions },
      async (request, reply) => {
        const { keyId } = callerOf(request).key
        const { participantIds, name, id } = await requirePerson(request, request.params.id)
        const page = toPage(request.query)
        const all = (await reads.people.times(keyId, participantIds)).toReversed()
        const { format } = request.query
        if (format === 'csv' || format === 'xlsx') {
          const show = (some: TimesOfSession[]) => showSessions(keyId, some)
          const table = toStayTable(name || id, all, { show, now: clock.now() })
          return sendTable(reply, format, table, request.query)
        }
        const shown = all.slice((page.page - 1) * page.perPage, page.page * page.perPage)
        const data = await showSessions(keyId, shown)
        return { pageInfo: toPageInfo(page.page, page.perPage, all.length), data }
      },
    )

    app.put('/v2/people/:id', { onRequest: auth.crawler, schema: schemas.merge }, async (request) => {
      const { keyId } = callerOf(request).key
      const { id } = request.params
      const { participantIds, name } = request.body
      const called = name ?? (await reads.people.find(keyId, participantIds[0] ?? ''))?.name ?? ''
      await writes.people.merge({ keyId, id, name: called, participantIds: [...new Set(participantIds)] })
      const person = await requirePerson(request, id)
      const grouping = { timeZone: 'UTC', groupBy: 'day' as const, now: clock.now() }
      const whole = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
      return summarise(person, await reads.people.times(keyId, person.participantIds), { ...grouping, ...whole })
    })

    app.delete('/v2/people/:id', { onRequest: auth.crawler, schema: schemas.unmerge }, async (request) => {
      const { keyId } = callerOf(request).key
      const { id } = request.params
      const apart = await writes.people.unmerge({ keyId, id })
      if (apart.length === 0) throw new Refusal('PERSON_NOT_FOUND', `Nobody was merged into ${id}`)
      const people = await Promise.all(apart.map((participantId) => reads.people.find(keyId, participantId)))
      return { data: people.flatMap((one) => (one === undefined ? [] : toFoundPerson(one))) }
    })
  }

  async function requirePerson(request: FastifyRequest, id: string): Promise<PersonFound> {
    const person = await reads.people.find(callerOf(request).key.keyId, id)
    if (person !== undefined) return person
    throw new Refusal('PERSON_NOT_FOUND', `Person ${id} not found`)
  }

  /** Without those that were erased in between. */
  async function showSessions(keyId: number, some: TimesOfSession[]): Promise<PersonSession[]> {
    const asked = some.map(({ session, participantId }) => ({ sessionId: session.id, participantId }))
    const parts = await reads.sessions.ofPeople(keyId, asked)
    return parts.flatMap((part) =>
      toParticipants(part, clock.now()).map(({ participantId, name, totalSeconds, timelog }) => ({
        sessionId: part.session.id,
        roomId: part.session.roomId,
        customRoomId: part.customRoomId,
        start: toIso(part.session.startAt),
        end: part.session.endAt === null ? null : toIso(part.session.endAt),
        participantId,
        name,
        seconds: totalSeconds,
        stays: timelog,
      })),
    )
  }
}

function toFoundPerson({ id, name, seenAt, merged }: Found): FoundPerson {
  return { id, name, lastSeen: toIso(seenAt), merged }
}

function writeCursor({ seenAt, merged, id }: PeopleCursor): string {
  return Buffer.from(JSON.stringify([seenAt, merged, id])).toString('base64url')
}

function readCursor(text: string): PeopleCursor {
  try {
    const [seenAt, merged, id] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    if (Number.isSafeInteger(seenAt) && (merged === 0 || merged === 1) && typeof id === 'string') {
      return { seenAt: seenAt as number, merged, id }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
  }
  throw new Refusal('BAD_REQUEST', `cursor=${text.slice(0, 60)} is not understood: it takes ${cursorTakes}`)
}
