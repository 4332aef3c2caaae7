import { timeTakes, toIso } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Refusal } from '../../error.ts'
import { parseBefore, parseTime } from '../../runtime/parse-time.ts'
import type { Period } from '../../store/sessions/during.ts'
import { reportMs } from '../limits.ts'

const untilThen = 'Until then, exclusive; of a date alone, until the end of that day; without it, until now.'

/** Which time a report is about. */
export const PeriodQuery = Type.Object({
  from: Type.Optional(
    Type.String({ description: timeTakes, about: 'From then, inclusive; without it, 30 days before the end.' }),
  ),
  to: Type.Optional(Type.String({ description: timeTakes, about: untilThen })),
  roomId: Type.Optional(
    Type.String({ description: 'a roomId or customRoomId', about: 'What took place in this room alone.' }),
  ),
})
export type PeriodQuery = Type.Static<typeof PeriodQuery>

export function toPeriod(query: PeriodQuery, now: number): Period {
  const to = query.to === undefined ? now : parseBefore('to', query.to)
  const from = query.from === undefined ? to - reportMs : parseTime('from', query.from)
  if (from < to) return { from, to }
  const [first, last] = [from, to].map((at) => toIso(at))
  throw new Refusal('BAD_REQUEST', `from=${first} is not before to=${last}: it takes an earlier time`)
}
