import type { Session } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../../context.ts'
import { toListedText } from '../../record/session-view.ts'
import { turns } from '../../runtime/turns.ts'
import { callerOf } from '../auth/auth.ts'
import { viewFor } from '../find.ts'
import { listSessions, type SessionQuery, toFilter } from '../session-lists.ts'
import { type Column, columnsOf, sendTable, type ZonedTableQuery } from '../tables/table.ts'

/** Sessions that are read at once. */
const sessionsTogether = 100

type Row = Pick<
  Session,
  | 'id'
  | 'roomId'
  | 'customRoomId'
  | 'start'
  | 'end'
  | 'status'
  | 'uniqueParticipants'
  | 'participantSeconds'
  | 'activeDuration'
  | 'maxJoinedPeersCount'
  | 'engine'
>
const columns: Column<Row>[] = columnsOf<Row>(
  [
    ...(['id', 'roomId', 'customRoomId', 'start', 'end', 'status', 'uniqueParticipants'] as const),
    ...(['participantSeconds', 'activeDuration', 'maxJoinedPeersCount', 'engine'] as const),
  ],
  {
    ...{ start: 'time', end: 'time', uniqueParticipants: 'number', maxJoinedPeersCount: 'number' },
    ...{ participantSeconds: 'seconds', activeDuration: 'seconds' },
  },
)

/** All sessions of a filtered list, from its first page on, a row each: without their people. */
export function sendSessionTable(
  context: Pick<Context, 'config' | 'clock' | 'reads'>,
  request: FastifyRequest,
  reply: FastifyReply,
  query: SessionQuery & ZonedTableQuery & { format: 'csv' | 'xlsx' },
): FastifyReply {
  const { reads } = context
  const caller = callerOf(request)
  const filter = toFilter(query)
  const view = { ...viewFor(context, request), activeAt: filter.activeAt, webhooks: new Map() }
  const { startFrom, startTo } = filter
  const to = startTo ?? view.now
  const table = { name: 'sessions', columns, pages: pages(), span: { from: startFrom ?? to, to } }
  return sendTable(reply, query.format, table, query)

  async function* pages(): AsyncGenerator<Row[]> {
    for (let page: Parameters<typeof listSessions>[3] = { page: 1, perPage: sessionsTogether }; ; ) {
      const { sessions, next } = await listSessions(reads, caller, filter, page, query.userId)
      for (const one of sessions) {
        yield [JSON.parse(toListedText(one, view)) as Row]
        await turns.next(caller.key.keyId)
      }
      if (next === undefined) return
      page = { after: next, perPage: sessionsTogether }
    }
  }
}
