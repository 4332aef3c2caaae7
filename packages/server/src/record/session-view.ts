import { hash } from 'node:crypto'
import {
  type Participant as ApiParticipant,
  type Session as ApiSession,
  type TimelogEntry as ApiTimelogEntry,
  engineOf,
  notOffered,
  toIso,
} from '@rollcall/protocol'
import { createSum, presenceOf, type Sum, type Sums, whoWasInside } from '../ledger/presence.ts'
import type { Participant, Session } from '../ledger/state.ts'
import type { TimelogEntry } from '../ledger/stays.ts'
import { toTimelogs } from '../ledger/timelogs.ts'
import type { Key } from '../store/keys/key.ts'
import type { WebhookSummary } from '../store/outbox/summary.ts'
import { presenceIn, type SessionPart, type SessionRecord } from '../store/sessions/records.ts'
import type { SealedText } from '../store/sessions/seals.ts'
import type { ListedSession } from '../store/sessions/sessions.ts'

export type ViewOptions = {
  /** Epoch milliseconds: what is open lasts until now. */
  now: number
  /** What `links` are built on, without a slash at the end. */
  base: string
  key: Pick<Key, 'apiKey' | 'userId'>
  /** What became of the webhooks about each session, by its id; of others there were none. */
  webhooks?: Map<string, WebhookSummary>
}

const notOfferedText = JSON.stringify(notOffered).slice(1, -1)

/** What was told others of a session, before anything was. */
const noWebhooks: WebhookSummary = { totalCount: 0, successCount: 0, data: [] }

const noWebhooksText = JSON.stringify(noWebhooks)

/** A session as the API shows it. */
export function toSession(record: SessionRecord, view: ViewOptions): ApiSession {
  const sum = createSum(view.now)
  const people = toParticipants(record, view.now, record.presence === undefined ? sum : undefined)
  if (record.presence !== undefined) sum.add(record.presence)
  return toSessionOf(record, people, sum.sum(), view)
}

/** The same of people who were shown, and of sums that were made, before. */
export function toSessionOf(record: SessionHead, people: ApiParticipant[], sums: Sums, view: ViewOptions): ApiSession {
  const exact = toExactSession(record, people, sums, view)
  return { ...exact, activeDuration: Math.trunc(exact.activeDuration) }
}

/** A session but for its people: `truncated` where those that are shown are not all. */
export type SessionHead = Pick<SessionRecord, 'session' | 'customRoomId' | 'parentSessionId'> & { truncated?: boolean }

/** With `activeDuration` to the millisecond: clients decode it as an integer, a seal keeps it as it is. */
function toExactSession(
  { session, customRoomId, parentSessionId, truncated = false }: SessionHead,
  people: ApiParticipant[],
  { persons, insideMs, activeMs, peak }: Sums,
  { base, key, webhooks }: Omit<ViewOptions, 'now'>,
): ApiSession {
  return {
    id: session.id,
    roomId: session.roomId,
    start: toIso(session.startAt),
    end: session.endAt === null ? null : toIso(session.endAt),
    participants: people,
    status: session.endAt === null ? 'ongoing' : 'ended',
    links: toLinks(session, base),
    customRoomId,
    apiKey: key.apiKey,
    userId: key.userId,
    activeDuration: activeMs / 1000,
    maxJoinedPeersCount: peak,
    webhook: webhooks?.get(session.id) ?? noWebhooks,
    ...notOffered,
    ...(parentSessionId !== undefined && { parentSessionId }),
    ...(session.parentRoomId !== null && { parentRoomId: session.parentRoomId }),
    engine: engineOf(session.source),
    revision: session.revision,
    updatedAt: toIso(session.updatedAt),
    participantSeconds: insideMs / 1000,
    uniqueParticipants: persons,
    ...(session.clockCorrectedMs !== 0 && { clockCorrectedMs: session.clockCorrectedMs }),
    ...(truncated && { participantsTruncated: true as const }),
  }
}

