import { type Schedule as ApiSchedule, type ListedSchedule, toIso } from '@rollcall/protocol'
import { toInstant, toLocal } from '../../runtime/calendar/recurrence.ts'
import type { Expected, Schedule } from '../../store/schedules.ts'

/** A schedule in a list. */
export function toListedSchedule(schedule: Schedule): ListedSchedule {
  const { id, uid, name, roomIds, startLocal, durationMinutes, timeZone } = schedule
  const { rrule, exdates, graceMinutes, expected } = schedule
  const endAt = toInstant(startLocal, timeZone) + durationMinutes * 60_000
  return {
    ...{ id, uid, name, roomIds },
    ...{ start: startLocal, end: toLocal(endAt, timeZone), durationMinutes, timeZone },
    ...{ rrule, exdates, graceMinutes, expected },
    createdAt: toIso(schedule.createdAt),
    updatedAt: toIso(schedule.updatedAt),
  }
}

export function toSchedule(schedule: Schedule, roster: Expected[]): ApiSchedule {
  return { ...toListedSchedule(schedule), roster }
}
