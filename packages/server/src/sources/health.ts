import type { Context } from '../context.ts'
import type { Recorded } from '../record/record.ts'
import { repeat } from '../runtime/repeat.ts'
import type { Source, SourceNote } from '../store/sources.ts'

/** What is learnt of sources is written this often, in milliseconds: a crash forgets the counts of this time at most. */
export const healthIntervalMs = 10_000
/** A clock that is further from ours than this is told of, in milliseconds. */
const skewAlarmMs = 5000
/** Most sources whose clocks are watched at once: callers of `POST /v2/events` name theirs as they like. */
const watchedMax = 10_000

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
  /** The same of a reporter that has no source of its own: `at` is its latest event's. */
  noteReported(keyId: number, name: string, at: number): void
  /** Writes what was noted. */
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
  /** How late the promptest delivery since the last flush came: the others took their time, a clock that is behind spares none. */
  let lags = new Map<string, Lag>()
  /** Names of the sources whose clocks are told of. */
  const skewed = new Set<string>()
  const noteOf = ({ keyId, id }: Pick<Source, 'keyId' | 'id'>): Note => {
    const known = notes.get(id)
    if (known !== undefined) return known
    const note = { ...nothing, keyId, id }
    notes.set(id, note)
    return note
  }
  const noteError = (source: Pick<Source, 'keyId' | 'id'>, what: string) => {
    Object.assign(noteOf(source), { lastError: what, lastErrorAt: clock.now() })
  }

  function noteLag(lag: Lag): void {
    const name = `${lag.keyId} ${lag.id}`
    const known = lags.get(name)
    if (known === undefined ? lags.size < watchedMax : lag.lagMs < known.lagMs) lags.set(name, lag)
  }

  /** Tells of each clock once when it is found to be wrong, and once when it is right again. */
  function judgeClocks(): void {
    for (const [name, { keyId, id, lagMs, isSource }] of lags) {
      if (Math.abs(lagMs) <= skewAlarmMs) {
        if (skewed.delete(name)) log.info({ source: id, skewMs: lagMs }, "a source's times agree with ours again")
        continue
      }
      if (skewed.has(name) || skewed.size >= watchedMax) continue
      skewed.add(name)
      const seconds = Math.round(Math.abs(lagMs) / 1000)
      const what = `its clock is ${seconds} s ${lagMs < 0 ? 'ahead of' : 'behind'} ours, or its deliveries are that late`
      if (isSource) noteError({ keyId, id }, what)
      log.warn({ source: id, skewMs: lagMs }, `a source's times are doubtful: ${what}`)
    }
    lags = new Map()
    metrics.noteSkewed([...skewed].map((name) => name.slice(name.indexOf(' ') + 1)))
  }

  async function flush(): Promise<void> {
    judgeClocks()
    const written = notes
    notes = new Map()
    for (const [keyId, ofKey] of Map.groupBy(written.values(), (note) => note.keyId)) {
      try {
        await writes.sources.note({ keyId, notes: ofKey })
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
      const lagMs = Math.round(clock.now() - sentAt)
      noteOf(source).skewMs = lagMs
      noteLag({ keyId: source.keyId, id: source.id, lagMs, isSource: true })
    },
    noteReported(keyId, name, at) {
      noteLag({ keyId, id: name, lagMs: Math.round(clock.now() - at), isSource: false })
    },
    flush,
    async stop() {
      await flushing.stop()
      await flush()
    },
  }
}

type Lag = { keyId: number; id: string; lagMs: number; isSource: boolean }
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
