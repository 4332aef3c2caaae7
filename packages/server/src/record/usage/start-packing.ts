import { type Repeated, repeat } from '../../runtime/repeat.ts'
import { startOfDay } from '../../store/usage.ts'
import type { Reads, Writes } from '../nouns.ts'
import type { Store } from '../open-store.ts'
import type { UpkeepParts } from '../upkeep.ts'

/** How often is looked for days that are to be packed, in milliseconds. */
const packIntervalMs = 10_000
/** A day is packed this long after it, in milliseconds: by then most of its sessions have ended. */
const packAfterMs = 3_600_000

/** Packs the days of the past for what sums them up, where they are not packed or no longer so. A record from before there were any moves there by it. */
export function startPacking(
  { reads, writes, factsWaiting }: Pick<Store, 'reads' | 'writes' | 'factsWaiting'>,
  { clock, log, isMine, intervalMs = packIntervalMs }: UpkeepParts & { intervalMs?: number },
): Repeated {
  /** Keys of which all is packed, and until when, by what they were like then. */
  const done = new Map<number, string>()
  return repeat(
    intervalMs,
    async (stopping) => {
      // Facts go before: what is not packed now is at the next look.
      const mayGoOn = () => !stopping.aborted && isMine('seal') && factsWaiting() === 0
      if (!mayGoOn()) return
      const to = startOfDay(clock.now() - packAfterMs)
      for (const { keyId, state } of await reads.usage.keys()) {
        const is = `${state} ${to}`
        if (done.get(keyId) !== is && (await packDays({ reads, writes }, keyId, to, mayGoOn))) done.set(keyId, is)
        if (!mayGoOn()) return
      }
    },
    (err) => log.error({ err }, 'days were not packed: usage is summed up slower until the next run'),
  )
}

type Parts = { reads: Pick<Reads, 'usage' | 'packing'>; writes: Pick<Writes, 'usage'> }

/** Packs the days of a key that began before `to` and are to be packed. Gives whether all are. */
export async function packDays(
  { reads, writes }: Parts,
  keyId: number,
  to: number,
  mayGoOn: () => boolean = () => true,
): Promise<boolean> {
  let all = true
  for (let after: number | undefined = Number.MIN_SAFE_INTEGER; after !== undefined; ) {
    const found: { days: number[]; next: number | undefined } = await reads.usage.toPack(keyId, { after, to })
    for (const startAt of found.days) {
      if (!mayGoOn()) return false
      const { isWhole, ...packed } = await reads.packing.pack(keyId, startAt)
      all &&= isWhole
      // What is over and not sealed yet is soon: it would not hold for long.
      if (isWhole) await writes.usage.keep({ keyId, startAt, ...packed })
    }
    after = found.next
  }
  return all
}
