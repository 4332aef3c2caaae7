import type { Report, ReportedFact, Sighting } from '../engines/engine.ts'
import type { FetchedRooms } from '../engines/media-server.ts'

// The times that a media server tells, moved by as much as its clock is wrong. Whatever is moved says by how much.

/** @param skewOf by how much the times of what is in a room are to be moved, in milliseconds */
export function correctReport(report: Report, receivedAt: number, skewOf: (roomId: string) => number): Report {
  const { facts, sightings, isDatedByArrival } = report
  const corrected = facts.map((fact) => (isTimed(fact, receivedAt) ? moved(fact, skewOf(fact.roomId)) : fact))
  const isAny = corrected.some(({ clockCorrectedMs }) => clockCorrectedMs !== undefined)
  return {
    ...report,
    facts: corrected,
    ...(sightings !== undefined && { sightings: sightings.map((one) => moved(one, skewOf(one.roomId))) }),
    ...((isDatedByArrival || isAny) && { isDatedByArrival: true }),
  }
}

/** Whether its sender said when it was. */
function isTimed({ type, at }: ReportedFact, receivedAt: number): boolean {
  return type !== 'unknown' && at !== receivedAt
}

/** The same as its sender said it. */
export function asSaid(fact: ReportedFact): ReportedFact {
  if (fact.clockCorrectedMs === undefined) return fact
  const { clockCorrectedMs: _, ...said } = moved(fact, -fact.clockCorrectedMs)
  return said as ReportedFact
}

function moved<T extends ReportedFact | Sighting>(one: T, ms: number): T {
  if (ms === 0) return one
  return {
    ...one,
    at: one.at + ms,
    ...('joinedAt' in one && one.joinedAt !== undefined && { joinedAt: one.joinedAt + ms }),
    ...('lastSeenAt' in one && one.lastSeenAt !== undefined && { lastSeenAt: one.lastSeenAt + ms }),
    ...('participants' in one && { participants: one.participants.map((present) => movedJoin(present, ms)) }),
    clockCorrectedMs: ms,
  }
}

export function correctRooms(
  { at, rooms, ...fetched }: FetchedRooms,
  skewOf: (roomName: string) => number,
): FetchedRooms {
  return {
    ...fetched,
    at: at + skewOf(''),
    rooms: rooms.map((room) => {
      const ms = skewOf(room.roomName)
      if (ms === 0) return room
      const participants = room.participants.map((present) => movedJoin(present, ms))
      return { ...room, at: room.at + ms, participants, clockCorrectedMs: ms }
    }),
  }
}

function movedJoin<T extends { joinedAt?: number }>(present: T, ms: number): T {
  return present.joinedAt === undefined ? present : { ...present, joinedAt: present.joinedAt + ms }
}
