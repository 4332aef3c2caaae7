import { join } from 'node:path'
import type { Fact } from '@rollcall/protocol'
import { StartRefusal } from '../error.ts'
import type { Rules } from '../ledger/state.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Commit } from '../runtime/metrics.ts'
import { createChangeReads } from '../store/changes.ts'
import { prepareFolder, takeLock } from '../store/database/data-folder.ts'
import type { Database } from '../store/database/database.ts'
import { type LogDays, openLogDays, startOfDay } from '../store/database/log-days.ts'
import { migrateToLatest } from '../store/database/migrations.ts'
import { openPostgres } from '../store/database/postgres.ts'
import { createSecretBox, type SecretBox } from '../store/database/secrets.ts'
import { openSqlite } from '../store/database/sqlite.ts'
import { countRecorded } from '../store/facts/counters.ts'
import { prepareFactStore } from '../store/facts/facts.ts'
import { createKeyStore } from '../store/keys.ts'
import { createSharedLeases, type SharedLeases } from '../store/leases.ts'
import { createWebhookStore } from '../store/outbox/deliveries.ts'
import { createQualityReads } from '../store/quality.ts'
import { createRoomStore, rememberRoomIds } from '../store/rooms.ts'
import { createAttendanceReads } from '../store/sessions/during.ts'
import { createSealStore } from '../store/sessions/seals.ts'
import { createSessionReads } from '../store/sessions/sessions.ts'
import { createSigningKeyStore } from '../store/signing-keys.ts'
import { createSourceStore } from '../store/sources.ts'
import type { Reads, Writes } from '../store/store.ts'
import type { RecordFacts } from './record.ts'
import { createBatch } from './writer/batch.ts'
import {
  type Perform,
  type Performer,
  performHere,
  type QueueLimits,
  startBatches,
  startWriter,
} from './writer/writer.ts'
import { createOperations, type Operations, sealMax, sweepMax } from './writes.ts'

/** Connections to PostgreSQL that read. */
const readConnections = 8

export type Store = {
  reads: Reads
  writes: Writes
  record: RecordFacts
  /** Ends what is over by `now`: the sweeper calls it. */
  sweep(now: number): Promise<void>
  /** Keeps the JSON of sessions that ended and are quiet by `now`: the sealer calls it. */
  seal(now: number): Promise<void>
  /** Concludes who is gone since a process stopped without a word: where there are several, who is inside a room of none of them. */
  resume(now: number): Promise<void>
  /** What several servers share; undefined where there is one. */
  shared: Shared | undefined
  /** Ends the keeping of what is older than the settings say. Durations in milliseconds. */
  retain(now: number, kept: { logMs: number; retentionMs: number | undefined }): Promise<void>
  /** How many facts wait for the disk. */
  factsWaiting(): number
  /** Where the servers that run on it are reached. */
  addresses(): Promise<string[]>
  close(): Promise<void>
}

export type Shared = {
  databaseUrl: string
  leases: SharedLeases
  /** Takes the lease from a process that is gone, and concludes that whoever it had inside is gone with it. */
  revokeLease(holder: string, now: number): Promise<void>
  /** How much was recorded of each key, by whomever. */
  countRecorded(): Promise<Map<number, number>>
  /** Another process wrote something of these keys; undefined: of any. */
  noteWritten(written: Written): Promise<void>
  /** Told what this process wrote, once it is durable. */
  onWritten(heard: (written: Written) => void): void
}

/** `keyIds`: undefined: of any. */
export type Written = { keyIds: number[] | undefined; hasWebhooks: boolean }

export type StoreOptions = {
  /** A PostgreSQL service, in place of the SQLite file. */
  databaseUrl?: string | undefined
  dataFolder: string
  /** 32 bytes; undefined: the file `master.key` in the data folder, made when missing. */
  masterKey?: Buffer | undefined
  rules: Rules
  clock: Clock
  /** Told of each transaction, once it is durable. */
  onCommit?: (commit: Commit) => void
  /** Told when something may have changed, once it is durable: of this key; undefined: of any. */
  onChange?: (keyId: number | undefined) => void
  /** The writing thread died: nothing can be recorded any more. */
  onFailure?: (error: Error) => void
  /** False for a command beside a running server: the folder is not locked, and no thread started. Default true. */
  exclusive?: boolean
  /** The program of the writing thread. Default: the one beside what runs. */
  threadUrl?: URL | undefined
} & QueueLimits

