import type { Json } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import { type Format, type ImportedSession, type ImportedStay, stillGoingOn, type Untaken } from '../format.ts'
import { instantOf, itemsOf, listIn, readDocuments, textOf, valuesOf } from '../json.ts'

/** What VideoSDK, or another Rollcall, answers to `GET /v2/sessions`, page after page. */
export const videosdk: Format = {
  title: 'VideoSDK: the answers of GET /v2/sessions (JSON)',
  read(bytes) {
    const listed = listIn(readDocuments(bytes), 'data')
    if (listed.length === 0) {
      throw new Refusal('BAD_REQUEST', 'The file has no sessions in data: it takes the answers of GET /v2/sessions')
    }
    const sessions: ImportedSession[] = []
    const untaken: Untaken[] = []
    for (const { path: where, value: session } of listed) {
      const [key, roomId] = [textOf(session.id), textOf(session.roomId)]
      const [startAt, endAt] = [instantOf(session.start), instantOf(session.end)]
      if (key === undefined || roomId === undefined || startAt === undefined) {
        untaken.push({ where, reason: 'it has no id, roomId or start' })
      } else if (endAt === undefined) {
        untaken.push({ where, reason: stillGoingOn })
      } else {
        const room = textOf(session.customRoomId) ?? roomId
        sessions.push({ room, key, startAt, endAt, stays: readPeople(where, session.participants, untaken) })
      }
    }
    return { sessions, untaken }
  },
}

function readPeople(session: string, participants: Json | undefined, untaken: Untaken[]): ImportedStay[] {
  const stays: ImportedStay[] = []
  for (const [i, one] of itemsOf(participants).entries()) {
    const person = valuesOf(one) ?? {}
    const participantId = textOf(person.participantId)
    const timelog = itemsOf(person.timelog)
    for (const [j, each] of timelog.entries()) {
      const where = `${session}.participants[${i}].timelog[${j}]`
      const { start, end } = valuesOf(each) ?? {}
      const joinedAt = instantOf(start)
      if (participantId === undefined || joinedAt === undefined) {
        untaken.push({ where, reason: 'it has no participantId or start' })
      } else stays.push({ where, participantId, name: textOf(person.name), joinedAt, leftAt: instantOf(end) })
    }
  }
  return stays
}
