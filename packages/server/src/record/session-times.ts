import type { Participant as ApiParticipant, ParticipantKind } from '@rollcall/protocol'
import { toTimelogs } from '../ledger/timelogs.ts'
import type { SessionPart } from '../store/sessions/records.ts'
import type { SealedHead } from '../store/sessions/sessions.ts'

/** When a session ran, and when each of some people was inside. Times are epoch milliseconds; null: goes on. */
export type SessionTimes = {
  id: string
  roomId: string
  customRoomId: string | null
  startAt: number
  endAt: number | null
  people: { participantId: string; name: string; kind: ParticipantKind; times: { from: number; to: number | null }[] }[]
}

export function timesOf(part: SessionPart): SessionTimes {
  const { id, roomId, startAt, endAt } = part.session
  const logs = toTimelogs(part)
  return {
    ...{ id, roomId, customRoomId: part.customRoomId, startAt, endAt },
    people: part.participants.map(({ participantId, name, kind }) => ({
      ...{ participantId, name, kind },
      times: (logs.get(participantId) ?? []).map(({ joinedAt, leftAt }) => ({ from: joinedAt, to: leftAt })),
    })),
  }
}

/** The same of what is sealed: its text is read, rather than made again. */
export function timesOfSealed({ head, ...session }: SealedHead): SessionTimes {
  const { participants } = JSON.parse(`${head}}`) as { participants: ApiParticipant[] }
  return {
    ...session,
    people: participants.map(({ participantId, name, kind, timelog }) => ({
      ...{ participantId, name, kind },
      times: timelog.map(({ start, end }) => ({ from: Date.parse(start), to: end === null ? null : Date.parse(end) })),
    })),
  }
}
