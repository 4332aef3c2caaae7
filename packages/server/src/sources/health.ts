import type { Context } from '../context.ts'
import type { Recorded } from '../record/facts/record.ts'
import { repeat } from '../runtime/repeat.ts'
import { type Arrival, addArrival, type SourceNote } from '../store/source-health.ts'
import type { Source } from '../store/sources.ts'
import { createClockWatch } from './clocks/clock-watch.ts'

/** Health is written this often, in milliseconds: a crash loses the counts of this time at most. */
export const healthIntervalMs = 10_000

/** Counts what becomes of each source's deliveries: in memory, so that a fact costs no extra write. */
export type SourceHealth = {
  /** @param what the type of the facts; null where they are of several */
  noteFacts(source: Source, recorded: Recorded[], what: string | null): void
  /** Events that say nothing of attendance. */
  noteIgnored(source: Source, events: number): void
  /** A delivery that was refused through its sender's fault. */
  noteRefused(source: Source, why: string): void
  /** An error that is not the sender's fault. */
  noteError(source: Source, what: string): void
  /** A delivery that was sent at `sentAt`, by its sender's clock, has just arrived. */
  noteSent(source: Source, sentAt: number): void
  /** The same for a reporter without a source of its own: `at` is the time of its latest event. */
  noteReported(keyId: number, name: string, at: number): void
  /** Writes the counts. */
  flush(): Promise<void>
  stop(): Promise<void>
}

export function startSourceHealth({
  writes,
  clock,
  log,
  metrics,
}: Pick<Context, 'writes' | 'clock' | 'log' | 'metrics'>): SourceHealth {
  let notes = new Map<string, Note>()
  const clockWatch = createClockWatch({ log, metrics, noteError })
  const flushing = repeat(healthIntervalMs, flush, (err) => log.error({ err }, 'source health lost'))

  return {
    noteFacts(source, recorded, what) {
      if (recorded.length === 0) return
      const note = noteOf(source)
      note.lastFactAt = clock.now()
      for (const { id, outcome: told, reason } of recorded) {
        const outcome = told === 'waiting' ? 'recorded' : told
        note[outcome] += 1
        noteArrival(note, { what, outcome, reason: reason === undefined ? null : withoutIds(reason, id) })
      }
    },
    noteIgnored(source, events) {
      const note = noteOf(source)
      note.ignored += events
      noteArrival(note, { what: null, outcome: 'ignored', reason: 'it says nothing of who is inside' }, events)
    },
    noteRefused(source, why) {
      noteOf(source).refused += 1
      noteError(source, why, 'refused')
    },
    noteError: (source, what) => noteError(source, what),
    noteSent(source, sentAt) {
      const lagMs = Math.round(clock.now() - sentAt)
      const saysClock = clockWatch.note({ keyId: source.keyId, id: source.id, lagMs, isSource: true }, clock.now())
      if (saysClock) noteOf(source).skewMs = lagMs
    },
    noteReported(keyId, name, at) {
      clockWatch.note({ keyId, id: name, lagMs: Math.round(clock.now() - at), isSource: false }, clock.now())
    },
    flush,
    async stop() {
      await flushing.stop()
      await flush()
    },
  }

  function noteOf({ keyId, id }: Pick<Source, 'keyId' | 'id'>): Note {
    const known = notes.get(id)
    if (known !== undefined) return known
    const note = { ...emptyNote, arrivals: [], keyId, id }
    notes.set(id, note)
    return note
  }

  function noteError(source: Pick<Source, 'keyId' | 'id'>, what: string, outcome: Arrival['outcome'] = 'failed'): void {
    const note = noteOf(source)
    Object.assign(note, { lastError: what, lastErrorAt: clock.now() })
    noteArrival(note, { what: null, outcome, reason: what })
  }

  function noteArrival(note: Note, kind: Pick<Arrival, 'what' | 'outcome' | 'reason'>, times = 1): void {
    addArrival(note.arrivals, { ...kind, times, lastAt: clock.now() })
  }

  async function flush(): Promise<void> {
    clockWatch.check()
    const written = notes
    notes = new Map()
    for (const [keyId, ofKey] of Map.groupBy(written.values(), (note) => note.keyId)) {
      try {
        await writes.sources.note({ keyId, notes: ofKey })
      } catch (err) {
        log.error({ err, keyId }, 'source health not written; the next round retries')
        for (const note of ofKey) mergeOlder(noteOf(note), note)
      }
    }
  }
}

type Note = SourceNote & { keyId: number }

const emptyNote = {
  lastFactAt: null,
  recorded: 0,
  duplicate: 0,
  ignored: 0,
  refused: 0,
  skewMs: null,
  lastError: null,
  lastErrorAt: null,
} satisfies Omit<SourceNote, 'id' | 'arrivals'>

const counts = ['recorded', 'duplicate', 'ignored', 'refused'] as const

/** Adds an older note that could not be written to a newer one. */
function mergeOlder(note: Note, older: Note): void {
  for (const count of counts) note[count] += older[count]
  note.lastFactAt ??= older.lastFactAt
  note.skewMs ??= older.skewMs
  note.lastErrorAt ??= older.lastErrorAt
  note.lastError ??= older.lastError
  for (const one of older.arrivals) addArrival(note.arrivals, one)
}

/** What is said of a fact, without which it was and whose room: it outlives both. */
function withoutIds(reason: string, factId: string): string {
  return reason.replaceAll(factId, '…').replace(/\broom \S+/, 'that room')
}
