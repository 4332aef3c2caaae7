import { type OccurrenceRow, toIso, toIsoOrNull } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import type { Schedule } from '../../store/schedules.ts'
import type { Span } from '../reports/spans.ts'
import { type Asked, readCourse } from './course.ts'
import type { Verdict } from './judge.ts'
import { type Planned, plannedIn } from './occurrences.ts'

/** Schedules that are read at once. */
const schedulesTogether = 100
/** Occurrences of one schedule that are held at once. */
const occurrencesTogether = 20

type Reads = Pick<Context['reads'], 'sessions' | 'people' | 'schedules'>

/** Of the occurrences that begin in a period, each with each person: schedule after schedule, some occurrences a page. */
export async function* readOccurrenceRows(
  reads: Reads,
  keyId: number,
  { roomId, schedule, ...period }: Span & { roomId?: string; schedule: Schedule | undefined },
  asked: Asked,
): AsyncGenerator<OccurrenceRow[]> {
  if (schedule !== undefined) return yield* ofSchedule(schedule)
  for (let page = 1; ; page += 1) {
    const { schedules } = await reads.schedules.list(keyId, { roomId }, { page, perPage: schedulesTogether })
    for (const one of schedules) yield* ofSchedule(one)
    if (schedules.length < schedulesTogether) return
  }

  async function* ofSchedule(one: Schedule): AsyncGenerator<OccurrenceRow[]> {
    let planned: Planned[] = []
    for await (const next of plannedIn(one, period)) {
      if (planned.push(next) < occurrencesTogether) continue
      yield await toRows(one, planned)
      planned = []
    }
    if (planned.length > 0) yield await toRows(one, planned)
  }

  /** Of people who are not expected, only where they came. */
  async function toRows(one: Schedule, planned: Planned[]): Promise<OccurrenceRow[]> {
    const { occurrences, people } = await readCourse(reads, one, planned, asked)
    return occurrences.flatMap(({ from, to }, n) =>
      people.flatMap(({ verdicts, participantId, name, expected }) => {
        const verdict = verdicts[n]
        if (verdict === undefined || (!expected && verdict.joinedAt === null)) return []
        return {
          ...{ scheduleId: one.id, schedule: one.name, occurrenceStart: toIso(from), occurrenceEnd: toIso(to) },
          ...{ participantId, name, expected },
          ...toVerdict(verdict),
          firstJoin: toIsoOrNull(verdict.joinedAt),
          lastLeave: toIsoOrNull(verdict.leftAt),
        }
      }),
    )
  }
}

/** As it is answered. */
export function toVerdict({ status, lateMs, leftEarlyMs, presentMs, ofScheduled, ofActual }: Verdict) {
  return {
    status,
    lateSeconds: lateMs / 1000,
    leftEarlySeconds: leftEarlyMs / 1000,
    presentSeconds: presentMs / 1000,
    presentOfScheduled: ofScheduled,
    presentOfActual: ofActual,
  }
}
