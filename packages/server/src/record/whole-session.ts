import { createPresenceSum, type Presence } from '../ledger/presence.ts'
import { toTimelogs } from '../ledger/timelogs.ts'
import type { SessionRecord } from '../store/sessions/records.ts'
import type { Reads } from './nouns.ts'
import { toParticipants, toSessionOf, type ViewOptions } from './session-view.ts'

// A session with all of its people, however many: they are read, folded and written a slice at a time.

type SessionReads = Pick<Reads['sessions'], 'find' | 'people'>

/** A session that changes while it is read is read again, so often at most. */
const readsMax = 3

/**
 * The JSON of a session as the API shows it, in the pieces it was made in.
 * @param more fields that are added to it
 */
export async function writeWholeSession(
  reads: SessionReads,
  keyId: number,
  record: SessionRecord,
  view: ViewOptions,
  more: object = {},
): Promise<Buffer[]> {
  let read = record
  for (let tries = 1; ; tries++) {
    const { pieces, slices } = await writeOnce(reads, keyId, read, view, more)
    if (slices <= 1 || tries >= readsMax) return pieces
    const after = await reads.find(keyId, record.session.id)
    if (after === undefined || stateOf(after) === stateOf(read)) return pieces
    read = after
  }
}

async function writeOnce(
  reads: SessionReads,
  keyId: number,
  record: SessionRecord,
  view: ViewOptions,
  more: object,
): Promise<{ pieces: Buffer[]; slices: number }> {
  const { session } = record
  const sum = createPresenceSum(view.now)
  const people: Buffer[] = []
  for await (const slice of reads.people(keyId, session.id)) {
    const texts = toParticipants({ session, ...slice }, view.now, sum).map((one) => JSON.stringify(one))
    people.push(Buffer.from(`${people.length === 0 ? '' : ','}${texts.join(',')}`))
  }
  const text = JSON.stringify({ ...toSessionOf(record, [], sum.sum(), view), ...more })
  // No text before it can hold this: a quotation mark within a text is escaped.
  const at = text.indexOf(noPeople) + noPeople.length - 1
  return { pieces: [Buffer.from(text.slice(0, at)), ...people, Buffer.from(text.slice(at))], slices: people.length }
}

const noPeople = '"participants":[]'

/** Presences of large sessions that are kept, those that were asked for longest ago forgotten first. */
const presencesMax = 1000

/** How long somebody was inside, and how many at most: of a session that did not change since it was asked before, at once. */
export type Presences = (keyId: number, record: SessionRecord, now: number) => Promise<Presence>

export function createPresences(reads: SessionReads): Presences {
  const kept = new Map<string, { state: string; now: number; presence: Presence; grows: boolean }>()
  return async (keyId, record, now) => {
    const { session } = record
    const name = `${keyId} ${session.id}`
    const state = stateOf(record)
    const known = kept.get(name)
    kept.delete(name)
    if (known?.state === state && known.now <= now) {
      kept.set(name, known)
      const { activeMs, maxInside } = known.presence
      return { activeMs: known.grows ? activeMs + now - known.now : activeMs, maxInside }
    }
    const sum = createPresenceSum(now)
    let isAhead = false
    let grows = false
    for await (const slice of reads.people(keyId, session.id)) {
      const logs = toTimelogs({ session, marks: slice.marks })
      sum.add(logs.values())
      for (const log of logs.values()) {
        const last = log.at(-1)
        isAhead ||= last !== undefined && last.joinedAt > now
        grows ||= last?.leftAt === null
      }
    }
    const presence = sum.sum()
    // Where a clock is ahead of ours, time passes before the sum grows.
    if (!isAhead) {
      kept.set(name, { state, now, presence, grows })
      for (const oldest of kept.keys()) if (kept.size > presencesMax) kept.delete(oldest)
    }
    return presence
  }
}

/** What differs whenever anybody's stay does. */
function stateOf({ session }: SessionRecord): string {
  const { updatedAt, revision, people, inside, closedMs, openSinceSum, pastEndMs, endAt, endedAt, lastAt } = session
  return [updatedAt, revision, people, inside, closedMs, openSinceSum, pastEndMs, endAt, endedAt, lastAt].join(' ')
}
