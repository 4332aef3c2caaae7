import type { ImportedSession, ImportedStay } from './format.ts'

/** A room is one session until it was empty for longer than this, in milliseconds, where the file tells sessions apart by nothing else. */
const gapMs = 5 * 60_000

/** All stays of a file that is of one session; none where nobody was there. */
export function toSession(session: Omit<ImportedSession, 'key'>): ImportedSession[] {
  const { room, startAt, stays } = session
  if (stays.length === 0) return []
  return [{ ...session, key: keyOf(room, startAt ?? firstOf(stays)) }]
}

/** The stays in a room that follow one another, session by session. */
export function splitSessions(room: string, stays: ImportedStay[]): ImportedSession[] {
  const sessions: { stays: ImportedStay[]; lastAt: number }[] = []
  for (const stay of stays.toSorted((a, b) => a.joinedAt - b.joinedAt)) {
    const leftAt = stay.leftAt ?? stay.joinedAt
    const running = sessions.at(-1)
    if (running === undefined || stay.joinedAt > running.lastAt + gapMs) {
      sessions.push({ stays: [stay], lastAt: leftAt })
    } else {
      running.stays.push(stay)
      running.lastAt = Math.max(running.lastAt, leftAt)
    }
  }
  return sessions.map((one) => ({ room, key: keyOf(room, firstOf(one.stays)), stays: one.stays }))
}

function firstOf(stays: ImportedStay[]): number {
  return stays.reduce((first, { joinedAt }) => Math.min(first, joinedAt), Number.POSITIVE_INFINITY)
}

function keyOf(room: string, at: number): string {
  return `${room} ${new Date(at).toISOString()}`
}