/** A session of a list as JSON text: made before, or made now. */
export function toListedText(listed: ListedSession, view: ViewOptions & { activeAt?: number | undefined }): string {
  if ('record' in listed) {
    const { activeAt } = view
    const whoThen =
      activeAt === undefined ? {} : { activeParticipantIds: whoWasInside(presenceIn(listed.record), activeAt) }
    return JSON.stringify({ ...toSession(listed.record, view), ...whoThen })
  }
  const { id, roomId, parentSessionId, head, middle, tail } = listed.sealed
  const links = JSON.stringify(toLinks({ id, roomId }, view.base))
  const summary = view.webhooks?.get(id)
  const webhook = summary === undefined ? noWebhooksText : JSON.stringify(summary)
  const parent = parentSessionId === undefined ? '' : `"parentSessionId":${JSON.stringify(parentSessionId)},`
  return `${head},"links":${links},${toWholeSeconds(middle)},"webhook":${webhook},${notOfferedText},${parent}${tail}`
}

/** In the middle of a seal; a quotation mark within a text is escaped, so that none of its texts looks like this. */
function toWholeSeconds(middle: string): string {
  return middle.replace(/("activeDuration":\d+)\.\d+/, '$1')
}

/**
 * The text of a session that ended: of its people, no more than `participantsMax`. What is the same of every session, or
 * is shown otherwise than it is kept, is put in when it is listed: so a change of it leaves what is sealed as it is.
 */
export function sealSession(
  record: SessionRecord,
  key: ViewOptions['key'],
  participantsMax: number,
): SealedText & { gaps: 0 | 1 } {
  const endAt = record.session.endAt ?? 0
  const sum = createSum(endAt)
  const people = toParticipants(record, endAt, sum)
  const head = { ...record, truncated: people.length > participantsMax }
  return sealShown(head, people.slice(0, participantsMax), sum.sum(), key)
}

/** The same of the people that are shown, and of sums that were made before. */
export function sealShown(
  record: SessionHead,
  people: ApiParticipant[],
  sums: Sums,
  key: ViewOptions['key'],
): SealedText & { gaps: 0 | 1 } {
  const { session } = record
  const shown = toExactSession(record, people, sums, { base: '', key })
  const entries = Object.entries(shown)
  const at = (name: keyof ApiSession) => entries.findIndex(([one]) => one === name)
  const textOf = (from: number, to?: number) => JSON.stringify(Object.fromEntries(entries.slice(from, to))).slice(1, -1)
  const lastedMs = (session.endAt ?? session.startAt) - session.startAt
  return {
    head: `{${textOf(0, at('links'))}`,
    middle: textOf(at('links') + 1, at('webhook')),
    tail: `${textOf(at(session.parentRoomId === null ? 'engine' : 'parentRoomId'))}}`,
    gaps: people.length === 0 || Math.round(shown.activeDuration * 1000) < lastedMs ? 1 : 0,
  }
}

/**
 * Everybody in a record, as the API shows them.
 * @param sum they are added to it
 */
export function toParticipants(record: Omit<SessionPart, 'customRoomId'>, now: number, sum?: Sum): ApiParticipant[] {
  const logs = toTimelogs(record)
  sum?.add(presenceOf(record.participants, logs))
  return record.participants.map((person) =>
    toParticipant(record.session, person, logs.get(person.participantId) ?? [], now),
  )
}

export function toLinks({ roomId, id }: Pick<Session, 'roomId' | 'id'>, base: string): ApiSession['links'] {
  return { get_room: `${base}/v2/rooms/${roomId}`, get_session: `${base}/v2/sessions/${id}` }
}

function toParticipant(session: Session, person: Participant, log: TimelogEntry[], now: number): ApiParticipant {
  let insideMs = 0
  for (const { joinedAt, leftAt } of log) insideMs += Math.max(0, (leftAt ?? now) - joinedAt)
  return {
    participantId: person.participantId,
    name: person.name,
    timelog: log.map(toEntry),
    _id: session.id.slice(0, 8) + hash('sha256', session.id + person.participantId).slice(0, 16),
    totalSeconds: insideMs / 1000,
    kind: person.kind,
    ...(person.nameSource !== null && { nameSource: person.nameSource }),
  }
}

function toEntry({ joinedAt, leftAt, reason, inferred }: TimelogEntry): ApiTimelogEntry {
  const cause = reason ?? inferred
  return {
    start: toIso(joinedAt),
    end: leftAt === null ? null : toIso(leftAt),
    ...(cause !== null && { reason: cause }),
    ...(inferred !== null && { inferred: true as const }),
  }
}
