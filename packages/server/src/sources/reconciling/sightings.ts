import type { Context } from '../../context.ts'
import { repeat } from '../../runtime/repeat.ts'
import type { Source } from '../../store/sources.ts'
import type { ReportedFact, Sighting } from '../engines/engine.ts'
import { loggedNameOf } from '../source-name.ts'

/** Sightings of one connection are recorded at most this often, in milliseconds: a crash loses those of this time at most. */
export const sightingIntervalMs = 30_000
/** A sighting that follows a leave this closely was on its way when its connection left, in milliseconds. */
const stragglerMs = 10_000

/**
 * What shows in passing that somebody is inside, or that a session runs, comes many times a second. Only what tells something
 * new is recorded at once; the latest of the rest waits in memory for the next round.
 */
export type Sightings = {
  /** The sightings of a delivery that are to be recorded at once; the others wait. */
  select(source: Source, sightings: Sighting[]): Sighting[]
  /** Facts of a source are durable: older sightings tell nothing new. */
  noteRecorded(source: Source, facts: ReportedFact[]): void
  /** Takes those of a source that wait. */
  take(source: Source): Sighting[]
  /** Records those that wait. */
  stop(): Promise<void>
}

/** What is known of a connection, or of a session. */
type Known = {
  source: Source
  /** The latest evidence that is recorded, by the sender's clock. */
  recordedAt: number
  /** The connection left then. */
  leftAt: number | undefined
  /** What they were called last, as far as a fact said. */
  name: string | undefined
  waiting: Sighting | undefined
  /** Nothing was noted of it since the last round. */
  isQuiet: boolean
}

/** @param recordSightings records those of a source that waited */
export function startSightings(
  { log }: Pick<Context, 'log'>,
  recordSightings: (source: Source, sightings: Sighting[]) => Promise<void>,
): Sightings {
  const connections = new Map<string, Known>()
  const rounds = repeat(sightingIntervalMs, runRound, (err) => log.error({ err }, 'sightings not recorded'))

  return {
    select(source, sightings) {
      return sightings.filter((sighting) => {
        const known = connections.get(nameOf(source, sighting))
        if (known === undefined) return true
        const { recordedAt, leftAt, name, waiting } = known
        if (sighting.at <= recordedAt) return false
        if (leftAt !== undefined) return sighting.at - leftAt > stragglerMs
        if (sighting.at - recordedAt >= sightingIntervalMs) return true
        if (sighting.participant?.name !== undefined && sighting.participant.name !== name) return true
        if (waiting === undefined || waiting.at < sighting.at) known.waiting = sighting
        known.isQuiet = false
        return false
      })
    },

    noteRecorded(source, facts) {
      for (const fact of facts) {
        const sighting = toSighting(fact)
        if (sighting === undefined) continue
        const name = nameOf(source, sighting)
        const { recordedAt = 0, waiting, name: nameBefore } = connections.get(name) ?? {}
        const leftAt = fact.type === 'participant-left' ? fact.at : undefined
        connections.set(name, {
          source,
          recordedAt: Math.max(recordedAt, fact.at),
          leftAt,
          name: ('name' in fact ? fact.name : undefined) ?? nameBefore,
          waiting: leftAt === undefined && waiting !== undefined && waiting.at > fact.at ? waiting : undefined,
          isQuiet: false,
        })
      }
    },

    take: takeWaiting,

    async stop() {
      await rounds.stop()
      await recordWaiting()
    },
  }

  async function runRound(): Promise<void> {
    await recordWaiting()
    for (const [name, known] of connections) {
      if (known.isQuiet) connections.delete(name)
      known.isQuiet = true
    }
  }

  async function recordWaiting(): Promise<void> {
    const sources = new Map([...connections.values()].map(({ source }) => [source.id, source]))
    for (const source of sources.values()) {
      const sightings = takeWaiting(source)
      if (sightings.length === 0) continue
      await recordSightings(source, sightings).catch((err) => {
        log.error({ err, source: loggedNameOf(source.id) }, 'sightings not recorded; the next round retries')
        for (const sighting of sightings) putBack(source, sighting)
      })
    }
  }

  function takeWaiting({ id }: Source): Sighting[] {
    const taken: Sighting[] = []
    for (const known of connections.values()) {
      if (known.waiting === undefined || known.source.id !== id) continue
      taken.push(known.waiting)
      known.waiting = undefined
    }
    return taken
  }

  function putBack(source: Source, sighting: Sighting): void {
    const known = connections.get(nameOf(source, sighting))
    if (known !== undefined) known.waiting ??= sighting
  }
}

/** As a fact. Of a session alone: that it ran then. */
export function toSightedFact({ participant, ...place }: Sighting): ReportedFact {
  if (participant === undefined) return { type: 'session-started', ...place }
  return { type: 'participant-seen', ...place, ...participant }
}

/** What a fact shows of a connection or a session; undefined where that is nothing. */
function toSighting(fact: ReportedFact): Sighting | undefined {
  const { roomId, at, sessionKey, reporter } = fact
  const place = {
    roomId,
    at,
    ...(sessionKey !== undefined && { sessionKey }),
    ...(reporter !== undefined && { reporter }),
  }
  switch (fact.type) {
    case 'session-started':
      return place
    case 'participant-joined':
    case 'participant-left':
    case 'participant-seen':
    case 'media-started':
    case 'media-stopped': {
      const { participantId, connectionId } = fact
      return { ...place, participant: { participantId, ...(connectionId !== undefined && { connectionId }) } }
    }
    default:
      return undefined
  }
}

function nameOf({ id }: Source, { roomId, sessionKey, reporter, participant }: Sighting): string {
  // A connection is one person's, whatever a passing event calls them.
  const who = participant && (participant.connectionId ?? [participant.participantId])
  return JSON.stringify([id, reporter, roomId, sessionKey, who])
}
