import type {
  ImportedSchedules,
  ListedSchedule,
  NewSchedule,
  Schedule,
  ScheduleAttendance,
  SchedulePage,
} from '@rollcall/protocol'
import type { Api } from './api.ts'
import { createListing, type Listing } from './listing.ts'
import { requireText } from './text.ts'

/** Which occurrences, and whom. */
export type ScheduleAttendanceOptions = {
  /** Occurrences that begin from then on; without it, of the year before the end. */
  from?: Date | number | string
  /** Those that begin before then; without it, before now. */
  to?: Date | number | string
  /** `expected`: without those who came and were not. */
  people?: 'all' | 'expected'
  /** An IANA time zone, by whose clocks `localStart` is; without it, the schedule's own. */
  tz?: string
}

/** When rooms should be used, and by whom. The token has to name the role `crawler`, as those do that the client signs. */
export type Schedules = {
  /**
   * Lists schedules, newest first, of one room or all.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`, while it is walked
   * @example
   * for await (const { name, start } of rollcall.schedules.list({ roomId: 'math' })) console.log(name, start)
   */
  list(filters?: { roomId?: string; perPage?: number }): Listing<ListedSchedule>
  /** @throws RollcallError with code `SCHEDULE_NOT_FOUND` */
  get(id: string): Promise<Schedule>
  /**
   * Says when a room should be used, and by whom.
   *
   * @throws RollcallError with code `BAD_REQUEST`, whose message names what was wrong and what it takes; `ROOM_NOT_FOUND`
   * @example
   * await rollcall.schedules.create({
   *   name: 'Algebra', roomIds: ['math'], start: '2026-10-05T09:00', durationMinutes: 45,
   *   timeZone: 'Europe/Berlin', rrule: 'FREQ=WEEKLY;COUNT=30', roster: [{ participantId: 'anna' }],
   * })
   */
  create(schedule: NewSchedule): Promise<Schedule>
  /**
   * Says all of a schedule anew; without `roster`, who is expected stays.
   *
   * @throws RollcallError as `create` does, and with code `SCHEDULE_NOT_FOUND`
   */
  replace(id: string, schedule: NewSchedule): Promise<Schedule>
  /** What was recorded stays. @throws RollcallError with code `SCHEDULE_NOT_FOUND` */
  delete(id: string): Promise<Schedule>
  /**
   * Gives who was there when they should have been: persons × occurrences.
   *
   * @throws RollcallError with code `SCHEDULE_NOT_FOUND`
   * @example
   * const { people } = await rollcall.schedules.attendance(id)
   * for (const { name, late, absent } of people) console.log(name, late, absent)
   */
  attendance(id: string, options?: ScheduleAttendanceOptions): Promise<ScheduleAttendance>
  /**
   * Makes schedules of the events of an iCalendar file. What cannot be one is `left`, with why.
   *
   * @param options `roomId`: where they take place; without it, each in the room that its LOCATION names
   * @throws RollcallError with code `BAD_REQUEST` where it is no such file
   */
  importCalendar(text: string, options?: { roomId?: string }): Promise<ImportedSchedules>
}

export function createSchedules(api: Api): Schedules {
  return {
    list: (filters = {}) =>
      createListing(
        (page) => api.get<SchedulePage>('/v2/schedules', { ...filters, page }),
        ({ id }) => id,
      ),
    get: async (id) => api.get<Schedule>(pathOf(id)),
    create: async (schedule) => api.post<Schedule>('/v2/schedules', schedule),
    replace: async (id, schedule) => api.put<Schedule>(pathOf(id), schedule),
    delete: async (id) => api.delete<Schedule>(pathOf(id)),
    attendance: async (id, options = {}) => api.get<ScheduleAttendance>(`${pathOf(id)}/attendance`, options),
    importCalendar: async (text, { roomId } = {}) => {
      const query = roomId === undefined ? '' : `?roomId=${encodeURIComponent(roomId)}`
      return api.post<ImportedSchedules>(`/v2/schedules/import${query}`, text)
    },
  }
}

function pathOf(id: string): string {
  return `/v2/schedules/${encodeURIComponent(requireText('id', id))}`
}
