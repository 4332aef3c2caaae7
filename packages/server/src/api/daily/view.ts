import type { DailyMeeting, DailyParticipant, ListedDailyMeeting, Participant, Session } from '@rollcall/protocol'

/** @param now of what goes on, which lasts up to now: epoch milliseconds */
export function toDailyMeeting(session: Session, now: number): DailyMeeting {
  return {
    id: session.id,
    room: session.customRoomId ?? session.roomId,
    ...toTimes('start_time', session.start, session.end, now),
    ongoing: session.end === null,
    max_participants: session.maxJoinedPeersCount,
  }
}

/** @param withPeople with the stays of those whom the session shows */
export function toListedDailyMeeting(
  session: Session,
  now: number,
  { withPeople }: { withPeople: boolean },
): ListedDailyMeeting {
  const meeting = toDailyMeeting(session, now)
  if (!withPeople) return meeting
  return {
    ...meeting,
    participants: session.participants.flatMap((person) => toDailyParticipants(session.id, person, now)),
  }
}

/** Each of somebody's stays. */
export function toDailyParticipants(
  sessionId: string,
  { participantId, name, timelog }: Participant,
  now: number,
): DailyParticipant[] {
  return timelog.map(({ start, end }, i) => ({
    user_id: participantId,
    participant_id: writeStayId(sessionId, { participantId, stay: i + 1 }),
    user_name: name === '' ? null : name,
    ...toTimes('join_time', start, end, now),
  }))
}

function toTimes<Name extends string>(name: Name, start: string, end: string | null, now: number) {
  const startAt = Date.parse(start)
  const lastedMs = Math.max(0, (end === null ? now : Date.parse(end)) - startAt)
  const times = { [name]: Math.floor(startAt / 1000), duration: Math.floor(lastedMs / 1000) }
  return times as { [name in Name]: number } & { duration: number }
}

/** Somebody's stay, by its number among theirs, from 1. */
type NamedStay = { participantId: string; stay: number }

/** Opaque, fit for a URL as it is, and of one stay in all sessions. */
function writeStayId(sessionId: string, { participantId, stay }: NamedStay): string {
  return `${sessionId}-${Buffer.from(`${stay} ${participantId}`).toString('base64url')}`
}

/** Undefined where it is none of this session. */
export function readStayId(sessionId: string, text: string): NamedStay | undefined {
  if (!text.startsWith(`${sessionId}-`)) return undefined
  const [, stay, participantId] =
    /^([1-9]\d{0,8}) (.+)$/s.exec(Buffer.from(text.slice(sessionId.length + 1), 'base64url').toString()) ?? []
  return participantId === undefined ? undefined : { participantId, stay: Number(stay) }
}
