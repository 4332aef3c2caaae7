import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AuditEntry, AuditPage, perPageDefault, perPageMax, timeTakes, toIso } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { parseBefore, parseTime } from '../../runtime/parse-time.ts'
import type { AuditCursor, AuditFilter, AuditEntry as Found } from '../../store/keys/audit.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { scopes } from '../auth/scopes.ts'
import { PageQuery } from '../paging/page-query.ts'
import {
  acceptedFormat,
  columnsOf,
  JsonOrTableQuery,
  sendTable,
  tableContent,
  ZonedTableQuery,
} from '../tables/table.ts'

/** Entries that are read at a time for a table. */
const tablePage = 1000

const cursorTakes = 'the `nextCursor` of a page, as it came'
const AuditQuery = Type.Object({
  from: Type.Optional(Type.String({ description: timeTakes, about: 'What was done from then on.' })),
  to: Type.Optional(Type.String({ description: timeTakes, about: 'What was done until then.' })),
  action: Type.Optional(Type.String({ description: 'an operationId', about: 'What was done so alone.' })),
  apiKey: Type.Optional(Type.String({ description: 'an API key', about: 'What was done with this key alone.' })),
  perPage: PageQuery.properties.perPage,
  cursor: Type.Optional(Type.String({ description: cursorTakes, about: 'Goes on after a page.' })),
  ...JsonOrTableQuery.properties,
  ...ZonedTableQuery.properties,
})

const schema = {
  operationId: 'listAudit',
  scopes: scopes(),
  tags: ['Keys'],
  summary: 'List who did what',
  description:
    'Newest first: each call that ended, removed, erased, changed or took away something, and each command about keys. Entries are added and never changed. Rollcall’s own: VideoSDK has no such call.',
  querystring: AuditQuery,
  response: {
    200: { description: 'A page; or, as a table, all that is found.', content: tableContent(AuditPage) },
  },
}

type Names = Map<string, string | null>

/** `GET /v2/audit`: who did what. */
export function auditRoutes(
  { reads, clock }: Pick<Context, 'reads' | 'clock'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/v2/audit', { onRequest: auth.crawler, schema }, async (request, reply) => {
      const { keyId } = callerOf(request).key
      const { from, to, action, apiKey, perPage = perPageDefault, cursor, format, ...form } = request.query
      const filter = {
        ...{ action, apiKey },
        from: from === undefined ? undefined : parseTime('from', from),
        before: to === undefined ? undefined : parseBefore('to', to),
      }
      const names = await namesOf(keyId)
      const asked = format ?? acceptedFormat(request)
      if (asked === 'csv' || asked === 'xlsx') {
        const pages = readPages(keyId, filter, names)
        const span = { from: filter.from ?? 0, to: filter.before ?? clock.now() }
        return sendTable(reply, asked, { name: 'audit', columns, pages, span }, form)
      }
      const limit = Math.min(perPage, perPageMax)
      const after = cursor === undefined ? undefined : readCursor(cursor)
      const found = await reads.audit.list(keyId, filter, { after, limit: limit + 1 })
      const shown = found.slice(0, limit)
      const last = found.length > limit ? shown.at(-1) : undefined
      return { data: shown.map((one) => toEntry(one, names)), ...(last && { nextCursor: writeCursor(last) }) }
    })
  }

  async function namesOf(keyId: number): Promise<Names> {
    return new Map((await reads.keys.listOf(keyId)).map(({ apiKey, name }) => [apiKey, name]))
  }

  async function* readPages(keyId: number, filter: AuditFilter, names: Names): AsyncGenerator<AuditEntry[]> {
    for (let after: AuditCursor | undefined; ; ) {
      const found: Found[] = await reads.audit.list(keyId, filter, { after, limit: tablePage })
      yield found.map((one) => toEntry(one, names))
      after = found.at(-1)
      if (found.length < tablePage) return
    }
  }
}

const columns = columnsOf<AuditEntry>(Object.keys(AuditEntry.properties) as (keyof AuditEntry)[], { at: 'time' }).map(
  (column) => (column.name === 'about' ? { ...column, of: ({ about }: AuditEntry) => showIds(about) } : column),
)

function showIds(ids: { [name: string]: string }): string {
  return Object.entries(ids)
    .map(([name, id]) => `${name} ${id}`)
    .join(', ')
}

function toEntry(
  { id, at, action, apiKey, userName, asParticipant, participantId, about }: Found,
  names: Names,
): AuditEntry {
  const keyName = names.get(apiKey ?? '') ?? null
  return { id, at: toIso(at), action, apiKey, keyName, userName, asParticipant, participantId, about }
}

function writeCursor({ at, id }: AuditCursor): string {
  return `${at}-${id}`
}

function readCursor(text: string): AuditCursor {
  const [, at, id] = /^(\d{1,15})-([0-9a-f]{24})$/.exec(text) ?? []
  if (at !== undefined && id !== undefined) return { at: Number(at), id }
  throw new Refusal('BAD_REQUEST', `cursor=${text.slice(0, 60)} is not understood: it takes ${cursorTakes}`)
}
