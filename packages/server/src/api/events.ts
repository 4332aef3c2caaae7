import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { EventBatch, type EventResult, EventResults, reportedIdMaxLength } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Recorded } from '../record/facts/record.ts'
import { type NamedFact, placeFacts } from '../record/facts/rooms-of-facts.ts'
import { toFact } from '../sources/event.ts'
import type { SourceHealth } from '../sources/health.ts'
import { type ApiAuth, callerOf } from './auth/auth.ts'
import { scopes } from './auth/scopes.ts'
import type { Patience } from './http/patience.ts'
import { eventsMaxBytes, awayMaxMs as usualAwayMaxMs } from './limits.ts'

/** An event as it was read: the fact that it reports, or why it is refused. */
type Read = { fact: NamedFact } | { refused: EventResult }

export function eventRoutes(
  { clock, metrics, known, record }: Pick<Context, 'clock' | 'metrics' | 'known' | 'record'>,
  {
    auth,
    sourceHealth,
    patience,
    awayMaxMs = usualAwayMaxMs,
  }: {
    auth: ApiAuth
    sourceHealth: Pick<SourceHealth, 'noteReported'>
    patience: Patience
    awayMaxMs?: number | undefined
  },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const schema = {
      operationId: 'reportEvents',
      scopes: scopes('ingest'),
      audited: false,
      tags: ['Events'],
      summary: 'Report what happened',
      description:
        'For your own media server. An event is known by its `id`: sent again, it changes nothing, so whatever was not answered may be sent again as it was. The answer comes when all is on the disk; a broken event does not stop the others. Rollcall’s own: VideoSDK has no such call.',
      body: EventBatch,
      response: { 200: EventResults },
    }
    const options = { onRequest: auth.bringer, bodyLimit: eventsMaxBytes, schema }
    app.post('/v2/events', options, async (request) => {
      const { source, events } = request.body
      const read = events.map((event, index) => readEvent(event, index, toSource(source)))
      const byRoomName = read.flatMap((one) => ('fact' in one ? one.fact : []))
      const { keyId } = callerOf(request).key
      const latestAt = Math.max(...byRoomName.map(({ at }) => at))
      if (byRoomName.length > 0) sourceHealth.noteReported(keyId, toSource(source), latestAt)
      const { facts, newRooms } = await patience(awayMaxMs, () => placeFacts(known.roomIds, keyId, byRoomName))
      const recorded = await record(keyId, facts, { newRooms })
      return { results: toResults(read, recorded) }
    })
  }

  function readEvent(event: unknown, index: number, source: string): Read {
    try {
      return { fact: toFact(event, source, clock.now()) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      metrics.noteFact(source, 'refused')
      return { refused: { ...identify(event, index), outcome: 'refused', reason: error.message } }
    }
  }
}

/** A prefix keeps the names that callers choose apart from the ids of sources. */
function toSource(name = 'events'): string {
  return name === 'events' ? name : `events/${name}`
}

/** By its id, or by its place where it has none that can be read. */
function identify(event: unknown, index: number): { id: string } | { id: null; index: number } {
  const { id } = (event ?? {}) as { id?: unknown }
  const isReadable = typeof id === 'string' && id !== '' && id.length <= reportedIdMaxLength
  return isReadable ? { id } : { id: null, index }
}

/** In the order of the events, as the facts among them were recorded. */
function toResults(read: Read[], recorded: Recorded[]): EventResult[] {
  const outcomes = recorded.map(({ id, outcome, reason }) => ({ id, outcome, ...(reason !== undefined && { reason }) }))
  return read.flatMap((one) => ('refused' in one ? one.refused : (outcomes.shift() ?? [])))
}
