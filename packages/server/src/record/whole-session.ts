import { createSum, type Sums } from '../ledger/presence.ts'
import type { SessionPart } from '../store/sessions/records.ts'
import { addDetails, showRecordings } from './media-view.ts'
import type { Reads } from './nouns.ts'
import { toParticipants, toSessionOf, type ViewOptions } from './session-view.ts'

// A session with all of its people, however many: they are read, folded and written a slice at a time.

type SessionReads = Pick<Reads['sessions'], 'find' | 'people' | 'presences'>
type WholeReads = { sessions: SessionReads; media: Pick<Reads['media'], 'list'> }

/** A session that changes while it is read is read again, so often at most. */
const readsMax = 3

/**
 * The JSON of a session as the API shows it, in the pieces it was made in.
 * @param more fields that are added to it
 * @param signal nobody waits for it any more
 */
export async function writeWholeSession(
  reads: WholeReads,
  keyId: number,
  record: SessionPart,
  view: ViewOptions,
  { more = {}, signal }: { more?: object; signal?: AbortSignal | undefined } = {},
): Promise<Buffer[]> {
  let read = record
  for (let tries = 1; ; tries++) {
    const { pieces, slices } = await writeOnce(reads, keyId, read, view, { more, signal })
    if (slices <= 1 || tries >= readsMax) return pieces
    const after = await reads.sessions.find(keyId, record.session.id)
    if (after === undefined || stateOf(after.session) === stateOf(read.session)) return pieces
    read = after
  }
}

async function writeOnce(
  reads: WholeReads,
  keyId: number,
  record: SessionPart,
  view: ViewOptions,
  { more, signal }: { more: object; signal: AbortSignal | undefined },
): Promise<{ pieces: Buffer[]; slices: number }> {
  const { session } = record
  const sum = createSum(view.now)
  const people: Buffer[] = []
  for await (const slice of reads.sessions.people(keyId, session.id)) {
    signal?.throwIfAborted()
    const part = { session, ...slice }
    const shown = await addDetails(reads.media, keyId, part, toParticipants(part, view.now, sum))
    const texts = shown.map((one) => JSON.stringify(one))
    people.push(Buffer.from(`${people.length === 0 ? '' : ','}${texts.join(',')}`))
  }
  const recordings = await showRecordings(reads.media, keyId, session)
  const text = JSON.stringify({ ...toSessionOf(record, [], sum.sum(), view), ...recordings, ...more })
  // No text before it can hold this: a quotation mark within a text is escaped.
  const at = text.indexOf(noPeople) + noPeople.length - 1
  return { pieces: [Buffer.from(text.slice(0, at)), ...people, Buffer.from(text.slice(at))], slices: people.length }
}

const noPeople = '"participants":[]'

/** Sessions whose sums are kept; those that were asked for longest ago are forgotten first. */
const sumsMax = 1000

/**
 * What a session amounts to: of one that did not change since it was asked for, at once.
 * @param signal nobody waits for it any more
 */
export type SumsOf = (
  keyId: number,
  session: SessionPart['session'],
  now: number,
  signal?: AbortSignal,
) => Promise<Sums>

export function createSums(reads: SessionReads): SumsOf {
  /** `inside`: persons who are, while whom the sums grow. */
  const kept = new Map<string, { state: string; now: number; sums: Sums; inside: number }>()
  return async (keyId, session, now, signal) => {
    const name = `${keyId} ${session.id}`
    const state = stateOf(session)
    const known = kept.get(name)
    kept.delete(name)
    if (known?.state === state && known.now <= now) {
      kept.set(name, known)
      const { sums, inside } = known
      const passedMs = now - known.now
      return {
        ...sums,
        insideMs: sums.insideMs + inside * passedMs,
        activeMs: sums.activeMs + (inside > 0 ? passedMs : 0),
      }
    }
    const sum = createSum(now)
    let inside = 0
    let isAhead = false
    for await (const some of reads.presences(keyId, session)) {
      signal?.throwIfAborted()
      sum.add(some)
      for (const times of some.values()) {
        const last = times.at(-1)
        if (last?.leftAt === null) inside += 1
        isAhead ||= last !== undefined && last.joinedAt > now
      }
    }
    const sums = sum.sum()
    // Where a clock is ahead of ours, time passes before the sums grow.
    if (!isAhead) kept.set(name, { state, now, sums, inside })
    for (const oldest of kept.keys()) if (kept.size > sumsMax) kept.delete(oldest)
    return sums
  }
}

/** What differs whenever anybody's stay does. */
function stateOf(session: SessionPart['session']): string {
  const { updatedAt, revision, people, inside, closedMs, openSinceSum, pastEndMs, endAt, endedAt, lastAt } = session
  return [updatedAt, revision, people, inside, closedMs, openSinceSum, pastEndMs, endAt, endedAt, lastAt].join(' ')
}
