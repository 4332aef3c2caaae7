import type { NumberedChange } from '@rollcall/protocol'
import type { Logger } from 'pino'
import type { ChangeSignal } from '../../record/change-signal.ts'
import type { Known } from '../../record/facts/known.ts'
import type { Reads } from '../../record/nouns.ts'
import { type Repeated, repeat } from '../../runtime/repeat.ts'
import { coalesce } from '../../runtime/single-flight.ts'
import type { FeedLimits } from './limits.ts'

/** The end of the numbered log of each key that somebody follows, read once for all its readers. */
export type Tails = {
  /**
   * @param last the last change of the key, as it was read just now
   * @param grew called whenever changes were read
   */
  open(keyId: number, last: number, grew: () => void): Tail
  stop(): Promise<void>
}

/** The end of one key's log. */
export type Tail = {
  /** The changes after one, a page at most, empty where there are none yet; undefined where that is not kept any more. */
  after(seq: number): NumberedChange[] | undefined
  /** The same from the log, for whoever is behind what is kept, with the number to go on after. */
  readAfter(seq: number): Promise<{ page: NumberedChange[]; seq: number }>
  close(): void
}

/** Pages of a key that are kept for those who are behind: each has hundreds of changes. */
const behindPagesMax = 4

type Parts = {
  reads: Pick<Reads, 'changes'>
  known: Pick<Known, 'erasures'>
  log: Logger
  signal: ChangeSignal
  limits: Pick<FeedLimits, 'pageChanges' | 'recentChanges' | 'pollMs'>
}

/** `refresh`: reads what was written since; resolves when all that was written before the call is read. */
type OpenTail = Omit<Tail, 'close'> & { keyId: number; refresh(): Promise<void> }

export function createTails({ reads, known, log, signal, limits }: Parts): Tails {
  const tails = new Set<OpenTail>()
  const failed = (err: unknown) => log.error({ err }, 'changes not read; the next poll retries')
  const unlisten = signal.listen((keyId) => {
    for (const tail of tails) if (keyId === undefined || keyId === tail.keyId) tail.refresh().catch(failed)
  })
  const refreshAll = () => Promise.all([...tails].map((tail) => tail.refresh()))
  const polling: Repeated = repeat(limits.pollMs, async () => void (await refreshAll()), failed)

  return {
    open(keyId, last, grew) {
      const tail = openTail({ reads, known, limits, keyId, last, grew })
      tails.add(tail)
      // Changes may have been written since the last number was read.
      tail.refresh().catch(failed)
      return { after: tail.after, readAfter: tail.readAfter, close: () => void tails.delete(tail) }
    },
    async stop() {
      unlisten()
      await polling.stop()
    },
  }
}

function openTail({
  reads,
  known,
  limits: { pageChanges, recentChanges },
  keyId,
  last,
  grew,
}: Pick<Parts, 'reads' | 'known' | 'limits'> & { keyId: number; last: number; grew: () => void }): OpenTail {
  /** All changes from the one after `fromSeq` to `toSeq`. */
  const recent: NumberedChange[] = []
  let fromSeq = last
  let toSeq = last
  /** Pages that were read for whoever is behind, since the log was looked at last: many are at the same place. */
  const behind = new Map<number, Promise<NumberedChange[]>>()
  /** The page that was asked for last: most readers ask for the same. */
  let asked: { seq: number; page: NumberedChange[] } | undefined
  /** How much was erased when this was read. */
  let erasures = known.erasures()

  return {
    keyId,
    after(seq) {
      dropErased()
      if (seq < fromSeq) return undefined
      if (asked?.seq !== seq) asked = { seq, page: recent.slice(seq - fromSeq, seq - fromSeq + pageChanges) }
      return asked.page
    },
    async readAfter(seq) {
      dropErased()
      const reading = behind.get(seq) ?? readSound(seq)
      behind.set(seq, reading)
      reading.catch(() => behind.delete(seq))
      if (behind.size > behindPagesMax) behind.delete(behind.keys().next().value as number)
      const page = await reading
      // Where the log itself lost what comes next, it goes on with what is kept.
      return { page, seq: page.at(-1)?.seq ?? fromSeq }
    },
    refresh: coalesce(async () => {
      behind.clear()
      for (let isFull = true; isFull; ) {
        const page = await readSound(toSeq)
        dropErased()
        if (page.length > 0) append(page)
        isFull = page.length === pageChanges
      }
    }),
  }

  /** Changes are altered where somebody is erased: what is kept of before tells of them yet. */
  function dropErased(): void {
    if (erasures === known.erasures()) return
    erasures = known.erasures()
    recent.length = 0
    fromSeq = toSeq
    asked = undefined
    behind.clear()
  }

  /** A page as it is in the log when it is given. */
  async function readSound(seq: number): Promise<NumberedChange[]> {
    for (;;) {
      const before = known.erasures()
      const page = await reads.changes.after(keyId, seq, pageChanges)
      if (before === known.erasures()) return page
    }
  }

  function append(page: NumberedChange[]): void {
    recent.push(...page)
    asked = undefined
    toSeq = page.at(-1)?.seq ?? toSeq
    const tooMany = recent.length - recentChanges
    if (tooMany > 0) {
      recent.splice(0, tooMany)
      fromSeq = (recent[0]?.seq ?? toSeq + 1) - 1
    }
    grew()
  }
}
