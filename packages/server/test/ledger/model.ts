import type { Cause, SessionFact } from '@rollcall/protocol'

// The rules again, slowly: from all facts of a history at once, with no state that is kept up to date.

export type ModelEntry = { start: number; end: number | null; reason?: string; inferred?: true }
export type ModelSession = {
  start: number
  end: number | null
  people: { id: string; name: string; timelog: ModelEntry[] }[]
}

type Stay = { connection: string; from: number; to: number | null; reason: string | null; inferred: Cause | null }
type Told = { at: number; id: string }

/** The visible sessions that named facts tell of, when nothing more will ever come. Each fact is given once. */
export function modelNamed(facts: SessionFact[]): ModelSession[] {
  const keys = new Set(facts.map((fact) => `${fact.roomId} ${fact.sessionKey}`))
  return [...keys]
    .map((key) => modelOne(facts.filter((fact) => `${fact.roomId} ${fact.sessionKey}` === key).map(inOneOrder), 'gone'))
    .filter((session) => session !== undefined)
}

/**
 * The sessions of one room that an ordered stream of unnamed facts tells of, when nothing more will ever come. A lease
 * vouches for whoever is inside: they stay.
 */
export function modelUnnamed(facts: SessionFact[], graceMs: number): ModelSession[] {
  const groups: SessionFact[][] = []
  for (const fact of facts) {
    const group = groups.at(-1)
    const soFar = group && modelOne(group, 'running')
    const anybodyInside = soFar?.people.some((one) => one.timelog.at(-1)?.end === null)
    const lastAt = Math.max(
      ...(soFar?.people.flatMap((one) => one.timelog.map((entry) => entry.end ?? entry.start)) ?? []),
    )
    if (group && (fact.type !== 'participant-joined' || anybodyInside || fact.at <= lastAt + graceMs)) group.push(fact)
    else if (fact.type === 'participant-joined') groups.push([fact])
  }
  return groups.map((group) => modelOne(group, 'alive')).filter((session) => session !== undefined)
}

/**
 * @param source running: more may come; alive: no more will come, and whoever is inside is still there; gone: no more
 * will come, and nobody vouches for whoever is inside
 */
function modelOne(facts: SessionFact[], source: 'running' | 'alive' | 'gone'): ModelSession | undefined {
  const ids = [...new Set(facts.flatMap((fact) => ('participantId' in fact ? [fact.participantId] : [])))]
  const people = ids.map((id) => {
    const own = facts.filter((fact) => 'participantId' in fact && fact.participantId === id)
    const connections = [...new Set(own.map((fact) => ('connectionId' in fact ? (fact.connectionId ?? '') : '')))]
    const stays = connections.flatMap((connection) =>
      staysOf(
        connection,
        own.filter((fact) => 'participantId' in fact && (fact.connectionId ?? '') === connection),
      ),
    )
    return { id, name: nameOf(own), stays }
  })
  const seen = people.filter((one) => one.stays.length > 0)
  const starts = facts.filter((fact) => fact.type === 'session-started').map((fact) => fact.at)
  const ends = facts.filter((fact) => fact.type === 'session-ended').map((fact) => fact.at)
  const joins = facts.flatMap((fact) => joinTimes(fact))
  const leaves = seen.flatMap((one) => one.stays.map((stay) => stay.to ?? stay.from))
  const evidence = [...starts, ...joins]
  if (evidence.length === 0) return undefined
  const start = Math.min(...evidence)
  const last = Math.max(...evidence, ...leaves)
  if (ends.length === 0 && source === 'gone') for (const { stays } of seen) leaveInSilence(stays, last)
  const isEmpty = seen.every((one) => one.stays.every((stay) => stay.to !== null))
  const end = ends.length > 0 ? Math.max(last, ...ends) : isEmpty && source !== 'running' ? last : null
  return {
    start,
    end,
    people: seen
      .map(({ id, name, stays }) => ({ id, name, timelog: merge(stays, end) }))
      .sort((a, b) => (a.timelog[0]?.start ?? 0) - (b.timelog[0]?.start ?? 0) || (a.id < b.id ? -1 : 1)),
  }
}

