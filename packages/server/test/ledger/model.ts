import type { Cause, SessionFact } from '@rollcall/protocol'

// The rules again, slowly: from all facts of a history at once, with no state that is kept up to date.

export type ModelEntry = { start: number; end: number | null; reason?: string; inferred?: true }
export type ModelSession = {
  start: number
  end: number | null
  people: { id: string; name: string; timelog: ModelEntry[] }[]
}

/** `lastAt`: the latest evidence of it. */
type Stay = {
  connection: string
  from: number
  to: number | null
  reason: string | null
  inferred: Cause | null
  lastAt: number
}
type Told = { at: number; id: string }

/** The visible sessions that named facts tell of, when nothing more will ever come. Each fact is given once. */
export function modelNamed(facts: SessionFact[]): ModelSession[] {
  const counting = facts.map(asPossible).map(inOneOrder)
  const keys = new Set(counting.map((fact) => `${fact.roomId} ${fact.sessionKey}`))
  return [...keys]
    .map((key) =>
      modelOne(
        counting.filter((fact) => `${fact.roomId} ${fact.sessionKey}` === key),
        'gone',
      ),
    )
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
function modelOne(said: SessionFact[], source: 'running' | 'alive' | 'gone'): ModelSession | undefined {
  const ends = said.filter((fact) => fact.type === 'session-ended').map((fact) => fact.at)
  const facts = said.map((fact) => withinEnd(fact, ends))
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
    return { id, name: nameOf(own), stays, lastAt: Math.max(...stays.map((stay) => stay.to ?? stay.lastAt)) }
  })
  const seen = people.filter((one) => one.stays.length > 0)
  const starts = facts.filter((fact) => fact.type === 'session-started').map((fact) => fact.at)
  const evidence = [...starts, ...seen.flatMap((one) => one.stays.map((stay) => stay.from))]
  const leaves = seen.flatMap((one) => one.stays.map((stay) => stay.to ?? stay.lastAt))
  if (evidence.length === 0) return undefined
  const seenAt = facts.filter((fact) => fact.type === 'participant-seen').map((fact) => fact.at)
  const start = Math.min(...evidence, ...seenAt)
  const last = Math.max(...evidence, ...leaves)
  if (ends.length === 0 && source === 'gone') for (const { stays } of seen) leaveInSilence(stays, last)
  const isEmpty = seen.every((one) => one.stays.every((stay) => stay.to !== null))
  const end = ends.length > 0 ? Math.max(last, ...ends) : isEmpty && source !== 'running' ? last : null
  return {
    start,
    end,
    people: seen
      // Whoever never left did at the end that was reported, or at later evidence of them.
      .map(({ id, name, stays, lastAt }) => ({
        id,
        name,
        timelog: merge(stays, ends.length > 0 ? Math.max(lastAt, ...ends) : end),
      }))
      .sort((a, b) => (a.timelog[0]?.start ?? 0) - (b.timelog[0]?.start ?? 0) || (a.id < b.id ? -1 : 1)),
  }
}

const aheadMaxMs = 5 * 60_000
const pastMaxMs = 31 * 24 * 3_600_000

/** A time that cannot be is not used: of a fact stands the time it came for it, of a join nothing. */
function asPossible(fact: SessionFact): SessionFact {
  const { receivedAt, source } = fact
  const isPossible = (at: number) =>
    at <= receivedAt + aheadMaxMs && (source === 'events' || at >= receivedAt - pastMaxMs)
  const possible = { ...fact, at: isPossible(fact.at) ? fact.at : receivedAt }
  if (possible.type === 'participant-left' && possible.at !== fact.at && source !== 'events') possible.isUndated = true
  if (possible.type === 'participant-left' && possible.joinedAt !== undefined && !isPossible(possible.joinedAt)) {
    delete possible.joinedAt
  }
  return possible
}

/** A stay told whole never ends before it begins, whatever the clocks say. */
function inOneOrder(fact: SessionFact): SessionFact {
  if (fact.type !== 'participant-left' || fact.joinedAt === undefined) return fact
  return { ...fact, at: Math.max(fact.at, fact.joinedAt) }
}

/** A leave that nobody says the time of was no later than the end that was reported. */
function withinEnd(fact: SessionFact, ends: number[]): SessionFact {
  if (fact.type !== 'participant-left' || !fact.isUndated || ends.length === 0) return fact
  return { ...fact, at: Math.max(fact.joinedAt ?? 0, Math.min(fact.at, Math.max(...ends))) }
}

