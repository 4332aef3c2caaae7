import { Type } from 'typebox'
import { isTimeZone } from '../../runtime/calendar/calendar.ts'

/** By whose clocks. */
export function TimeZone(about: string) {
  return Type.Refine(
    Type.String({ maxLength: 64, description: 'an IANA time zone, such as Europe/Berlin', about }),
    isTimeZone,
  )
}

/** Whose days are meant. */
export const ZoneQuery = Type.Object({
  tz: Type.Optional(TimeZone('Whose days and hours are meant; without it, those of UTC.')),
})
