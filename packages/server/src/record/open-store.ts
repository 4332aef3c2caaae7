import { join } from 'node:path'
import { Refusal, StartRefusal } from '../error.ts'
import type { Rules } from '../ledger/state.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Commit, Metrics } from '../runtime/metrics.ts'
import { turns } from '../runtime/turns.ts'
import { prepareFolder, takeLock } from '../store/database/data-folder.ts'
import type { Database } from '../store/database/database.ts'
import { createFirstAnalyze } from '../store/database/first-analyze.ts'
import { type LogDays, openLogDays } from '../store/database/log-days.ts'
import { migrateToLatest } from '../store/database/migrations.ts'
import { readAddress, showAddress } from '../store/database/postgres/address.ts'
import { isPooledByTransaction } from '../store/database/postgres/pooling.ts'
import { openPostgres } from '../store/database/postgres.ts'
import { lacksItsLog, noteClosed, noteRunning } from '../store/database/running.ts'
import { scrubRecord } from '../store/database/scrub.ts'
import { createSecretBox, type SecretBox } from '../store/database/secrets.ts'
import { openSqlite } from '../store/database/sqlite.ts'
import { createSharedDuties } from '../store/duties.ts'
import { openFacts } from '../store/facts/facts.ts'
import { keys } from '../store/keys/keys.ts'
import { createSharedLeases } from '../store/leases.ts'
import type { Over } from '../store/noun.ts'
import { createPooledMember, isHeldAlone } from '../store/pooled-members.ts'
import { type Known, rememberRoomIds } from './facts/known.ts'
import type { RecordFacts } from './facts/record.ts'
import { sweepMax } from './facts/recording.ts'
import { type Reads, readsOver, type Write, type Writes, writesBy } from './nouns.ts'
import { createRecordingHealth, type RecordingHealth } from './recording-health.ts'
import { type RetainingStore, retainRecord, type ServerRetention } from './retain.ts'
import { sealMax } from './seal.ts'
import type { Shared } from './shared.ts'
import { createTransact } from './transaction.ts'
import { createVersions } from './versions.ts'
import { createBatch } from './writer/batch.ts'
import {
  type QueueLimits,
  startBatches,
  startWriter,
  type Writer,
  type WriterHooks,
  writeHere,
} from './writer/writer.ts'

/** Connections to PostgreSQL that read. */
const readConnections = 8

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
  /** Where the servers that run on it are reached. */
  addresses(): Promise<string[]>
  close(): Promise<void>
}

export type StoreOptions = {
  /** A PostgreSQL service, in place of the SQLite file. */
  databaseUrl?: string | undefined
  dataFolder: string
  /** 32 bytes; undefined: the file `master.key` in the data folder, made when missing. */
  masterKey?: Buffer | undefined
  rules: Rules
  clock: Clock
  metrics?: Pick<Metrics, 'noteCommit' | 'noteFact'>
  /** Called when something may have changed, once it is durable: of this key; undefined: of any. */
  onChange?: (keyId: number | undefined) => void
  /** Told, in words, of each session that an update of the tables has shown otherwise. */
  onShownOtherwise?: (text: string) => void
  /** The SQLite file was copied from a running server without its log: what was recorded last is not in it. */
  onLogLost?: () => void
  /** The writing thread died: nothing can be recorded any more. */
  onFailure?: (error: Error) => void
  /** False for a command beside a running server: the folder is not locked, and no thread started. Default true. */
  exclusive?: boolean
  /** How long what is written waits for a PostgreSQL service that is away, in milliseconds. Default: half a minute. */
  awayMaxMs?: number | undefined
  /** The program of the writing thread. Default: the one beside what runs. */
  threadUrl?: URL | undefined
} & QueueLimits

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
    databaseUrl === undefined ? await openFile(options, hooks) : await openService(options, databaseUrl, hooks)
  const { db, box, writer } = opened
  const reads = readsOver({ db, box, now: () => options.clock.now(), pause: turns.next })
  const webhookKeys = new Set(await reads.webhooks.listKeys())
  const versions = createVersions(onChange, (keyId) => webhookKeys.add(keyId))
  // Counted whatever became of it: what failed may be durable all the same.
  const write = (one: Write) => writer.write(one).finally(() => versions.countWrite(one))
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
    known: { roomIds: rememberRoomIds(reads.rooms.findIds, versions), versionOf: versions.of, webhookKeys },
    record: recordBy(writes, metrics),
    recordingHealth,
    ...upkeepOf({
      ...{ db, reads, writes, logDays: opened.logDays, isShared: databaseUrl !== undefined },
      scrub: () => scrubRecord({ databaseUrl, dataFolder: options.dataFolder }),
    }),
    shared: databaseUrl === undefined ? undefined : shared(databaseUrl),
    factsWaiting: writer.factsWaiting,
    addresses: async () => (await leases.list()).flatMap(({ address }) => address ?? []),
    async close() {
      await writer.close()
      await opened.close()
    },
  }
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

type Opened = {
  db: Database
  box: SecretBox
  writer: Writer
  logDays?: LogDays
  breakOff?: () => void
  isPooled?: boolean
  close(): Promise<void>
}

type Hooks = WriterHooks & QueueLimits & { onDamage(): void }

