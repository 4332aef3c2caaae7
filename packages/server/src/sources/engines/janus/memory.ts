/** Most Janus servers that are remembered; the ones seen longest ago are dropped. */
const memoriesMax = 1000
/** Most handles of one Janus that are remembered. */
const handlesMax = 100_000
/** Somebody who left is remembered for this long, in microseconds: the same event may be sent again. */
const goneUs = 60_000_000

type Who = { roomId: string; participantId: string }
type Occupant = Who & { goneAt: number | null }

/**
 * What is remembered of one Janus from one event to the next: by which handle somebody joined, since a leave names no handle
 * and the end of a handle names nobody. It is lost when the server stops: the record is then less exact, and still right. The
 * same events give the same answers again. Times are microseconds.
 */
export type Memory = {
  noteSeen(at: number): void
  join(who: Who, handle: { sessionId: string; handleId: string }, at: number): void
  leave(who: Who, at: number): void
  /** Likewise; one more leave of theirs is expected. */
  kick(who: Who, at: number): void
  /** Whether a leave at that time is the one that follows a kick. */
  isAfterKick(who: Who, at: number): boolean
  endRoom(roomId: string, at: number): void
  isInside(who: Who): boolean
  /** Who is inside by that handle. */
  findInside(sessionId: string, handleId: string): Who | undefined
  /** Removes and returns who was inside by that handle, and had not left. */
  endHandle(sessionId: string, handleId: string, at: number): Who[]
  /** The same of all handles of a session. */
  endSession(sessionId: string, at: number): Who[]
  /** Forgets everyone. Returns the time of the last event before the restart; undefined where there was none. */
  restart(at: number): number | undefined
}

export function createMemories(): { of(sourceId: string, emitter: string): Memory } {
  const memories = new Map<string, Memory>()
  return {
    of(sourceId, emitter) {
      const name = `${sourceId} ${emitter}`
      const memory = memories.get(name) ?? createMemory()
      memories.delete(name)
      memories.set(name, memory)
      const [oldest = ''] = memories.keys()
      if (memories.size > memoriesMax) memories.delete(oldest)
      return memory
    },
  }
}

function createMemory(): Memory {
  const sessions = new Map<string, Map<string, Occupant>>()
  const inside = new Map<string, Occupant>()
  /** When the leave after their kick came; null where it did not come yet. */
  const kicked = new Map<string, { at: number; leftAt: number | null }>()
  let lastSeenAt: number | undefined
  let restarted: { at: number; lastSeenAt: number | undefined } | undefined
  let joins = 0

  return {
    noteSeen(at) {
      lastSeenAt = Math.max(lastSeenAt ?? 0, at)
    },
    join(who, { sessionId, handleId }, at) {
      const handles = sessions.get(sessionId) ?? new Map<string, Occupant>()
      // A join by another handle means that they left by the older one.
      leave(who, at)
      const occupant = { ...who, goneAt: null }
      sessions.set(sessionId, handles.set(handleId, occupant))
      inside.set(keyOf(who), occupant)
      joins += 1
      if (joins >= handlesMax) prune(at)
    },
    leave,
    kick(who, at) {
      leave(who, at)
      const known = kicked.get(keyOf(who))
      if (known?.at !== at) kicked.set(keyOf(who), { at, leftAt: null })
      const [oldest = ''] = kicked.keys()
      if (kicked.size > handlesMax) kicked.delete(oldest)
    },
    isAfterKick(who, at) {
      const kick = kicked.get(keyOf(who))
      if (kick === undefined || at < kick.at || (kick.leftAt !== null && kick.leftAt !== at)) return false
      kick.leftAt = at
      return true
    },
    endRoom(roomId, at) {
      for (const occupant of inside.values()) if (occupant.roomId === roomId) leave(occupant, at)
    },
    isInside: (who) => inside.has(keyOf(who)),
    findInside(sessionId, handleId) {
      const occupant = sessions.get(sessionId)?.get(handleId)
      return occupant?.goneAt === null ? occupant : undefined
    },
    endHandle(sessionId, handleId, at) {
      return end([sessions.get(sessionId)?.get(handleId)], at)
    },
    endSession(sessionId, at) {
      return end(sessions.get(sessionId)?.values() ?? [], at)
    },
    restart(at) {
      sessions.clear()
      inside.clear()
      kicked.clear()
      if (restarted?.at !== at) restarted = { at, lastSeenAt }
      return restarted.lastSeenAt
    },
  }

  function leave(who: Who, at: number): void {
    const occupant = inside.get(keyOf(who))
    if (occupant === undefined) return
    occupant.goneAt = at
    inside.delete(keyOf(who))
  }

  function end(occupants: Iterable<Occupant | undefined>, at: number): Who[] {
    const gone: Who[] = []
    for (const occupant of occupants) {
      if (occupant === undefined || (occupant.goneAt !== null && occupant.goneAt !== at)) continue
      leave(occupant, at)
      gone.push({ roomId: occupant.roomId, participantId: occupant.participantId })
    }
    return gone
  }

  function prune(now: number): void {
    joins = 0
    for (const [sessionId, handles] of sessions) {
      for (const [handleId, { goneAt }] of handles) {
        if (goneAt !== null && goneAt < now - goneUs) handles.delete(handleId)
        else joins += 1
      }
      if (handles.size === 0) sessions.delete(sessionId)
    }
    // More than a Janus holds. Whose handle is forgotten still leaves by their own event.
    if (joins < handlesMax) return
    sessions.clear()
    inside.clear()
    joins = 0
  }
}

function keyOf({ roomId, participantId }: Who): string {
  return JSON.stringify([roomId, participantId])
}