/** A stay told whole never ends before it begins, whatever the clocks say. */
function inOneOrder(fact: SessionFact): SessionFact {
  if (fact.type !== 'participant-left' || fact.joinedAt === undefined) return fact
  return { ...fact, at: Math.max(fact.at, fact.joinedAt) }
}

function leaveInSilence(stays: Stay[], at: number): void {
  for (const stay of stays) if (stay.to === null) Object.assign(stay, { to: at, inferred: 'source-silent' })
}

/** Moment by moment: whoever is outside comes in and may go at once; whoever is inside goes and may come back at once. */
function staysOf(connection: string, facts: SessionFact[]): Stay[] {
  const joins = facts.flatMap((fact) => joinTimes(fact).map((at) => ({ at, id: fact.id })))
  const leaves = facts.filter((fact) => fact.type === 'participant-left').sort(byId)
  const moments = [...new Set([...joins, ...leaves].map((told) => told.at))].sort((a, b) => a - b)
  const stays: Stay[] = []
  let unmatched: (typeof leaves)[number] | undefined
  for (const at of moments) {
    const joinsNow = joins.some((join) => join.at === at)
    const leavesNow = leaves.filter((leave) => leave.at === at)
    const close = () => {
      const stay = stays.at(-1)
      const [leave] = leavesNow
      if (stay === undefined || leave === undefined) return
      stay.to = at
      stay.reason = leave.reason ?? null
      unmatched = leavesNow[1] === undefined ? undefined : leavesNow.at(-1)
    }
    const open = () => stays.push({ connection, from: at, to: null, reason: null, inferred: null })
    if (stays.at(-1)?.to === null) {
      if (leavesNow.length > 0) {
        close()
        if (joinsNow) open()
      }
    } else if (joinsNow) {
      open()
      close()
    } else if (leavesNow.length > 0) unmatched = leavesNow.at(-1)
  }
  // A connection is joined before it is left, whatever the clocks say.
  const stay = stays.at(-1)
  if (connection !== '' && stay !== undefined && stay.to === null && unmatched !== undefined) {
    stay.to = stay.from
    stay.reason = unmatched.reason ?? null
  }
  return stays
}

function joinTimes(fact: SessionFact): number[] {
  if (fact.type === 'participant-joined') return [fact.at]
  return fact.type === 'participant-left' && fact.joinedAt !== undefined ? [fact.joinedAt] : []
}

function nameOf(facts: SessionFact[]): string {
  const named = facts.filter((fact) => 'name' in fact && fact.name !== undefined)
  const latest = named.sort((a, b) => a.at - b.at || byId(a, b)).at(-1)
  return latest !== undefined && 'name' in latest ? (latest.name ?? '') : ''
}

function merge(stays: Stay[], end: number | null): ModelEntry[] {
  const ended = stays.map((stay) =>
    stay.to === null && end !== null ? { ...stay, to: end, reason: 'session-ended' } : stay,
  )
  const endOf = (stay: Stay) => stay.to ?? Number.POSITIVE_INFINITY
  const reported = (stay: Stay) => Number(stay.inferred === null)
  // Two stays are of one entry when a chain of others, each overlapping or touching the next, leads from one to the other.
  const groups: Stay[][] = []
  for (const stay of ended) {
    const touching = groups.filter((group) => group.some((one) => one.from <= endOf(stay) && stay.from <= endOf(one)))
    for (const group of touching) groups.splice(groups.indexOf(group), 1)
    groups.push([stay, ...touching.flat()])
  }
  return groups
    .map((group) => {
      const last = [...group]
        .sort(
          (a, b) =>
            endOf(a) - endOf(b) ||
            reported(a) - reported(b) ||
            a.from - b.from ||
            (a.connection < b.connection ? -1 : 1),
        )
        .at(-1)
      const entry: ModelEntry = { start: Math.min(...group.map((one) => one.from)), end: last?.to ?? null }
      const reason = last?.reason ?? last?.inferred
      if (reason != null) entry.reason = reason
      if (last?.inferred != null) entry.inferred = true
      return entry
    })
    .sort((a, b) => a.start - b.start)
}

function byId(a: Told, b: Told): number {
  return a.id < b.id ? -1 : 1
}