function leaveInSilence(stays: Stay[], at: number): void {
  for (const stay of stays) if (stay.to === null) Object.assign(stay, { to: at, inferred: 'source-silent' })
}

const stragglerMs = 10_000
const sameJoinMs = 1000

type Whole = Told & { from: number; reason: string | null }

/** Stays of one connection: those told whole, and those that the rest tells of moment by moment, put together. */
function staysOf(connection: string, facts: SessionFact[]): Stay[] {
  const leaves = facts.filter((fact) => fact.type === 'participant-left').sort(byId)
  const whole: Whole[] = leaves.flatMap(({ id, at, joinedAt: from, reason = null }) =>
    from === undefined ? [] : [{ id, at, from, reason }],
  )
  let joins: number[] = facts.filter((fact) => fact.type === 'participant-joined').map((fact) => fact.at)
  let rest = leaves
  const told: Stay[] = []
  for (const { id, from, at, reason } of whole) {
    const exact = facts.some((fact) => fact.type === 'participant-joined' && fact.at === from)
    const within = exact || connection !== '' ? 0 : sameJoinMs
    const own = facts.filter((fact) => fact.type === 'participant-joined' && Math.abs(fact.at - from) <= within)
    told.push(stay(Math.min(from, ...own.map((join) => join.at)), at, reason))
    joins = joins.filter((join) => Math.abs(join - from) > within)
    // A connection is inside once, so the rest is told with it; a person without connections may be inside twice.
    if (connection === '' && own.length > 0) rest = rest.filter((leave) => leave.id !== id)
  }
  if (connection !== '') joins.push(...whole.map(({ from }) => from))
  const seen = firstAndLast(facts.filter((fact) => fact.type === 'participant-seen'))
    .map((fact) => fact.at)
    .filter((at) => !told.some((one) => one.from - sameJoinMs <= at && at <= (one.to ?? 0) + stragglerMs))
  const allJoins = facts.flatMap((fact) => joinTimes(fact))
  return [...walk(), ...told]

  function stay(from: number, to: number | null, reason: string | null): Stay {
    return { connection, from, to, reason, inferred: null, lastAt: to ?? from }
  }

  /** As many leaves as joins of one moment close; whoever is inside goes before they come back. */
  function walk(): Stay[] {
    const stays: Stay[] = []
    let unmatched: (typeof leaves)[number] | undefined
    const moments = [...new Set([...joins, ...seen, ...rest.map((leave) => leave.at)])].sort((a, b) => a - b)
    for (const at of moments) {
      let comes = joins.filter((join) => join === at).length
      const goes = rest.filter((leave) => leave.at === at)
      const isSeen = seen.includes(at)
      let open = stays.find((one) => one.to === null)
      const join = () => {
        open = stay(at, null, null)
        stays.push(open)
      }
      if (isSeen && comes === 0 && open === undefined) {
        const late = stays.some((one) => at - (one.to ?? 0) <= stragglerMs)
        const early = allJoins.some((join) => join > at && join - at <= sameJoinMs)
        if (!late && !early) join()
      }
      for (const leave of goes) {
        if (open === undefined && comes > 0) {
          comes -= 1
          join()
        }
        if (open !== undefined) {
          Object.assign(open, { to: at, reason: leave.reason ?? null, lastAt: at })
          open = undefined
          unmatched = undefined
        } else if (leave.joinedAt === undefined) unmatched = leave
      }
      if (open === undefined && comes > 0) join()
      if (open !== undefined && (comes > 0 || joins.includes(at) || isSeen)) open.lastAt = at
    }
    // A connection is joined before it is left, whatever the clocks say.
    const last = stays.at(-1)
    if (connection !== '' && last !== undefined && last.to === null && unmatched !== undefined) {
      Object.assign(last, { to: last.from, reason: unmatched.reason ?? null, lastAt: last.from })
    }
    return stays
  }
}

/** Of each quarter of an hour in which the same was said of somebody. */
function firstAndLast(seen: Extract<SessionFact, { type: 'participant-seen' }>[]): Told[] {
  const alike = Map.groupBy(seen, ({ at, name }) => JSON.stringify([Math.floor(at / 900_000), name]))
  return [...alike.values()].flatMap((group) => {
    const ordered = group.sort((a, b) => a.at - b.at || byId(a, b))
    return [ordered[0], ordered.at(-1)].filter((one) => one !== undefined)
  })
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
            compareText(a.connection, b.connection) ||
            compareText(a.reason ?? '', b.reason ?? ''),
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

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
