import { type Person, toIso } from '@rollcall/protocol'
import { type Step, stepsOf, type Unit } from '../../runtime/calendar/calendar.ts'
import type { Person as Found } from '../../store/people/search.ts'
import type { TimesOfSession } from '../../store/people/times.ts'
import { mergeSpans, type Span } from '../reports/spans.ts'

export type Grouping = { timeZone: string; groupBy: Unit; now: number; from: number; to: number }

/** What all sessions of a person amount to: what overlaps, as of two ids that are one person, counts once. */
export function summarise(person: Found, sessions: TimesOfSession[], grouping: Grouping): Person {
  const { now, timeZone, groupBy } = grouping
  const names = new Set(sessions.toReversed().flatMap(({ name }) => (name === '' ? [] : name)))
  const latest = Math.max(person.seenAt, ...lastOf(sessions))
  const spans = mergeSpans(sessions.flatMap(({ times }) => times.map((time) => toSpan(time, now))))
  return {
    id: person.id,
    name: person.name,
    lastSeen: toIso(latest),
    merged: person.merged,
    participantIds: person.participantIds,
    names: [...names],
    firstSeen: spans[0] === undefined ? null : toIso(spans[0].from),
    inside: sessions.some(({ times }) => times.some(({ leftAt }) => leftAt === null)),
    sessions: new Set(sessions.map(({ session }) => session.id)).size,
    rooms: new Set(sessions.map(({ session }) => session.roomId)).size,
    totalSeconds: spans.reduce((sum, { from, to }) => sum + to - from, 0) / 1000,
    timeZone,
    groupBy,
    time: byStep(sessions, grouping),
  }
}

function* lastOf(sessions: TimesOfSession[]): Generator<number> {
  for (const { times } of sessions) {
    const last = times.at(-1)
    if (last !== undefined) yield last.leftAt ?? last.joinedAt
  }
}

function toSpan({ joinedAt, leftAt }: { joinedAt: number; leftAt: number | null }, now: number): Span {
  return { from: joinedAt, to: leftAt ?? Math.max(now, joinedAt) }
}

function byStep(sessions: TimesOfSession[], { now, from, to, timeZone, groupBy }: Grouping): Person['time'] {
  const inside = sessions.flatMap(({ session, times }) =>
    times
      .map((time) => toSpan(time, now))
      .filter((span) => span.from < to && span.to >= from)
      .map((span) => ({ sessionId: session.id, from: Math.max(from, span.from), to: Math.min(to, span.to) })),
  )
  inside.sort((a, b) => a.from - b.from)
  const groups = new Map<Step, { spans: Span[]; sessions: Set<string> }>()
  // Between two stays there may be years: only those are made that somebody was inside in, or nearly so.
  const steps: Step[] = []
  let ahead = stepsOf(0, 0, timeZone, groupBy)
  let at = 0
  for (const { sessionId, ...span } of inside) {
    while (at < steps.length && (steps[at]?.to ?? 0) <= span.from) at += 1
    if (at === steps.length) ahead = stepsOf(span.from, Number.POSITIVE_INFINITY, timeZone, groupBy)
    while (at === steps.length || (steps.at(-1)?.to ?? 0) < span.to) steps.push(ahead.next().value as Step)
    for (let n = at; n < steps.length; n++) {
      const step = steps[n]
      if (step === undefined || (n > at && step.from >= span.to)) break
      const group = groups.get(step) ?? { spans: [], sessions: new Set() }
      group.spans.push({ from: Math.max(span.from, step.from), to: Math.min(span.to, step.to) })
      group.sessions.add(sessionId)
      groups.set(step, group)
    }
  }
  return [...groups].map(([{ start }, { spans, sessions }]) => ({
    start,
    seconds: mergeSpans(spans).reduce((sum, { from, to }) => sum + to - from, 0) / 1000,
    sessions: sessions.size,
  }))
}
