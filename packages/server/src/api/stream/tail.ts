import type { NumberedChange } from '@rollcall/protocol'
import type { Logger } from 'pino'
import type { ChangeSignal } from '../../record/change-signal.ts'
import type { Reads } from '../../record/nouns.ts'
import { type Repeated, repeat } from '../../runtime/repeat.ts'
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

/** What is known of the end of one key's log: `recent` holds all from the one after `fromSeq` to `toSeq`. */
type Tail = {
  recent: NumberedChange[]
  fromSeq: number
  toSeq: number
  readers: number
  grown: PromiseWithResolvers<void>
  reading: Promise<void> | undefined
  /** Something may have been written since the reading under way began. */
  stale: boolean
}

export function createTails({
  reads,
  log,
  signal,
  limits,
}: {
  reads: Pick<Reads, 'changes'>
  log: Logger
  signal: ChangeSignal
  limits: Pick<FeedLimits, 'pageChanges' | 'recentChanges' | 'pollMs'>
}): Tails {
  const tails = new Map<number, Tail>()
  const failed = (err: unknown) => log.error({ err }, 'changes could not be read; the next look tries again')
  const refreshAll = () => Promise.all([...tails].map(([keyId, tail]) => refresh(keyId, tail)))
  const unlisten = signal.listen((keyId) => {
    for (const [id, tail] of tails) if (keyId === undefined || keyId === id) refresh(id, tail).catch(failed)
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
          const page = seq < tail.fromSeq ? await readAfter(keyId, seq, tail) : laterThan(seq, tail)
          if (page.length > 0) {
            yield page
            seq = page.at(-1)?.seq ?? seq
          } else {
            // Nothing was waited for since the tail was looked at: no change gets in between.
            await Promise.race([tail.grown.promise, gone.promise])
          }
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
    // Somebody else may have opened it meanwhile.
    const tail = tails.get(keyId) ?? openTail(last)
    tails.set(keyId, tail)
    tail.readers += 1
    // Whatever was written while the last number was asked for.
    if (known === undefined) refresh(keyId, tail).catch(failed)
    return tail
  }

  /** For a reader that is behind what is kept; where the log itself lost what it asks for, it goes on with what there is. */
  async function readAfter(keyId: number, seq: number, tail: Tail): Promise<NumberedChange[]> {
    const page = await reads.changes.after(keyId, seq, limits.pageChanges)
    return page.length > 0 ? page : tail.recent.slice(0, limits.pageChanges)
  }

  function laterThan(seq: number, { recent, fromSeq }: Tail): NumberedChange[] {
    return recent.slice(seq - fromSeq, seq - fromSeq + limits.pageChanges)
  }

  function refresh(keyId: number, tail: Tail): Promise<void> {
    tail.stale = true
    tail.reading ??= readOn(keyId, tail).finally(() => {
      tail.reading = undefined
    })
    return tail.reading
  }

  async function readOn(keyId: number, tail: Tail): Promise<void> {
    while (tail.stale) {
      tail.stale = false
      const page = await reads.changes.after(keyId, tail.toSeq, limits.pageChanges)
      if (page.length === 0) continue
      tail.stale ||= page.length === limits.pageChanges
      tail.recent.push(...page)
      tail.toSeq = page.at(-1)?.seq ?? tail.toSeq
      const tooMany = tail.recent.length - limits.recentChanges
      if (tooMany > 0) {
        tail.recent.splice(0, tooMany)
        tail.fromSeq = (tail.recent[0]?.seq ?? tail.toSeq + 1) - 1
      }
      const { grown } = tail
      tail.grown = Promise.withResolvers<void>()
      grown.resolve()
    }
  }
}

function openTail(seq: number): Tail {
  return {
    recent: [],
    fromSeq: seq,
    toSeq: seq,
    readers: 0,
    grown: Promise.withResolvers<void>(),
    reading: undefined,
    stale: false,
  }
}
