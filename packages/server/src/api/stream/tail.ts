import type { NumberedChange } from '@rollcall/protocol'
import type { Logger } from 'pino'
import type { ChangeSignal } from '../../record/change-signal.ts'
import type { Reads } from '../../record/nouns.ts'
import { type Repeated, repeat } from '../../runtime/repeat.ts'
import { coalesce } from '../../runtime/single-flight.ts'
import type { FeedLimits } from './limits.ts'

/** The end of the numbered log of each key that somebody follows, read once for all its readers. */
export type Tails = {
  /**
   * Every change of the key from the one after `after`, in order, a page at a time, until `signal` is aborted. A reader gets
   * the next page when it asks for it: nothing is kept for one that is slow.
   */
  follow(keyId: number, after: number, signal: AbortSignal): AsyncGenerator<NumberedChange[]>
  stop(): Promise<void>
}

type Parts = {
  reads: Pick<Reads, 'changes'>
  log: Logger
  signal: ChangeSignal
  limits: Pick<FeedLimits, 'pageChanges' | 'recentChanges' | 'pollMs'>
}

export function createTails({ reads, log, signal, limits }: Parts): Tails {
  const tails = new Map<number, Tail>()
  const failed = (err: unknown) => log.error({ err }, 'changes not read; the next poll retries')
  const refreshAll = () => Promise.all([...tails.values()].map((tail) => tail.refresh()))
  const unlisten = signal.listen((keyId) => {
    for (const [id, tail] of tails) if (keyId === undefined || keyId === id) tail.refresh().catch(failed)
  })
  const polling: Repeated = repeat(limits.pollMs, async () => void (await refreshAll()), failed)

  return {
    async *follow(keyId, after, aborted) {
      const tail = await join(keyId)
      const gone = Promise.withResolvers<void>()
      const leave = () => gone.resolve()
      aborted.addEventListener('abort', leave)
      try {
        for (let seq = after; !aborted.aborted; ) {
          // Taken before the page is read: a change that comes meanwhile ends the wait at once.
          const grown = tail.grown()
          const page = await tail.pageAfter(seq)
          if (page.length > 0) {
            yield page
            seq = page.at(-1)?.seq ?? seq
          } else await Promise.race([grown, gone.promise])
        }
      } finally {
        aborted.removeEventListener('abort', leave)
        tail.readers -= 1
        if (tail.readers === 0) tails.delete(keyId)
      }
    },
    async stop() {
      unlisten()
      await polling.stop()
    },
  }

  async function join(keyId: number): Promise<Tail> {
    const known = tails.get(keyId)
    const last = known === undefined ? (await reads.changes.range(keyId)).last : 0
    // Another reader may have opened it meanwhile.
    const tail = tails.get(keyId) ?? openTail(reads, limits, keyId, last)
    tails.set(keyId, tail)
    tail.readers += 1
    // Changes may have been written while the last number was read.
    if (known === undefined) tail.refresh().catch(failed)
    return tail
  }
}

/** The end of one key's log. */
type Tail = {
  readers: number
  /** The changes after one, at most a page; empty where there are none yet. */
  pageAfter(seq: number): Promise<NumberedChange[]>
  /** Resolves when the next changes are read. */
  grown(): Promise<void>
  /** Reads what was written since. Resolves when all that was written before the call is read. */
  refresh(): Promise<void>
}

function openTail(
  reads: Pick<Reads, 'changes'>,
  { pageChanges, recentChanges }: Parts['limits'],
  keyId: number,
  seq: number,
): Tail {
  /** All changes from the one after `fromSeq` to `toSeq`. */
  const recent: NumberedChange[] = []
  let fromSeq = seq
  let toSeq = seq
  let growth = Promise.withResolvers<void>()
  const refresh = coalesce(readOn)

  return {
    readers: 0,
    pageAfter: async (seq) =>
      seq < fromSeq ? readAfter(seq) : recent.slice(seq - fromSeq, seq - fromSeq + pageChanges),
    grown: () => growth.promise,
    refresh,
  }

  /** For a reader that is behind what is kept; where the log itself lost what it asks for, it goes on with what there is. */
  async function readAfter(seq: number): Promise<NumberedChange[]> {
    const page = await reads.changes.after(keyId, seq, pageChanges)
    return page.length > 0 ? page : recent.slice(0, pageChanges)
  }

  async function readOn(): Promise<void> {
    for (let isFull = true; isFull; ) {
      const page = await reads.changes.after(keyId, toSeq, pageChanges)
      if (page.length > 0) append(page)
      isFull = page.length === pageChanges
    }
  }

  function append(page: NumberedChange[]): void {
    recent.push(...page)
    toSeq = page.at(-1)?.seq ?? toSeq
    const tooMany = recent.length - recentChanges
    if (tooMany > 0) {
      recent.splice(0, tooMany)
      fromSeq = (recent[0]?.seq ?? toSeq + 1) - 1
    }
    const { resolve } = growth
    growth = Promise.withResolvers<void>()
    resolve()
  }
}
