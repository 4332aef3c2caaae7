import { dayMs, startOfDay } from '../store/database/days.ts'
import type { LogDays } from '../store/database/postgres/log-days.ts'
import type { KeyRetention, OldLog, OldSessions } from '../store/retention.ts'
import type { Reads, Writes } from './nouns.ts'

/** What the server says, in milliseconds; `retentionMs` undefined: sessions are kept for ever. */
export type ServerRetention = { logMs: number; retentionMs: number | undefined }

export type RetainingStore = {
  reads: Pick<Reads, 'retention'>
  writes: Pick<Writes, 'retention'>
  logDays: LogDays | undefined
  /** Leaves nothing of what was erased beside the record. */
  scrub(): Promise<void>
}

/** For how long sessions are kept: the owner may say less than the server, and never more. Undefined: for ever. */
export function keptMs(ownDays: number | null, retentionMs: number | undefined): number | undefined {
  if (ownDays === null) return retentionMs
  return Math.min(ownDays * dayMs, retentionMs ?? Number.POSITIVE_INFINITY)
}

/**
 * Ends the keeping of what is old by the time that is confirmed: of the sessions of a room as it is said of the room, else as it is said of its
 * key, else as the server says. What is erased is not in the log either: that of a key is kept no longer than the sessions of any of its rooms.
 */
export async function retainRecord(
  { reads, writes, logDays, scrub }: RetainingStore,
  now: number,
  { logMs, retentionMs, confirmedAt }: ServerRetention & { confirmedAt: number },
): Promise<void> {
  const keys = await reads.retention.listSettings()
  let erased = 0
  const erase = async (old: OldSessions[]) => {
    for (let some = old.length; some > 0; erased += some) some = await writes.retention.eraseSessions({ old })
  }
  await erase(keys.flatMap((key) => ofKey(key, { retentionMs, confirmedAt })))
  for (const key of keys) {
    for await (const old of listOfRooms(reads, key, { retentionMs, confirmedAt })) await erase(old)
  }
  const logs = keys.map((key) => logOf(key, { logMs, retentionMs, confirmedAt }))
  for (let some = logs.length; some > 0; ) some = await writes.retention.dropLog({ old: logs })
  await logDays?.make(now)
  await logDays?.dropBefore(startOfDay(confirmedAt - logMs))
  if (erased > 0) await scrub()
}

type By = { retentionMs: number | undefined; confirmedAt: number }

/** Whether a room of it is kept for longer than others: then what is old is looked for room by room, as old sessions that stay are passed over. */
function keepsLonger({ days, roomsMax }: KeyRetention, retentionMs: number | undefined): boolean {
  const ownMs = keptMs(days, retentionMs)
  return ownMs !== undefined && roomsMax !== null && (keptMs(roomsMax, retentionMs) ?? 0) > ownMs
}

function ofKey(key: KeyRetention, { retentionMs, confirmedAt }: By): OldSessions[] {
  const ownMs = keptMs(key.days, retentionMs)
  if (ownMs === undefined || keepsLonger(key, retentionMs)) return []
  return [{ keyId: key.keyId, before: confirmedAt - ownMs }]
}

/** Of rooms of which it is said for how long; and of the others where not all of the key's may go. */
async function* listOfRooms(
  { retention }: RetainingStore['reads'],
  key: KeyRetention,
  { retentionMs, confirmedAt }: By,
): AsyncGenerator<OldSessions[]> {
  const { keyId, days, roomsMax } = key
  if (roomsMax === null) return
  const ownMs = keptMs(days, retentionMs)
  const otherwise = ownMs !== undefined && keepsLonger(key, retentionMs) ? ownMs / dayMs : undefined
  const daysMax = (retentionMs ?? Number.POSITIVE_INFINITY) / dayMs
  for (let after: string | undefined = ''; after !== undefined; ) {
    const kept = { confirmedAt, daysMax: Math.min(daysMax, roomsMax), otherwise }
    const page: Awaited<ReturnType<typeof retention.listDueRooms>> = await retention.listDueRooms(keyId, after, kept)
    yield page.due.map((room) => {
      const roomMs = room.days === null ? ownMs : keptMs(room.days, retentionMs)
      return { keyId, roomId: room.roomId, before: confirmedAt - (roomMs ?? Number.POSITIVE_INFINITY) }
    })
    after = page.next
  }
}

function logOf(
  { keyId, days, roomsMin }: KeyRetention,
  { logMs, retentionMs, confirmedAt }: ServerRetention & By,
): OldLog {
  const shortestMs = Math.min(keptMs(days, retentionMs) ?? logMs, keptMs(roomsMin, retentionMs) ?? logMs)
  const isOwn = shortestMs < logMs
  // What is kept no longer on anybody's account goes by whole days.
  return { keyId, before: isOwn ? confirmedAt - shortestMs : startOfDay(confirmedAt - logMs), isOwn }
}
