import { hash, randomBytes } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  type AttendanceRow,
  NewShare,
  Share,
  SharedReport,
  ShareList,
  ShareWithUrl,
  sharedRowsMax,
  shareSecondsDefault,
  sharesMax,
  toIso,
  toIsoOrNull,
} from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import type { Share as ShareRow } from '../../store/keys/shares.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { scopes } from '../auth/scopes.ts'
import { requireSession } from '../find.ts'
import { baseUrlOf } from '../http/base-url.ts'
import { refusals } from '../http/refusals.ts'
import { noteAbout } from '../keys/keep-audit.ts'
import { linkCodeMaxLength } from '../limits.ts'
import { longReads } from '../paging/large-answers.ts'
import { summarise } from '../people/summary.ts'
import { readSessionPages, toAttendanceRows } from './attendance-rows.ts'

const tags = ['Reports']
const schemas = {
  create: {
    operationId: 'createShare',
    tags,
    summary: 'Share a report',
    description:
      'Of one session, or of one person: whoever has the link reads that report, as it is then, and nothing else, without signing in. The answer has the link, this once.',
    body: NewShare,
    response: { 200: ShareWithUrl, ...refusals('SESSION_NOT_FOUND', 'PERSON_NOT_FOUND', 'CONFLICT') },
  },
  list: {
    operationId: 'listShares',
    scopes: scopes(),
    tags,
    summary: 'List what is shared',
    description: 'Newest first.',
    response: { 200: ShareList },
  },
  remove: {
    operationId: 'deleteShare',
    tags,
    summary: 'Share a report no more',
    description: 'Its link opens nothing from now on.',
    params: Type.Object({ shareId: Type.String({ description: 'one exact id', about: 'The share.' }) }),
    response: { 200: Share, ...refusals('SHARE_NOT_FOUND') },
  },
  open: {
    operationId: 'openShare',
    tags,
    summary: 'Open a shared report',
    description:
      'By what follows `#` in its link, without a token. One that is over, was taken back, or whose session is gone is answered as one that there never was.',
    body: Type.Object(
      {
        code: Type.String({
          maxLength: linkCodeMaxLength,
          description: `a text of at most ${linkCodeMaxLength} characters`,
          about: 'What the link ends in.',
        }),
      },
      { additionalProperties: false },
    ),
    response: { 200: SharedReport, ...refusals('SHARE_NOT_FOUND') },
  },
}

/** `/v2/shares`: reports that whoever has a link may read. */
export function shareRoutes(
  { config, reads, writes, clock, known }: Pick<Context, 'config' | 'reads' | 'writes' | 'clock' | 'known'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/v2/shares', { onRequest: auth.crawler, schema: schemas.create }, async (request) => {
      const caller = callerOf(request)
      const { keyId } = caller.key
      const { sessionId = null, personId = null, expiresInSeconds = shareSecondsDefault } = request.body
      if ((sessionId === null) === (personId === null)) {
        throw new Refusal('BAD_REQUEST', 'The body takes a sessionId or a personId: a report is of one of them')
      }
      if (sessionId !== null) await requireSession(reads, caller, sessionId)
      if (personId !== null && (await reads.people.find(keyId, personId)) === undefined) {
        throw new Refusal('PERSON_NOT_FOUND', `Person ${quote(personId)} not found`)
      }
      if ((await reads.shares.list(keyId)).length >= sharesMax) {
        throw new Refusal('CONFLICT', `${sharesMax} reports are shared, which is the most: take one back first`)
      }
      const code = randomBytes(24).toString('base64url')
      const share = await writes.shares.add({
        ...{ keyId, sessionId, personId, digest: digestOf(code), createdBy: caller.user?.name ?? null },
        expiresAt: clock.now() + expiresInSeconds * 1000,
      })
      noteAbout(request, {
        shareId: share.shareId,
        ...(sessionId !== null && { sessionId }),
        ...(personId !== null && { participantId: personId }),
      })
      // Behind the `#`, so that no server and no proxy on the way writes it into its log.
      return { ...toShare(share), url: `${baseUrlOf(request, config)}/shared#${code}` }
    })

    app.get('/v2/shares', { onRequest: auth.crawler, schema: schemas.list }, async (request) => ({
      data: (await reads.shares.list(callerOf(request).key.keyId)).map(toShare),
    }))

    app.delete('/v2/shares/:shareId', { onRequest: auth.crawler, schema: schemas.remove }, async (request) => {
      const { keyId } = callerOf(request).key
      const { shareId } = request.params
      const share = (await reads.shares.list(keyId)).find((one) => one.shareId === shareId)
      if (share === undefined || !(await writes.shares.remove({ keyId, shareId }))) {
        throw new Refusal('SHARE_NOT_FOUND', `Share ${quote(shareId)} not found`)
      }
      noteAbout(request, { shareId })
      return toShare(share)
    })

    app.post('/v2/shares/open', { onRequest: auth.open, schema: schemas.open }, async (request, reply) => {
      const share = await reads.shares.find(digestOf(request.body.code))
      // Whoever has the link may ask as often as they like, from anywhere.
      const report =
        share &&
        (await longReads.share(
          { keyId: share.keyId, name: ['share', share.shareId, known.versionOf(share.keyId)], answer: reply.raw },
          () => readReport(share),
        ))
      if (report === undefined) {
        throw new Refusal('SHARE_NOT_FOUND', 'This link opens nothing: it is over, was taken back, or was never there')
      }
      reply.header('cache-control', 'no-store')
      return report
    })
  }

  async function readReport({ keyId, sessionId, personId, expiresAt }: ShareRow): Promise<SharedReport | undefined> {
    const first = await reads.keys.getFirst(keyId)
    if (first === undefined || first.disabledAt !== null) return undefined
    const over = { expiresAt: toIso(expiresAt) }
    if (sessionId !== null) {
      const session = await readSession(keyId, sessionId)
      return session && { ...over, session }
    }
    const person = await reads.people.find(keyId, personId ?? '')
    if (person === undefined) return undefined
    const times = await reads.people.times(keyId, person.participantIds)
    const all = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
    const grouping = { timeZone: 'UTC', groupBy: 'day' as const, now: clock.now(), ...all }
    return { ...over, person: summarise(person, times, grouping) }
  }

  async function readSession(keyId: number, id: string): Promise<SharedReport['session'] | undefined> {
    const found = await reads.sessions.find(keyId, id)
    if (found === undefined) return undefined
    const { session, customRoomId } = found
    const people: AttendanceRow[] = []
    for await (const part of readSessionPages(reads, keyId, id)) {
      people.push(...toAttendanceRows(part, 'participant', { now: clock.now(), kinds: ['person'] }))
      if (people.length >= sharedRowsMax) break
    }
    const { roomId, startAt, endAt } = session
    const of = { sessionId: id, roomId, customRoomId, start: toIso(startAt), end: toIsoOrNull(endAt) }
    return { ...of, people: people.slice(0, sharedRowsMax) }
  }
}

/** The table holds nothing that somebody who reads it could use. */
function digestOf(code: string): string {
  return hash('sha256', code)
}

function toShare({ shareId, sessionId, personId, createdBy, createdAt, expiresAt }: ShareRow): Share {
  return { shareId, sessionId, personId, createdBy, createdAt: toIso(createdAt), expiresAt: toIso(expiresAt) }
}
