import type { Json } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import { type Format, type ImportedSession, type ImportedStay, stillGoingOn, type Untaken } from '../format.ts'
import { instantOf, itemsOf, readDocuments, textOf, valuesOf } from '../json.ts'

/**
 * What LiveKit Cloud's Analytics API answers for one session: its people, each with the times of their connections. The list of sessions
 * has no people, and is refused.
 */
export const livekitCloud: Format = {
  title: 'LiveKit Cloud: the answers of the Analytics API for single sessions (JSON)',
  read(bytes) {
    const documents = readDocuments(bytes).flatMap((one) => (Array.isArray(one) ? one : [one]))
    if (documents.some((one) => Array.isArray(valuesOf(one)?.sessions) && valuesOf(one)?.roomId === undefined)) {
      throw new Refusal(
        'BAD_REQUEST',
        'The file is the list of sessions, which has no people: ask for each of them, as /sessions/{sessionId}',
      )
    }
    const sessions: ImportedSession[] = []
    const untaken: Untaken[] = []
    for (const [i, one] of documents.entries()) {
      const where = `document ${i + 1}`
      const session = valuesOf(one) ?? {}
      const [key, room] = [textOf(session.roomId), textOf(session.roomName)]
      const [startAt, endAt] = [instantOf(session.startTime), instantOf(session.endTime)]
      if (key === undefined || room === undefined || startAt === undefined) {
        untaken.push({ where, reason: 'it has no roomId, roomName or startTime' })
      } else if (endAt === undefined) {
        untaken.push({ where, reason: stillGoingOn })
      } else sessions.push({ room, key, startAt, endAt, stays: readPeople(where, session.participants, untaken) })
    }
    return { sessions, untaken }
  },
}

function readPeople(session: string, participants: Json | undefined, untaken: Untaken[]): ImportedStay[] {
  const stays: ImportedStay[] = []
  for (const [i, one] of itemsOf(participants).entries()) {
    const person = valuesOf(one) ?? {}
    const participantId = textOf(person.participantIdentity)
    const connections = Array.isArray(person.sessions) && person.sessions.length > 0 ? person.sessions : [one]
    for (const [j, each] of connections.entries()) {
      const where = `${session}, participants[${i}].sessions[${j}]`
      const connection = valuesOf(each) ?? {}
      const joinedAt = instantOf(connection.joinedAt)
      if (participantId === undefined || joinedAt === undefined) {
        untaken.push({ where, reason: 'it has no participantIdentity or joinedAt' })
        continue
      }
      const connectionId = textOf(connection.participantId)
      const name = textOf(person.participantName)
      stays.push({ where, participantId, connectionId, name, joinedAt, leftAt: instantOf(connection.leftAt) })
    }
  }
  return stays
}
