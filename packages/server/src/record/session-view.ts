import { hash } from 'node:crypto'
import {
  type Participant as ApiParticipant,
  type Session as ApiSession,
  type TimelogEntry as ApiTimelogEntry,
  engineOf,
  notOffered,
  toIso,
} from '@rollcall/protocol'
import { presenceOf, sumUp, whoWasInside } from '../ledger/presence.ts'
import type { Participant, Session } from '../ledger/state.ts'
import type { TimelogEntry } from '../ledger/stays.ts'
import { toTimelogs } from '../ledger/timelogs.ts'
import type { Key } from '../store/keys.ts'
import type { WebhookSummary } from '../store/outbox/summary.ts'
import { presenceIn, type SessionPart, type SessionRecord } from '../store/sessions/records.ts'
import type { SealedText } from '../store/sessions/seals.ts'
import type { ListedSession } from '../store/sessions/sessions.ts'
import type { Details } from './media-view.ts'

export type ViewOptions = {
  /** Epoch milliseconds: what is open lasts until now. */
  now: number
  /** What `links` are built on, without a slash at the end. */
  base: string
  key: Pick<Key, 'apiKey' | 'userId'>
  /** What became of the webhooks about each session, by its id; of others there were none. */
  webhooks?: Map<string, WebhookSummary>
  /** What only one session by its id shows. */
  details?: Details
}

const notOfferedText = JSON.stringify(notOffered).slice(1, -1)

/** What was told others of a session, before anything was. */
const noWebhooks: WebhookSummary = { totalCount: 0, successCount: 0, data: [] }

const noWebhooksText = JSON.stringify(noWebhooks)

/** A session as the API shows it. */
export function toSession(record: SessionRecord, view: ViewOptions): ApiSession {
  const exact = toExactSession(record, view)
  return { ...exact, activeDuration: Math.trunc(exact.activeDuration) }
}

/** The same with `activeDuration` to the millisecond: clients decode it as an integer, a seal keeps it as it is. */
function toExactSession(record: SessionRecord, { now, base, key, webhooks, details }: ViewOptions): ApiSession {
  const { session, customRoomId, participants } = record
  const logs = toTimelogs(record)
  const { persons, insideMs, activeMs, peak } = sumUp(record.presence ?? presenceOf(participants, logs), now)
  return {
    id: session.id,
    roomId: session.roomId,
    start: toIso(session.startAt),
    end: session.endAt === null ? null : toIso(session.endAt),
    participants: showPeople(record, logs, now, details),
    status: session.endAt === null ? 'ongoing' : 'ended',
    links: toLinks(session, base),
    customRoomId,
    apiKey: key.apiKey,
    userId: key.userId,
    activeDuration: activeMs / 1000,
    maxJoinedPeersCount: peak,
    webhook: webhooks?.get(session.id) ?? noWebhooks,
    ...notOffered,
    engine: engineOf(session.source),
    revision: session.revision,
    updatedAt: toIso(session.updatedAt),
    participantSeconds: insideMs / 1000,
    uniqueParticipants: persons,
    ...(details !== undefined && details.recordings.length > 0 && { recordings: details.recordings }),
    ...(session.clockCorrectedMs !== 0 && { clockCorrectedMs: session.clockCorrectedMs }),
    ...(record.truncated && { participantsTruncated: true as const }),
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
  const { id, roomId, head, middle, tail } = listed.sealed
  const links = JSON.stringify(toLinks({ id, roomId }, view.base))
  const summary = view.webhooks?.get(id)
  const webhook = summary === undefined ? noWebhooksText : JSON.stringify(summary)
  return `${head},"links":${links},${toWholeSeconds(middle)},"webhook":${webhook},${notOfferedText},${tail}`
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
  const { session, participants } = record
  const presence = presenceIn(record)
  const truncated = participants.length > participantsMax
  const part = { ...record, participants: participants.slice(0, participantsMax), truncated, presence }
  const shown = toExactSession(part, { now: session.endAt ?? 0, base: '', key })
  const entries = Object.entries(shown)
  const at = (name: keyof ApiSession) => entries.findIndex(([one]) => one === name)
  const textOf = (from: number, to?: number) => JSON.stringify(Object.fromEntries(entries.slice(from, to))).slice(1, -1)
  const lastedMs = (session.endAt ?? session.startAt) - session.startAt
  return {
    head: `{${textOf(0, at('links'))}`,
    middle: textOf(at('links') + 1, at('webhook')),
    tail: `${textOf(at('engine'))}}`,
    gaps: participants.length === 0 || Math.round(shown.activeDuration * 1000) < lastedMs ? 1 : 0,
  }
}

/** Everybody in a record, as the API shows them. */
export function toParticipants(record: SessionPart, now: number, details?: Details): ApiParticipant[] {
  return showPeople(record, toTimelogs(record), now, details)
}

function showPeople(
  { session, participants }: SessionPart,
  logs: Map<string, TimelogEntry[]>,
  now: number,
  details: Details | undefined,
): ApiParticipant[] {
  return participants.map((person) => ({
    ...toParticipant(session, person, logs.get(person.participantId) ?? [], now),
    ...details?.people.get(person.participantId),
  }))
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
