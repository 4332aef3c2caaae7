import type { DailyParticipant } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { toParticipants } from '../../record/session-view.ts'
import type { People } from '../../store/sessions/people.ts'
import type { SessionPart } from '../../store/sessions/records.ts'
import { readStayId, toDailyParticipants } from './view.ts'

// Stays of one meeting, in order of each person's first join, then of their own.

type Over = {
  sessions: Pick<Context['reads']['sessions'], 'people' | 'getParticipant'>
  keyId: number
  session: SessionPart['session']
  /** Of what goes on, which lasts up to now: epoch milliseconds. */
  now: number
}

/** At most `max` stays after the one with this id; from the first on where it is undefined. None after one that there is not. */
export async function listAfter(over: Over, id: string | undefined, max: number): Promise<DailyParticipant[]> {
  const { sessions, keyId, session } = over
  const named = id === undefined ? undefined : readStayId(session.id, id)
  const record = named && (await sessions.getParticipant(keyId, session.id, named.participantId))
  if (id !== undefined && (named === undefined || record === undefined)) return []
  const stays = record === undefined ? [] : toStays(over, record).slice(named?.stay)
  for await (const slice of sessions.people(keyId, session.id, record?.participants[0])) {
    stays.push(...toStays(over, slice))
    if (stays.length >= max) break
  }
  return stays.slice(0, max)
}

/** At most `max` stays just before the one with this id. None before one that there is not. */
export async function listBefore(over: Over, id: string, max: number): Promise<DailyParticipant[]> {
  const { sessions, keyId, session } = over
  let last: DailyParticipant[] = []
  for await (const slice of sessions.people(keyId, session.id)) {
    last = [...last, ...toStays(over, slice)]
    const place = last.findIndex(({ participant_id }) => participant_id === id)
    if (place !== -1) return last.slice(Math.max(0, place - max), place)
    last = last.slice(-max)
  }
  return []
}

function toStays({ session, now }: Over, people: People): DailyParticipant[] {
  const shown = toParticipants({ session, ...people }, now)
  return shown.flatMap((person) => toDailyParticipants(session.id, person, now))
}
