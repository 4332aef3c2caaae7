import type { Usage, UsageRow } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { readTimesOf } from '../../record/session-times.ts'
import { inTurns } from '../../runtime/turns.ts'
import { dayMs } from '../../store/sessions/buckets.ts'
import type { Period } from '../../store/sessions/during.ts'
import type { PackedText, UsageDay } from '../../store/usage.ts'
import { readTimesDuring } from './attendance-rows.ts'
import type { Span } from './spans.ts'
import type { UsageCount } from './usage-count.ts'
import type { UsageSums } from './usage-sums.ts'

type Reads = Pick<Context['reads'], 'sessions' | 'usage'>
type Summed = Pick<Usage, 'total' | 'data'>

/** Letters of packed days that are read at once: about ten thousand times inside. */
const lettersTogether = 200_000
/** Rooms whose custom ids are read at once. */
const roomsTogether = 500

/**
 * Sums up a period session after session.
 * @param signal nobody waits for it any more
 */
export async function countSessions(
  reads: Reads,
  keyId: number,
  count: UsageCount,
  period: Period,
  signal?: AbortSignal,
): Promise<Summed> {
  for await (const session of readTimesDuring(reads, keyId, period)) {
    signal?.throwIfAborted()
    count.add(session)
  }
  return inTurns(keyId, count.finish())
}

/** Sums up a period of all rooms day after day: of those that are packed from their texts. `signal`: as above. */
export async function sumDays(
  reads: Reads,
  keyId: number,
  sums: UsageSums,
  span: Span,
  signal?: AbortSignal,
): Promise<Summed> {
  const { isByRoom } = sums
  await addSessions(reads, keyId, sums, await reads.sessions.reaching(keyId, span))
  const days = await reads.usage.days(keyId, span)
  const texts = new Map<number, PackedText>()
  for (const [i, day] of days.entries()) {
    signal?.throwIfAborted()
    const { startAt, version, unsealed } = day
    sums.settle(startAt)
    if (version !== null && !texts.has(startAt)) await readAhead(reads, keyId, days.slice(i), texts, isByRoom)
    const text = texts.get(startAt)
    texts.delete(startAt)
    if (text !== undefined && text.version === version && !(isByRoom && text.rooms === null)) {
      await addSessions(reads, keyId, sums, unsealed)
      await inTurns(keyId, sums.addDay(startAt, text.packed, text.rooms), sums)
    } else {
      const within = { from: Math.max(startAt, span.from), to: Math.min(startAt + dayMs, span.to) }
      await addSessions(reads, keyId, sums, await reads.usage.startedIn(keyId, within))
    }
  }
  const { total, data } = await inTurns(keyId, sums.finish(), sums)
  if (isByRoom) await nameRooms(reads, keyId, data)
  return { total, data }
}

async function addSessions(reads: Reads, keyId: number, sums: UsageSums, ids: string[]): Promise<void> {
  for await (const session of readTimesOf(reads, keyId, ids)) sums.add(session)
}

/** Puts the custom ids of rooms in their rows. */
async function nameRooms(reads: Reads, keyId: number, rows: UsageRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += roomsTogether) {
    const some = rows.slice(from, from + roomsTogether)
    const names = await reads.usage.roomNames(
      keyId,
      some.flatMap(({ roomId }) => roomId ?? []),
    )
    for (const row of some) row.customRoomId = names.get(row.roomId ?? '') ?? null
  }
}

/** Reads the text of the first of these days, and of those after it that go with it. */
async function readAhead(
  reads: Reads,
  keyId: number,
  days: UsageDay[],
  texts: Map<number, PackedText>,
  withRooms: boolean,
): Promise<void> {
  const wanted: number[] = []
  let letters = 0
  for (const day of days) {
    if (day.version === null) continue
    letters += day.size
    if (wanted.length > 0 && letters > lettersTogether) break
    wanted.push(day.startAt)
  }
  for (const text of await reads.usage.texts(keyId, wanted, { withRooms })) texts.set(text.startAt, text)
}
