import type { AttendanceRow, Participant, ParticipantKind } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { readTimesOf } from '../../record/session-times.ts'
import { toParticipants } from '../../record/session-view.ts'
import type { Period } from '../../store/sessions/during.ts'
import type { SessionPart } from '../../store/sessions/records.ts'
import type { SessionTimes } from '../../store/sessions/times.ts'

export type Per = 'interval' | 'participant'

/** Sessions that are read together. */
const sessionsTogether = 200

/** The sessions of a period, of a large one a page of its people after the other. */
export async function* readSessionsDuring(
  reads: Pick<Context['reads'], 'sessions'>,
  keyId: number,
  period: Period,
): AsyncGenerator<SessionPart> {
  for await (const ids of idsDuring(reads, keyId, period)) yield* reads.sessions.parts(keyId, ids)
}

/** The same without their people. */
export async function* readHeadsDuring(
  reads: Pick<Context['reads'], 'sessions'>,
  keyId: number,
  period: Period,
): AsyncGenerator<SessionPart[]> {
  for await (const ids of idsDuring(reads, keyId, period)) yield reads.sessions.heads(keyId, ids)
}

/** When they ran, and when who was inside. */
export async function* readTimesDuring(
  reads: Pick<Context['reads'], 'sessions'>,
  keyId: number,
  period: Period,
): AsyncGenerator<SessionTimes> {
  for await (const ids of idsDuring(reads, keyId, period)) yield* readTimesOf(reads, keyId, ids)
}

async function* idsDuring(
  reads: Pick<Context['reads'], 'sessions'>,
  keyId: number,
  period: Period,
): AsyncGenerator<string[]> {
  let ids: string[] = []
  for await (const id of reads.sessions.during(keyId, period)) {
    if (ids.push(id) < sessionsTogether) continue
    yield ids
    ids = []
  }
  if (ids.length > 0) yield ids
}

/** One session, with its people a page at a time; nothing where it is not there. */
export async function* readSessionPages(
  reads: Pick<Context['reads'], 'sessions'>,
  keyId: number,
  sessionId: string,
): AsyncGenerator<SessionPart> {
  const record = await reads.sessions.find(keyId, sessionId)
  if (record === undefined) return
  // Also where nobody came: the session took place.
  if (record.session.people === 0) yield record
  for await (const people of reads.sessions.people(keyId, sessionId)) yield { ...record, ...people }
}

/** `kinds`: participants of these; all where it is undefined. Times are epoch milliseconds. */
export type Shown = { now: number; kinds: ParticipantKind[] | undefined; from?: number; to?: number }

/** The rows of a record's people, of those times that reach into the period. */
export function toAttendanceRows(
  record: SessionPart,
  per: Per,
  { now, kinds, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }: Shown,
): AttendanceRow[] {
  const { session, customRoomId } = record
  const about = { sessionId: session.id, roomId: session.roomId, customRoomId }
  return toParticipants(record, now).flatMap(({ participantId, name, kind, timelog }) => {
    if (kinds !== undefined && !kinds.includes(kind)) return []
    const who = { ...about, participantId, name, kind }
    const times = timelog.filter(
      ({ start, end }) => Date.parse(start) < to && (end === null || Date.parse(end) >= from),
    )
    const rows = times.map((time) => ({
      ...who,
      start: time.start,
      end: time.end,
      seconds: secondsOf(time, now),
      reason: time.reason ?? null,
      inferred: time.inferred === true,
    }))
    if (per === 'interval') return rows
    const [first, last] = [rows[0], rows.at(-1)]
    if (first === undefined || last === undefined) return []
    const { reason, inferred } = last
    const seconds = times.reduce((sum, time) => sum + secondsOf(time, now) * 1000, 0) / 1000
    return { ...who, start: first.start, end: last.end, seconds, intervals: rows.length, reason, inferred }
  })
}

function secondsOf({ start, end }: Participant['timelog'][number], now: number): number {
  return Math.max(0, (end === null ? now : Date.parse(end)) - Date.parse(start)) / 1000
}
