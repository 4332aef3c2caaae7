import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toIso, Usage, type UsageRow } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { turns } from '../../runtime/turns.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { requireReportedRoom } from '../find.ts'
import { refusals } from '../http/refusals.ts'
import { usageRowsMax } from '../limits.ts'
import { PersonsUnlessSaid, toKindsOfPeople } from '../paging/kinds-query.ts'
import { longReads } from '../paging/large-answers.ts'
import { sendPieces, writeList } from '../paging/pieces.ts'
import { acceptedFormat, columnsOf, JsonOrTableQuery, sendTable, TableQuery, tableContent } from '../tables/table.ts'
import { PeriodQuery, toPeriod } from './period.ts'
import { countSteps, countUsage } from './usage-count.ts'
import { countSessions, sumDays } from './usage-days.ts'
import { sumUsage } from './usage-sums.ts'
import { ZoneQuery } from './zone-query.ts'

const UsageQuery = Type.Object({
  ...PeriodQuery.properties,
  ...PersonsUnlessSaid.properties,
  ...ZoneQuery.properties,
  ...JsonOrTableQuery.properties,
  ...TableQuery.properties,
  groupBy: Type.Optional(
    Type.Union([Type.Literal('day'), Type.Literal('hour'), Type.Literal('room'), Type.Literal('participant')], {
      description: 'day, hour, room or participant',
      about: 'What a row is; without it, a day.',
    }),
  ),
})

/** `GET /v2/usage`: how much the rooms were used, and when. */
export function usageRoutes(
  { reads, clock, known }: Pick<Context, 'reads' | 'clock' | 'known'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const usage = {
      operationId: 'getUsage',
      tags: ['Reports'],
      summary: 'Get usage',
      description:
        'Sessions, people, minutes and the most at one moment, of the stays that reach into the time asked for.',
      querystring: UsageQuery,
      response: {
        200: { description: 'A row a day, hour, room or participant.', content: tableContent(Usage) },
        ...refusals('ROOM_NOT_FOUND'),
      },
    }
    app.get('/v2/usage', { onRequest: auth.reports, schema: usage }, async (request, reply) => {
      const caller = callerOf(request)
      const { roomId, groupBy = 'day' } = request.query
      const now = clock.now()
      const period = toPeriod(request.query, now)
      if ((groupBy === 'day' || groupBy === 'hour') && countSteps(period, groupBy) > usageRowsMax) {
        throw new Refusal('BAD_REQUEST', `from and to are more than ${usageRowsMax} ${groupBy}s apart: ask for less`)
      }
      const room = await requireReportedRoom(reads, caller, roomId)
      const counted = { now, kinds: toKindsOfPeople(request.query.kinds), timeZone: request.query.tz ?? 'UTC' }
      const { keyId } = caller.key
      const sum = (signal: AbortSignal) =>
        groupBy !== 'participant' && room.roomId === undefined
          ? sumDays(reads, keyId, sumUsage(groupBy, period, counted), period, signal)
          : countSessions(reads, keyId, countUsage(groupBy, period, counted), { ...period, ...room }, signal)
      const name = ['usage', request.query, room, known.versionOf(keyId)]
      const { total, data } = await longReads.share({ keyId, name, answer: reply.raw }, sum)
      const { format = acceptedFormat(request) } = request.query
      if (format !== 'csv' && format !== 'xlsx') {
        const [from, to] = [period.from, period.to].map((at) => toIso(at))
        const about = { from, to, groupBy, total }
        const { pieces } = await writeList(keyId, about, { data }, (row) => ({ text: JSON.stringify(row) }))
        return sendPieces(reply, pieces)
      }
      const table = {
        name: `usage by ${groupBy}`,
        columns: columnsBy[groupBy],
        pages: inPages(keyId, data),
        span: period,
      }
      return sendTable(reply, format, table, request.query)
    })
  }
}

const measures = ['sessions', 'uniqueParticipants', 'participantMinutes', 'peakConcurrency'] as const
const columnsWith = (...names: (keyof UsageRow)[]) =>
  columnsOf<UsageRow>([...names, ...measures], {
    ...{ start: 'time', sessions: 'number', uniqueParticipants: 'number' },
    ...{ participantMinutes: 'number', peakConcurrency: 'number' },
  })
const columnsBy = {
  day: columnsWith('start'),
  hour: columnsWith('start'),
  room: columnsWith('roomId', 'customRoomId'),
  participant: columnsWith('participantId', 'name'),
}

/** Rows of a table that are written at a time. */
const rowsTogether = 500

async function* inPages<T>(keyId: number, rows: T[]): AsyncGenerator<T[]> {
  for (let from = 0; from < rows.length; from += rowsTogether) {
    if (from > 0) await turns.next(keyId, rows)
    yield rows.slice(from, from + rowsTogether)
  }
}
