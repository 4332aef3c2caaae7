import type { SessionFact } from '@rollcall/protocol'
import type { Random } from './random.ts'

// What happens in the rooms of media servers that do not exist.

/** What one media server has to tell in one round. */
export type Told = {
  source: string
  /** It tells things in the order in which they happened, as its facts do not carry their session. */
  inOrder: boolean
  facts: SessionFact[]
}

export type World = {
  /** What happens in the next round. */
  nextRound(): Told[]
}

/** An unnamed session is over when nobody came back within this, in seconds. */
export const graceSeconds = 2

const startAt = Date.UTC(2026, 0, 5, 9)
/** Few moments, so that things meet in them: the rules are about what meets. */
const momentMs = 7000
const moments = 12
const namedSources = ['sfu-1', 'sfu-2', 'sfu-3']
const orderedSources = ['bridge-1', 'bridge-2']
/** From one thing to the next in an ordered room: about the grace, below it and above it. */
const gapsMs = [0, 1, 700, 1999, 2000, 2001, 4500]

export function createWorld(random: Random): World {
  let round = 0
  const rooms = new Map(orderedSources.map((source) => [source, createOrderedRoom(random, source)]))
  return {
    nextRound() {
      round += 1
      return [
        ...namedSources.map((source) => ({
          source,
          inOrder: false,
          facts: [1, 2, 3].flatMap((n) => tellNamed(random, source, `${source} ${round}.${n}`)),
        })),
        ...orderedSources.map((source) => ({ source, inOrder: true, facts: rooms.get(source)?.tell(20) ?? [] })),
      ]
    },
  }
}

/** One or two lives of a room of its own, told by their names. */
function tellNamed(random: Random, source: string, roomId: string): SessionFact[] {
  const connections = random.chance(0.7)
  const lives = 1 + random.below(2)
  let told = 0
  const facts: SessionFact[] = []
  for (let life = 0; life < lives; life++) {
    const about = (type: string) => {
      told += 1
      const at = startAt + random.below(moments) * momentMs
      return {
        id: `${roomId}: ${told}`,
        type,
        source: `events/${source}`,
        roomId,
        sessionKey: `${roomId} life ${life}`,
        at,
        receivedAt: at,
      }
    }
    for (let i = 2 + random.below(14); i > 0; i--) {
      const who = random.below(4)
      const participantId = `p${who}`
      const of = { participantId, ...(connections && { connectionId: `c${who}-${random.below(3)}` }) }
      const kind = random.below(10)
      if (kind < 4) {
        const name = random.chance(0.6) && `name ${random.below(4)}`
        facts.push({ ...about('participant-joined'), ...of, ...(name && { name }) } as SessionFact)
      } else {
        const joinedAt = kind === 9 && startAt + random.below(moments) * momentMs
        const left = about('participant-left')
        const at = Math.max(left.at, joinedAt || 0)
        facts.push({ ...left, ...of, at, reason: `reason ${left.id}`, ...(joinedAt && { joinedAt }) } as SessionFact)
      }
    }
    if (random.chance(0.5)) facts.push(about('session-started') as SessionFact)
    facts.push(about('session-ended') as SessionFact)
  }
  return facts
}

/** A room in which one session follows another, some leaves are never told, and some things twice. */
function createOrderedRoom(random: Random, source: string) {
  const inside = new Map<number, string>()
  let at = startAt
  let told = 0
  return {
    tell(count: number): SessionFact[] {
      const facts: SessionFact[] = []
      while (facts.length < count) {
        at += random.pick(gapsMs)
        told += 1
        const who = random.below(4)
        const connectionId = inside.get(who)
        const id = `${source}: ${told}`
        const base = {
          id,
          source: `events/${source}`,
          roomId: `${source} room`,
          at,
          receivedAt: at,
          participantId: `p${who}`,
          connectionId: connectionId ?? `c${told}`,
        }
        if (connectionId === undefined) inside.set(who, base.connectionId)
        else inside.delete(who)
        if (connectionId === undefined) facts.push({ ...base, type: 'participant-joined', name: `name ${who}` })
        else if (random.chance(0.95)) facts.push({ ...base, type: 'participant-left', reason: `reason ${id}` })
        const last = facts.at(-1)
        if (last?.id === id && random.chance(0.2)) facts.push(last)
      }
      return facts
    },
  }
}
