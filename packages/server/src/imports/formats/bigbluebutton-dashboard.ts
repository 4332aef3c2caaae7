import type { Json } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import { type Format, type ImportedSession, type ImportedStay, stillGoingOn, type Untaken } from '../format.ts'
import { readDocuments, textOf, valuesOf } from '../json.ts'

type Values = { [name: string]: Json }

/**
 * The JSON of BigBlueButton's learning dashboard, one meeting: its `users` by key, each with the times of their connections, in epoch
 * milliseconds, where 0 is "not yet". As `LearningDashboardActor.scala` of BigBlueButton writes it; before 2.6 a connection had one time.
 */
export const bigbluebuttonDashboard: Format = {
  title: 'BigBlueButton: the data of the learning dashboard (JSON)',
  read(bytes) {
    const sessions: ImportedSession[] = []
    const untaken: Untaken[] = []
    for (const [i, one] of readDocuments(bytes).entries()) {
      const where = `document ${i + 1}`
      const meeting = valuesOf(one) ?? {}
      const [key, room, startAt, endAt] = [
        textOf(meeting.intId),
        textOf(meeting.extId),
        momentOf(meeting.createdOn),
        momentOf(meeting.endedOn),
      ]
      if (key === undefined || room === undefined || startAt === undefined) {
        throw new Refusal(
          'BAD_REQUEST',
          'The file has no intId, extId and createdOn: it is no data of a learning dashboard',
        )
      }
      if (endAt === undefined) untaken.push({ where, reason: stillGoingOn })
      else sessions.push({ room, key, startAt, endAt, stays: readPeople(where, meeting.users, untaken) })
    }
    return { sessions, untaken }
  },
}

function readPeople(meeting: string, users: Json | undefined, untaken: Untaken[]): ImportedStay[] {
  const stays: ImportedStay[] = []
  for (const [userKey, one] of Object.entries(valuesOf(users) ?? {})) {
    const user = valuesOf(one) ?? {}
    for (const [intId, each] of Object.entries(valuesOf(user.intIds) ?? {})) {
      const connection = valuesOf(each) ?? {}
      const times = Array.isArray(connection.sessions) ? connection.sessions : [each]
      for (const [j, time] of times.entries()) {
        const where = `${meeting}, users.${userKey}.intIds.${intId}.sessions[${j}]`
        const stay = readStay(where, user, intId, valuesOf(time) ?? {})
        if (stay === undefined) untaken.push({ where, reason: 'it has no registeredOn' })
        else stays.push(stay)
      }
    }
  }
  return stays
}

function readStay(where: string, user: Values, connectionId: string, time: Values): ImportedStay | undefined {
  const joinedAt = momentOf(time.registeredOn)
  if (joinedAt === undefined) return undefined
  return {
    where,
    participantId: textOf(user.extId) ?? connectionId,
    connectionId,
    name: textOf(user.name),
    ...(user.isDialIn === true && { kind: 'sip' }),
    joinedAt,
    leftAt: momentOf(time.leftOn),
  }
}

function momentOf(value: Json | undefined): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined
}
