import { type ParticipantKind, toIso, type Usage, type UsageRow, type UsageTotal } from '@rollcall/protocol'
import type { SessionTimes } from '../../record/session-times.ts'

export type GroupBy = Usage['groupBy']

const stepMs = { day: 24 * 3600 * 1000, hour: 3600 * 1000 }

/** Epoch milliseconds: `from` inclusive, `to` exclusive. */
type Span = { from: number; to: number }

/** Where the days or hours of a period begin, in UTC; the first may lie before it. */
export function countSteps({ from, to }: Span, groupBy: 'day' | 'hour'): number {
  const step = stepMs[groupBy]
  return Math.ceil(to / step) - Math.floor(from / step)
}

export type UsageCount = {
  add(session: SessionTimes): void
  finish(): Pick<Usage, 'total' | 'data'>
}

/** `kinds`: participants of these count, undefined: all. `now`: epoch milliseconds. */
export type Counted = { now: number; kinds: ParticipantKind[] | undefined }

/** Counts the usage of a period, session after session: of a session, people may be added a page at a time. */
export function countUsage(groupBy: GroupBy, { from, to }: Span, { now, kinds }: Counted): UsageCount {
  const total = createTally()
  const groups = new Map<string | number, { names: Partial<UsageRow>; tally: Tally }>()
  const step = groupBy === 'day' || groupBy === 'hour' ? stepMs[groupBy] : undefined

  const tallyOf = (key: string | number, names: Partial<UsageRow>): Tally => {
    const known = groups.get(key)
    if (known !== undefined) {
      Object.assign(known.names, names)
      return known.tally
    }
    const tally = createTally()
    groups.set(key, { names, tally })
    return tally
  }
  const stepsOf = (span: Span) => {
    if (step === undefined) return []
    const first = Math.floor(span.from / step) * step
    const steps: { at: number; span: Span }[] = []
    // A moment of no length lies in one step too.
    for (let at = first; at === first || at < span.to; at += step) {
      steps.push({ at, span: { from: Math.max(span.from, at), to: Math.min(span.to, at + step) } })
    }
    return steps
  }
  const tallyOfStep = (at: number): Tally => groups.get(at)?.tally ?? tallyOf(at, { start: toIso(at) })
  if (step !== undefined) for (const { at } of stepsOf({ from, to })) tallyOfStep(at)

  const clip = (span: Span): Span | undefined => {
    const clipped = { from: Math.max(span.from, from), to: Math.min(span.to, to) }
    const reaches = span.from < to && (span.to > from || (span.from === span.to && span.from >= from))
    return reaches ? clipped : undefined
  }

  return {
    add({ id, roomId, customRoomId, startAt, endAt, people }) {
      const life = clip({ from: startAt, to: endAt ?? Math.max(now, startAt) })
      if (life === undefined) return
      total.addSession(id)
      for (const { at } of stepsOf(life)) tallyOfStep(at).addSession(id)
      const ofRoom = groupBy === 'room' ? tallyOf(roomId, { roomId, customRoomId }) : undefined
      ofRoom?.addSession(id)

      for (const { participantId, name, kind, times } of people) {
        if (kinds !== undefined && !kinds.includes(kind)) continue
        for (const { from, to } of times) {
          const span = clip({ from, to: to ?? Math.max(now, from) })
          if (span === undefined) continue
          total.addStay(participantId, span)
          ofRoom?.addStay(participantId, span)
          for (const part of stepsOf(span)) tallyOfStep(part.at).addStay(participantId, part.span)
          if (groupBy === 'participant') {
            const ofPerson = tallyOf(participantId, { participantId, name })
            ofPerson.addSession(id)
            ofPerson.addStay(participantId, span)
          }
        }
      }
    },
    finish() {
      const data = [...groups.values()].map(({ names, tally }) => ({ ...names, ...tally.finish() }))
      if (step === undefined) data.sort((a, b) => b.participantMinutes - a.participantMinutes)
      return { total: total.finish(), data }
    },
  }
}

type Tally = {
  addSession(id: string): void
  addStay(participantId: string, span: Span): void
  finish(): UsageTotal
}

function createTally(): Tally {
  const people = new Set<string>()
  /** Each twice its time, plus 1 where somebody leaves: joins sort before leaves of the same moment. */
  const moves: number[] = []
  let sessions = 0
  let lastSession = ''
  let insideMs = 0
  return {
    addSession(id) {
      // The parts of one session come one after another.
      if (id !== lastSession) sessions += 1
      lastSession = id
    },
    addStay(participantId, { from, to }) {
      people.add(participantId)
      insideMs += to - from
      moves.push(from * 2, to * 2 + 1)
    },
    finish() {
      let inside = 0
      let peak = 0
      for (const move of Float64Array.from(moves).sort()) {
        inside += move % 2 === 0 ? 1 : -1
        peak = Math.max(peak, inside)
      }
      const minutes = Math.round(insideMs / 60) / 1000
      return { sessions, uniqueParticipants: people.size, participantMinutes: minutes, peakConcurrency: peak }
    },
  }
}