function hooksOf({ metrics, onFailure, factsWaitingMax }: StoreOptions, health: RecordingHealth): Hooks {
  return {
    onCommit: metrics?.noteCommit,
    onFailure,
    onRecorded: health.noteRecorded,
    onUnwritten: health.noteFailed,
    onDamage: health.noteDamaged,
    factsWaitingMax,
  }
}

/** The SQLite file: a thread writes to it, and no other process does. */
async function openFile(options: StoreOptions, hooks: Hooks): Promise<Opened> {
  const { dataFolder, masterKey: given, rules, clock, exclusive = true } = options
  const path = join(dataFolder, 'rollcall.db')
  const masterKey = prepareFolder(dataFolder, given)
  const lock = exclusive ? takeLock(dataFolder) : undefined
  try {
    const box = createSecretBox(masterKey)
    const now = () => clock.now()
    if (exclusive && lacksItsLog(path)) options.onLogLost?.()
    const db = await openMigrated(path, { ...hooks, ...options })
    await proveMasterKey({ db, box, now }, `ROLLCALL_DATA=${dataFolder}`)
    await (exclusive ? noteRunning(db) : noteClosedUnlessRunning(db, dataFolder))
    const writer = exclusive
      ? startWriter({ path, masterKey, rules }, now, { ...hooks, threadUrl: options.threadUrl })
      : writeHere(createTransact(db, { box, rules, now }))
    return {
      db,
      box,
      writer,
      async close() {
        try {
          if (exclusive) await noteClosed(db)
        } finally {
          await db.close()
          lock?.release()
        }
      },
    }
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** After a crash a command takes all of the log into the file. */
async function noteClosedUnlessRunning(db: Database, dataFolder: string): Promise<void> {
  let lock: { release(): void }
  try {
    lock = takeLock(dataFolder)
  } catch {
    // A server has it.
    return
  }
  await noteClosed(db)
  lock.release()
}

/** A PostgreSQL service, before which there may be several servers: of each, one connection writes, others read. */
async function openService(options: StoreOptions, databaseUrl: string, hooks: Hooks): Promise<Opened> {
  const { masterKey, rules, clock, exclusive = true } = options
  if (masterKey === undefined) {
    throw new StartRefusal('DATABASE_URL is set, so ROLLCALL_MASTER_KEY has to be: every process needs the same one')
  }
  const box = createSecretBox(masterKey)
  const now = () => clock.now()
  const where = `DATABASE_URL=${showAddress(readAddress(databaseUrl))}`
  await using opened = new AsyncDisposableStack()
  try {
    const isPooled = await isPooledByTransaction(databaseUrl)
    const db = openPostgres(databaseUrl, { connections: readConnections, isPooled, isBounded: exclusive })
    opened.defer(() => db.close())
    const { awayMaxMs } = options
    const writing = openPostgres(databaseUrl, {
      connections: 1,
      isPooled,
      isBounded: exclusive,
      awayMaxMs,
      onReadOnly: () => db.renew(),
    })
    opened.defer(() => writing.close())
    await migrateService(databaseUrl, isPooled, options.onShownOtherwise)
    await proveMasterKey({ db, box, now }, where)
    const logDays = openLogDays(databaseUrl)
    if (exclusive) await logDays.make(now())
    const noteFacts = createFirstAnalyze(db)
    const onCommit = (commit: Commit) => {
      noteFacts(commit.facts)
      hooks.onCommit?.(commit)
    }
    const parts = { box, rules, pause: (keyId: number) => turns.next(`written of ${keyId}`) }
    const writer = startBatches((answered) => createBatch(writing, parts, answered, hooks.onUnwritten), now, {
      ...hooks,
      onCommit,
    })
    const kept = opened.move()
    const breakOff = () => {
      db.breakOff()
      writing.breakOff()
    }
    return { db, box, writer, logDays, breakOff, isPooled, close: () => kept.disposeAsync() }
  } catch (error) {
    if (error instanceof StartRefusal) throw error
    throw new StartRefusal(`${where} cannot be used: ${(error as Error).message}`)
  }
}

/** On a connection that waits for as long as it takes: of servers that start together, one does it. */
async function migrateService(databaseUrl: string, isPooled: boolean, tell?: (text: string) => void): Promise<void> {
  const db = openPostgres(databaseUrl, { connections: 1, isPooled })
  try {
    await migrateToLatest(db.kysely, tell)
  } finally {
    await db.close()
  }
}

async function openMigrated(
  path: string,
  { onDamage, onShownOtherwise }: Pick<Hooks, 'onDamage'> & Pick<StoreOptions, 'onShownOtherwise'>,
): Promise<Database> {
  try {
    const db = openSqlite(path, { onDamage })
    await migrateToLatest(db.kysely, onShownOtherwise)
    return db
  } catch (error) {
    throw new StartRefusal(`${path} cannot be opened: ${(error as Error).message}`)
  }
}

async function proveMasterKey(over: Over, where: string): Promise<void> {
  try {
    await keys.reads.list(over)
  } catch {
    // Whatever the cipher says is of no use to the reader: the key is another one than the secrets were sealed with.
    throw new StartRefusal(
      `the secrets in ${where} were sealed under another master key: set the ROLLCALL_MASTER_KEY, or put back the master.key, that they were made with`,
    )
  }
}