/**
 * Opens the store, and makes or updates its tables: PostgreSQL where `databaseUrl` names one, else the SQLite file under the
 * data folder. Throws a `StartRefusal` that says which it is, and what to do, where that cannot be.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { databaseUrl } = options
  const opened = databaseUrl === undefined ? await openFile(options) : await openService(options, databaseUrl)
  const { db, box, performer } = opened
  const now = () => options.clock.now()
  const { listKeys } = createWebhookStore(db, box, now)
  const webhookKeys = new Set(await listKeys())
  const versions = countVersions(performer.perform, options.onChange, webhookKeys)
  const { perform } = versions
  const leases = createSharedLeases(db)
  const shared: Shared | undefined =
    databaseUrl === undefined
      ? undefined
      : {
          databaseUrl,
          leases,
          revokeLease: (holder, at) => perform('revokeLease', { holder, now: at }),
          countRecorded: () => countRecorded(db),
          async noteWritten(written) {
            versions.note(written)
            if (written.hasWebhooks) for (const keyId of await listKeys()) webhookKeys.add(keyId)
            for (const keyId of written.keyIds ?? [undefined]) options.onChange?.(keyId)
          },
          onWritten: versions.onWritten,
        }
  const openFacts = prepareFactStore(db)
  const seals = createSealStore(db)
  return {
    reads: createReads(db, box, now, versions.of, webhookKeys),
    writes: toWrites(perform),
    record: (keyId, facts, about) => perform('record', { keyId, facts, ...about }),
    async sweep(at) {
      // Mostly nothing is due: an indexed read here is cheaper than a turn of the writer.
      if (!(await openFacts().isAnyToLookAt(at))) return
      while ((await perform('sweep', { now: at })) === sweepMax);
    },
    async seal(at) {
      if ((await seals.listToSeal(at, 1)).length === 0) return
      while ((await perform('seal', { now: at })) === sealMax);
    },
    resume: (at) => perform(shared === undefined ? 'resume' : 'resumeForsaken', { now: at }),
    shared,
    async retain(now, { logMs, retentionMs }) {
      if (retentionMs !== undefined) while ((await perform('eraseSessions', { before: now - retentionMs })) > 0);
      const before = startOfDay(now - logMs)
      while ((await perform('dropLog', { before })) > 0);
      await opened.logDays?.make(now)
      await opened.logDays?.dropBefore(before)
    },
    factsWaiting: performer.factsWaiting,
    addresses: async () => (await leases.list()).flatMap(({ address }) => address ?? []),
    async close() {
      await performer.close()
      await opened.close()
    },
  }
}

type Opened = {
  db: Database
  box: SecretBox
  performer: Performer
  logDays?: LogDays
  close(): Promise<void>
}

/** The SQLite file: a thread writes to it, and no other process does. */
async function openFile(options: StoreOptions): Promise<Opened> {
  const { dataFolder, masterKey: given, rules, clock, exclusive = true } = options
  const path = join(dataFolder, 'rollcall.db')
  const masterKey = prepareFolder(dataFolder, given)
  const lock = exclusive ? takeLock(dataFolder) : undefined
  try {
    const box = createSecretBox(masterKey)
    const now = () => clock.now()
    const db = await openMigrated(path)
    await proveMasterKey(db, box, now, `ROLLCALL_DATA=${dataFolder}`)
    const performer = exclusive
      ? startWriter({ path, masterKey, rules }, now, options)
      : performHere(createOperations(db, { box, rules, now }))
    return {
      db,
      box,
      performer,
      async close() {
        await db.close()
        lock?.release()
      },
    }
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** A PostgreSQL service, before which there may be several servers: of each, one connection writes, others read. */
async function openService(options: StoreOptions, databaseUrl: string): Promise<Opened> {
  const { masterKey, rules, clock, exclusive = true } = options
  if (masterKey === undefined) {
    throw new StartRefusal('DATABASE_URL is set, so ROLLCALL_MASTER_KEY has to be: every process needs the same one')
  }
  const box = createSecretBox(masterKey)
  const now = () => clock.now()
  const where = `DATABASE_URL=${withoutPassword(databaseUrl)}`
  await using opened = new AsyncDisposableStack()
  try {
    const db = openPostgres(databaseUrl, { connections: readConnections })
    opened.defer(() => db.close())
    const writing = openPostgres(databaseUrl, { connections: 1 })
    opened.defer(() => writing.close())
    await migrateToLatest(writing.kysely)
    await proveMasterKey(db, box, now, where)
    const logDays = openLogDays(databaseUrl)
    if (exclusive) await logDays.make(now())
    const performer = startBatches((answered) => createBatch(writing, { box, rules }, answered), now, options)
    const kept = opened.move()
    return { db, box, performer, logDays, close: () => kept.disposeAsync() }
  } catch (error) {
    if (error instanceof StartRefusal) throw error
    throw new StartRefusal(`${where} cannot be used: ${(error as Error).message}`)
  }
}

function withoutPassword(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return '…'
  const url = new URL(databaseUrl)
  if (url.password !== '') url.password = '…'
  return url.href
}

async function openMigrated(path: string): Promise<Database> {
  try {
    const db = openSqlite(path)
    await migrateToLatest(db.kysely)
    return db
  } catch (error) {
    throw new StartRefusal(`${path} cannot be opened: ${(error as Error).message}`)
  }
}

async function proveMasterKey(db: Database, box: SecretBox, now: () => number, where: string): Promise<void> {
  try {
    await createKeyStore(db, box, now).list()
  } catch {
    // Whatever the cipher says is of no use to the reader: the key is another one than the secrets were sealed with.
    throw new StartRefusal(
      `the secrets in ${where} were sealed under another master key: set the ROLLCALL_MASTER_KEY, or put back the master.key, that they were made with`,
    )
  }
}

function createReads(
  db: Database,
  box: SecretBox,
  now: () => number,
  versionOf: Reads['versionOf'],
  webhookKeys: Set<number>,
): Reads {
  const keys = createKeyStore(db, box, now)
  const rooms = createRoomStore(db, now)
  const sessions = createSessionReads(db, now)
  const quality = createQualityReads(db)
  const signingKeys = createSigningKeyStore(db, box, now)
  const changes = createChangeReads(db)
  const sources = createSourceStore(db, box, now)
  const attendance = createAttendanceReads(db)
  const webhooks = createWebhookStore(db, box, now)
  return {
    findKey: keys.find,
    listKeys: keys.list,
    findRoom: rooms.find,
    findRoomIds: rememberRoomIds(rooms.findRoomIds, versionOf),
    listRooms: rooms.list,
    listSessions: sessions.list,
    listRunningInRoom: sessions.listRunningInRoom,
    getSession: sessions.get,
    getParticipant: sessions.getParticipant,
    listParticipants: sessions.listParticipants,
    listQuality: quality.list,
    findQualityOrigin: quality.findOrigin,
    sessionsDuring: attendance.sessionsDuring,
    listSessionsToClose: sessions.listToClose,
    countRunning: sessions.countRunning,
    findSigningKey: signingKeys.find,
    changesAfter: changes.after,
    changeRange: changes.range,
    listSources: sources.list,
    listAllSources: sources.listAll,
    listRunningOf: sources.listRunning,
    listMarksOfInside: sources.listMarksOfInside,
    findSource: sources.find,
    listLives: sources.listLives,
    findConnected: sources.findConnected,
    webhookKeys: () => webhookKeys,
    listWebhooks: webhooks.list,
    findWebhook: webhooks.find,
    countWebhooks: webhooks.countOwn,
    listDeliveries: webhooks.listDeliveries,
    isAnythingToPlan: webhooks.isAnythingToPlan,
    findWaitingEndpoint: webhooks.findWaitingEndpoint,
    listDue: webhooks.listDue,
    summariseWebhooks: async (keyId, sessionIds) =>
      webhookKeys.has(keyId) ? webhooks.summarise(keyId, sessionIds) : new Map(),
    versionOf,
  }
}

function toWrites(perform: Perform): Writes {
  return {
    addKey: (input) => perform('addKey', input),
    addFirstKey: (input) => perform('addFirstKey', input),
    rotateKey: (input) => perform('rotateKey', input),
    disableKey: (input) => perform('disableKey', input),
    removeKey: (input) => perform('removeKey', input),
    createRoom: (input) => perform('createRoom', input),
    ensureRooms: (input) => perform('ensureRooms', input),
    setRoomDisabled: (input) => perform('setRoomDisabled', input),
    keepSigningKey: (input) => perform('keepSigningKey', input),
    addSource: (input) => perform('addSource', input),
    updateSource: (input) => perform('updateSource', input),
    deleteSource: (input) => perform('deleteSource', input),
    noteSources: (input) => perform('noteSources', input),
    addWebhook: (input) => perform('addWebhook', input),
    updateWebhook: (input) => perform('updateWebhook', input),
    rotateWebhookSecret: (input) => perform('rotateWebhookSecret', input),
    deleteWebhook: (input) => perform('deleteWebhook', input),
    planWebhooks: (input) => perform('planWebhooks', input),
    settleDelivery: (input) => perform('settleDelivery', input),
    replayDeliveries: (input) => perform('replayDeliveries', input),
    testWebhook: (input) => perform('testWebhook', input),
    eraseSessions: (input) => perform('eraseSessions', input),
    dropLog: (input) => perform('dropLog', input),
    addLink: (input) => perform('addLink', input),
    takeLink: (input) => perform('takeLink', input),
    takeLease: (input) => perform('takeLease', input),
    renewLease: (input) => perform('renewLease', input),
    releaseLease: (input) => perform('releaseLease', input),
  }
}

/** What is written here shows in nothing that is kept between requests. */
const unshown: Set<keyof Operations> = new Set([
  'takeLease',
  'renewLease',
  'releaseLease',
  'addLink',
  'takeLink',
  'noteSources',
])

/** What appends to the numbered changes. */
const changing: Set<keyof Operations> = new Set(['record', 'sweep', 'resume', 'resumeForsaken', 'revokeLease'])

type Versions = {
  perform: Perform
  of(keyId: number): number
  /** Counts what another process wrote. */
  note(written: Written): void
  onWritten(heard: (written: Written) => void): void
}

/** Counts what was written of each key, when it is durable and before anybody is told of it; and tells of what may have changed. */
function countVersions(
  perform: Perform,
  onChange: StoreOptions['onChange'] = () => {},
  webhookKeys: Set<number>,
): Versions {
  const ofKeys = new Map<number, number>()
  let ofAll = 0
  let tellOthers = (_: Written) => {}
  const count = (keyId: number | undefined) => {
    if (keyId !== undefined) ofKeys.set(keyId, (ofKeys.get(keyId) ?? 0) + 1)
    else ofAll += 1
  }
  return {
    perform: (name, input) =>
      perform(name, input).finally(() => {
        if (unshown.has(name) || isQuality(input)) return
        const keyId = 'keyId' in input ? input.keyId : undefined
        const hasWebhooks = makesWebhook(name, input)
        count(keyId)
        if (keyId !== undefined && hasWebhooks) webhookKeys.add(keyId)
        if (changing.has(name)) onChange(keyId)
        tellOthers({ keyIds: keyId === undefined ? undefined : [keyId], hasWebhooks })
      }),
    of: (keyId) => ofAll + (ofKeys.get(keyId) ?? 0),
    note({ keyIds = [undefined] }) {
      for (const keyId of keyIds) count(keyId)
    },
    onWritten(heard) {
      tellOthers = heard
    },
  }
}

function makesWebhook(name: keyof Operations, input: object): boolean {
  return name === 'addWebhook' || (name === 'createRoom' && 'webhook' in input)
}

/** Samples come all the time, and are on none of the pages that are kept. */
function isQuality(input: object): boolean {
  return 'facts' in input && (input.facts as Fact[]).every(({ type }) => type === 'quality')
}
