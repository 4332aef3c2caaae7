import { Refusal } from '../../error.ts'
import { type Format, type ImportedSession, type ImportedStay, stillGoingOn, type Untaken } from '../format.ts'
import { instantOf, listIn, readDocuments, textOf } from '../json.ts'

/**
 * What Twilio Video answers to `GET /v1/Rooms` and to `GET /v1/Rooms/{sid}/Participants`, one page after another. A room is one life of
 * its unique name; a rejoin is a new participant with the same identity.
 */
export const twilio: Format = {
  title: 'Twilio Video: the answers of GET /v1/Rooms?Status=completed and of each room’s Participants (JSON)',
  read(bytes) {
    const documents = readDocuments(bytes)
    const rooms = listIn(documents, 'rooms')
    if (rooms.length === 0)
      throw new Refusal('BAD_REQUEST', 'The file has no rooms: it takes the answers of GET /v1/Rooms')
    const untaken: Untaken[] = []
    const stays = Map.groupBy(readPeople(documents, untaken), ({ roomSid }) => roomSid)
    const sessions: ImportedSession[] = []
    const known = new Set<string>()
    for (const { path: where, value: room } of rooms) {
      const [key, startAt, endAt] = [textOf(room.sid), instantOf(room.date_created), instantOf(room.end_time)]
      if (key !== undefined) known.add(key)
      if (room.status === 'in-progress') untaken.push({ where, reason: stillGoingOn })
      else if (key === undefined || startAt === undefined || endAt === undefined) {
        untaken.push({ where, reason: 'it has no sid, date_created or end_time' })
      } else {
        const name = textOf(room.unique_name) ?? key
        sessions.push({ room: name, key, startAt, endAt, stays: (stays.get(key) ?? []).map(({ stay }) => stay) })
      }
    }
    for (const [sid, ofRoom] of stays) {
      if (known.has(sid)) continue
      for (const { stay } of ofRoom) untaken.push({ where: stay.where, reason: `its room ${sid} is not in the file` })
    }
    return { sessions, untaken }
  },
}

function readPeople(
  documents: Parameters<typeof listIn>[0],
  untaken: Untaken[],
): { roomSid: string; stay: ImportedStay }[] {
  return listIn(documents, 'participants').flatMap(({ path: where, value: person }) => {
    const [roomSid, connectionId, identity] = [textOf(person.room_sid), textOf(person.sid), textOf(person.identity)]
    const joinedAt = instantOf(person.start_time)
    if (roomSid === undefined || identity === undefined || joinedAt === undefined) {
      untaken.push({ where, reason: 'it has no room_sid, identity or start_time' })
      return []
    }
    const stay = { where, participantId: identity, connectionId, joinedAt, leftAt: instantOf(person.end_time) }
    return [{ roomSid, stay }]
  })
}
