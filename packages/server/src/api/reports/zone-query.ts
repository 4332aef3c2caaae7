import { Type } from 'typebox'
import { Refusal } from '../../error.ts'
import { isTimeZone } from '../../runtime/calendar/calendar.ts'

const takes = 'an IANA time zone, such as Europe/Berlin'

/** Whose days are meant. */
export const ZoneQuery = Type.Object({
  tz: Type.Optional(
    Type.String({
      maxLength: 64,
      description: takes,
      about: 'Whose days and hours are meant; without it, those of UTC.',
    }),
  ),
})

export function toZone(tz: string | undefined): string {
  if (tz === undefined || isTimeZone(tz)) return tz ?? 'UTC'
  throw new Refusal('BAD_REQUEST', `tz=${tz} is not understood: it takes ${takes}`)
}
