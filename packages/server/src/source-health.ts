import type { Context, Recorded } from './context.ts'
import { repeat } from './repeat.ts'
import type { Source } from './store/rows.ts'
import type { SourceNote } from './store/store.ts'

/** What is learnt of sources is written this often, in milliseconds: a crash forgets the counts of this time at most. */
export const healthIntervalMs = 10_000
/** A clock that is further from ours than this is told of, in milliseconds: a delivery's own way is far shorter. */
const skewAlarmMs = 60_000

/** How the sources are: counted in memory, so that a fact costs no write more. */
export type SourceHealth = {
  noteFacts(source: Source, recorded: Recorded[]): void
  /** Events that say nothing of attendance. */
  noteIgnored(source: Source, events: number): void
  /** A delivery that was not taken, as it is its sender's fault. */
  noteRefused(source: Source, why: string): void
  /** Something went wrong that is not its sender's fault. */
  noteError(source: Source, what: string): void
  /** The sender said that it sent something at `sentAt`, by its own clock, which has just come. */
  noteSent(source: Source, sentAt: number): void
  /** Writes what was noted. */
  flush(): Promise<void>
  stop(): Promise<void>
}

export function startSourceHealth({ writes, clock, log }: Pick<Context, 'writes' | 'clock' | 'log'>): SourceHealth {
  let notes = new Map<string, Note>()
  const skewed = new Set<string>()
  const noteOf = ({ keyId, id }: Pick<Source, 'keyId' | 'id'>): Note => {
    const known = notes.get(id)
    if (known !== undefined) return known
    const note = { ...nothing, keyId, id }
    notes.set(id, note)
    return note
  }
  const noteError = (source: Source, what: string) => {
    Object.assign(noteOf(source), { lastError: what, lastErrorAt: clock.now() })
  }

  async function flush(): Promise<void> {
    const written = notes
    notes = new Map()
    for (const [keyId, ofKey] of Map.groupBy(written.values(), (note) => note.keyId)) {
      try {
        await writes.noteSources({ keyId, notes: ofKey })
      } catch (err) {
        log.error({ err, keyId }, 'the health of sources could not be written; the next time tries again')
        for (const note of ofKey) addOlder(noteOf(note), note)
      }
    }
  }
  const flushing = repeat(healthIntervalMs, flush, (err) => log.error({ err }, 'the health of sources is lost'))

  return {
    noteFacts(source, recorded) {
      if (recorded.length === 0) return
      const note = noteOf(source)
      note.lastFactAt = clock.now()
      for (const { outcome } of recorded) note[outcome === 'waiting' ? 'recorded' : outcome] += 1
    },
    noteIgnored(source, events) {
      noteOf(source).ignored += events
    },
    noteRefused(source, why) {
      noteOf(source).refused += 1
      noteError(source, why)
    },
    noteError,
    noteSent(source, sentAt) {
      const skewMs = Math.round(clock.now() - sentAt)
      noteOf(source).skewMs = skewMs
      if (Math.abs(skewMs) < skewAlarmMs) {
        skewed.delete(source.id)
        return
      }
      if (skewed.has(source.id)) return
      skewed.add(source.id)
      const seconds = Math.round(Math.abs(skewMs) / 1000)
      const what = `its clock is ${seconds} s ${skewMs < 0 ? 'ahead of' : 'behind'} ours, or its deliveries are that late`
      noteError(source, what)
      log.warn({ source: source.id, skewMs }, `a source's times are doubtful: ${what}`)
    },
    flush,
    async stop() {
      await flushing.stop()
      await flush()
    },
  }
}

type Note = SourceNote & { keyId: number }

const nothing = {
  lastFactAt: null,
  recorded: 0,
  duplicate: 0,
  ignored: 0,
  refused: 0,
  skewMs: null,
  lastError: null,
  lastErrorAt: null,
} satisfies Omit<SourceNote, 'id'>

const counts = ['recorded', 'duplicate', 'ignored', 'refused'] as const

/** What was noted before it, and could not be written. */
function addOlder(note: Note, older: Note): void {
  for (const count of counts) note[count] += older[count]
  note.lastFactAt ??= older.lastFactAt
  note.skewMs ??= older.skewMs
  note.lastErrorAt ??= older.lastErrorAt
  note.lastError ??= older.lastError
}
