import type { Json } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import { type Format, type ImportedSession, type ImportedStay, stillGoingOn, type Untaken } from '../format.ts'
import { itemsOf, listIn, readDocuments, secondsOf, textOf, valuesOf } from '../json.ts'

/**
 * What Daily answers to `GET /v1/meetings`: meetings with their people, times in Unix seconds that are right to about 15 s; whoever was
 * there for less than 10 s is not in it.
 */
export const daily: Format = {
  title: 'Daily: the answer of GET /v1/meetings (JSON)',
  read(bytes) {
    const meetings = listIn(readDocuments(bytes), 'data')
    if (meetings.length === 0)
      throw new Refusal('BAD_REQUEST', 'The file has no meetings in data: it is no answer of GET /v1/meetings')
    const sessions: ImportedSession[] = []
    const untaken: Untaken[] = []
    for (const { path: where, value: meeting } of meetings) {
      const [key, room, startAt] = [textOf(meeting.id), textOf(meeting.room), secondsOf(meeting.start_time)]
      const lengthMs = secondsOf(meeting.duration)
      if (meeting.ongoing === true) untaken.push({ where, reason: stillGoingOn })
      else if (key === undefined || room === undefined || startAt === undefined || lengthMs === undefined) {
        untaken.push({ where, reason: 'it has no id, room, start_time or duration' })
      } else {
        const stays = readPeople(where, meeting.participants, untaken)
        // A join may be before the start of its meeting.
        const firstAt = stays.reduce((first, { joinedAt }) => Math.min(first, joinedAt), startAt)
        sessions.push({ room, key, startAt: firstAt, endAt: startAt + lengthMs, stays })
      }
    }
    return { sessions, untaken }
  },
}

function readPeople(meeting: string, participants: Json | undefined, untaken: Untaken[]): ImportedStay[] {
  const stays: ImportedStay[] = []
  for (const [i, one] of itemsOf(participants).entries()) {
    const where = `${meeting}.participants[${i}]`
    const person = valuesOf(one) ?? {}
    const connectionId = textOf(person.participant_id)
    const participantId = textOf(person.user_id) ?? connectionId
    const [joinedAt, lengthMs] = [secondsOf(person.join_time), secondsOf(person.duration)]
    if (participantId === undefined || joinedAt === undefined || lengthMs === undefined) {
      untaken.push({ where, reason: 'it has no participant_id, join_time or duration' })
    } else {
      stays.push({
        where,
        participantId,
        connectionId,
        name: textOf(person.user_name),
        joinedAt,
        leftAt: joinedAt + lengthMs,
      })
    }
  }
  return stays
}
