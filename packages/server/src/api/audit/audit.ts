import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AuditEntry, AuditPage, perPageDefault, perPageMax, timeTakes, toIso } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { parseBefore, parseTime } from '../../runtime/parse-time.ts'
import type { AuditCursor, AuditFilter, AuditEntry as Found } from '../../store/audit.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { scopes } from '../auth/scopes.ts'
import { PageQuery } from '../paging/page-query.ts'
import { byteOrderMark, toCsvLine } from '../reports/csv.ts'

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
  format: Type.Optional(
    Type.Union([Type.Literal('json'), Type.Literal('csv')], {
      description: 'json or csv',
      about: 'A page, which is so without it, or all that is found as a table.',
    }),
  ),
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
    200: {
      description: 'A page, or a table.',
      content: {
        'application/json': { schema: AuditPage },
        'text/csv': { schema: Type.String({ description: 'The names of the fields, then a line an entry.' }) },
      },
    },
  },
}

type Names = Map<string, string | null>

/** `GET /v2/audit`: who did what. */
export function auditRoutes({ reads }: Pick<Context, 'reads'>, { auth }: { auth: ApiAuth }): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/v2/audit', { onRequest: auth.crawler, schema }, async (request, reply) => {
      const { keyId } = callerOf(request).key
      const { from, to, action, apiKey, perPage = perPageDefault, cursor, format = 'json' } = request.query
      const filter = {
        ...{ action, apiKey },
        from: from === undefined ? undefined : parseTime('from', from),
        before: to === undefined ? undefined : parseBefore('to', to),
      }
      const names = await namesOf(keyId)
      if (format === 'csv') {
        reply.type('text/csv; charset=utf-8').header('content-disposition', 'attachment; filename="audit.csv"')
        return reply.send(Readable.from(toTable(keyId, filter, names)) as never)
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
    const first = await reads.keys.getFirst(keyId)
    const further = await reads.scopedKeys.list(keyId)
    return new Map([...(first === undefined ? [] : [first]), ...further].map(({ apiKey, name }) => [apiKey, name]))
  }

  async function* toTable(keyId: number, filter: AuditFilter, names: Names): AsyncGenerator<string> {
    const columns = Object.keys(AuditEntry.properties) as (keyof AuditEntry)[]
    yield byteOrderMark + toCsvLine(columns)
    for (let after: AuditCursor | undefined; ; ) {
      const found: Found[] = await reads.audit.list(keyId, filter, { after, limit: tablePage })
      yield found.map((one) => toLine(toEntry(one, names), columns)).join('')
      after = found.at(-1)
      if (found.length < tablePage) return
    }
  }
}

function toLine(entry: AuditEntry, columns: (keyof AuditEntry)[]): string {
  return toCsvLine(columns.map((name) => (name === 'about' ? showIds(entry.about) : entry[name])))
}

function showIds(ids: { [name: string]: string }): string {
  return Object.entries(ids)
    .map(([name, id]) => `${name} ${id}`)
    .join(', ')
}

function toEntry({ id, at, action, apiKey, asParticipant, participantId, about }: Found, names: Names): AuditEntry {
  const keyName = names.get(apiKey ?? '') ?? null
  return { id, at: toIso(at), action, apiKey, keyName, asParticipant, participantId, about }
}

function writeCursor({ at, id }: AuditCursor): string {
  return `${at}-${id}`
}

function readCursor(text: string): AuditCursor {
  const [, at, id] = /^(\d{1,15})-([0-9a-f]{24})$/.exec(text) ?? []
  if (at !== undefined && id !== undefined) return { at: Number(at), id }
  throw new Refusal('BAD_REQUEST', `cursor=${text.slice(0, 60)} is not understood: it takes ${cursorTakes}`)
}
