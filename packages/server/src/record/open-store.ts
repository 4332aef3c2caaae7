import { Refusal } from '../error.ts'
import { turns } from '../runtime/turns.ts'
import type { Database } from '../store/database/database.ts'
import { scrubRecord } from '../store/database/scrub.ts'
import { createSharedDuties } from '../store/duties.ts'
import { openFacts } from '../store/facts/facts.ts'
import { createSharedLeases } from '../store/leases.ts'
import { createPooledMember, isHeldAlone } from '../store/pooled-members.ts'
import { type Known, rememberRoomIds } from './facts/known.ts'
import type { RecordFacts } from './facts/record.ts'
import { sweepMax } from './facts/recording.ts'
import { isUnseen, type Reads, readsOver, type Write, type Writes, writesBy } from './nouns.ts'
import { openFile } from './opening/file.ts'
import { type Hooks, hooksOf, type Opened, type StoreOptions } from './opening/opened.ts'
import { createRecordingHealth, type RecordingHealth } from './recording-health.ts'
import type { Replica } from './replica/replica.ts'
import { type RetainingStore, retainRecord, type ServerRetention } from './retain.ts'
import { sealMax } from './seal.ts'
import type { Shared } from './shared.ts'
import { createVersions } from './versions.ts'

export type Store = {
  reads: Reads
  writes: Writes
  known: Known
  record: RecordFacts
  recordingHealth: Pick<RecordingHealth, 'isWell'>
  /** Ends what is over by `now`: the sweeper calls it. */
  sweep(now: number): Promise<void>
  /** Keeps the JSON of sessions that ended and are quiet by `now`: the sealer calls it. */
  seal(now: number): Promise<void>
  /** Infers who is gone since a process stopped without a word: where there are several, who is inside a room of none of them. */
  resume(now: number): Promise<void>
  /** What several servers share; undefined where there is one. */
  shared: Shared | undefined
  /** Ends the keeping of what is older than the settings say, by the time that is confirmed. Durations in milliseconds. */
  retain(now: number, kept: ServerRetention & { confirmedAt: number }): Promise<void>
  /** How many facts wait for the disk. */
  factsWaiting(): number
  /** Where lists and reports are read from; undefined: where all is. */
  replica: Pick<Replica, 'ageMs'> | undefined
  /** Where the servers that run on it are reached. */
  addresses(): Promise<string[]>
  close(): Promise<void>
}

/**
 * Opens the store, and makes or updates its tables: PostgreSQL where `databaseUrl` names one, else the SQLite file under the
 * data folder. Throws a `StartRefusal` that says which it is, and what to do, where that cannot be.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { databaseUrl, metrics, onChange = () => {} } = options
  const recordingHealth = createRecordingHealth(async () => {
    await writes.trial.leave()
    await writes.trial.clear()
  })
  const hooks = hooksOf(options, recordingHealth)
  const opened =
    databaseUrl === undefined ? await openFile(options, hooks) : await openServiceAt(databaseUrl, options, hooks)
  const { db, box, writer, replica } = opened
  const reads = readsOver({ db, box, now: () => options.clock.now(), pause: turns.next }, replica)
  const webhookKeys = new Set(await reads.webhooks.listKeys())
  const versions = createVersions(onChange, (keyId) => webhookKeys.add(keyId))
  // Counted whatever became of it: what failed may be durable all the same.
  const write = (one: Write) =>
    writer.write(one).finally(() => {
      if (replica !== undefined) noteWritten(replica, one)
      versions.countWrite(one)
    })
  const writes: Writes = writesBy(write)
  const leases = createSharedLeases(db)
  const shared = (databaseUrl: string): Shared => ({
    databaseUrl,
    leases,
    duties: createSharedDuties(db),
    isPooled: opened.isPooled === true,
    pooledMember: createPooledMember(db),
    isHeldAlone: () => isHeldAlone(db),
    revokeLease: (holder, now) => writes.facts.revokeLease({ holder, now }),
    countRecorded: reads.changes.countRecorded,
    async noteWritten(written) {
      for (const keyId of written.keyIds ?? [undefined]) replica?.noteWritten(keyId)
      versions.countWritten(written)
      if (written.hasWebhooks) for (const keyId of await reads.webhooks.listKeys()) webhookKeys.add(keyId)
      for (const keyId of written.keyIds ?? [undefined]) onChange(keyId)
    },
    onWritten: versions.onWritten,
    breakOff: opened.breakOff ?? (() => {}),
  })
  return {
    reads,
    writes,
    known: {
      ...{ roomIds: rememberRoomIds(reads.rooms.findIds, versions), versionOf: versions.of, webhookKeys },
      erasures: versions.erasures,
    },
    record: recordBy(writes, metrics),
    recordingHealth,
    ...upkeepOf({
      ...{ db, reads, writes, logDays: opened.logDays, isShared: databaseUrl !== undefined },
      scrub: () => scrubRecord({ databaseUrl, dataFolder: options.dataFolder }),
    }),
    shared: databaseUrl === undefined ? undefined : shared(databaseUrl),
    factsWaiting: writer.factsWaiting,
    replica,
    addresses: async () => (await leases.list()).flatMap(({ address }) => address ?? []),
    async close() {
      await writer.close()
      await opened.close()
    },
  }
}

/** The client of PostgreSQL is loaded by whoever has such a service. */
async function openServiceAt(databaseUrl: string, options: StoreOptions, hooks: Hooks): Promise<Opened> {
  const { openService } = await import('./opening/service.ts')
  return openService(options, databaseUrl, hooks)
}

/** What is of no key and on no page, such as a lease, is waited for by nobody who reads. */
function noteWritten(replica: Replica, write: Write): void {
  const { keyId } = write.input as { keyId?: number }
  if (keyId !== undefined || !isUnseen(write)) replica.noteWritten(keyId)
}

/** The one door for facts; what became of each is counted. */
function recordBy(writes: Writes, metrics: StoreOptions['metrics']): RecordFacts {
  return async (keyId, facts, about) => {
    try {
      const recorded = await writes.facts.record({ keyId, facts, ...about })
      for (const [i, { outcome }] of recorded.entries()) metrics?.noteFact(facts[i]?.source ?? '', outcome)
      return recorded
    } catch (error) {
      const isBusy = error instanceof Refusal && error.code === 'BUSY'
      for (const { source } of facts) metrics?.noteFact(source, isBusy ? 'busy' : 'failed')
      throw error
    }
  }
}

type UpkeepParts = RetainingStore & { db: Database; reads: Reads; writes: Writes; isShared: boolean }

/** What the clock does to the record, each until nothing is left to be done. */
function upkeepOf(parts: UpkeepParts): Pick<Store, 'sweep' | 'seal' | 'resume' | 'retain'> {
  const { db, reads, writes, isShared } = parts
  return {
    async sweep(now) {
      // Mostly nothing is due: an indexed read here is cheaper than a turn of the writer.
      if (!(await openFacts(db).isAnyToReview(now))) return
      while ((await writes.facts.sweep({ now })) === sweepMax);
    },
    async seal(now) {
      if (!(await reads.seals.isAnyDue(now))) return
      while ((await writes.seals.seal({ now })) === sealMax);
    },
    resume: (now) => (isShared ? writes.facts.resumeForsaken({ now }) : writes.facts.resume({ now })),
    retain: (now, kept) => retainRecord(parts, now, kept),
  }
}
