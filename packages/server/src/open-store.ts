import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock } from './clock.ts'
import type { Record } from './context.ts'
import { Refusal, StartRefusal } from './error.ts'
import type { Rules } from './ledger/state.ts'
import type { Commit } from './metrics.ts'
import { createOperations, type Operation, type Operations, sealMax, sweepMax, type Transact } from './operations.ts'
import { whoWasInside } from './session-view.ts'
import { createChangeReads } from './store/changes.ts'
import type { Database } from './store/database.ts'
import { prepareFactStore } from './store/facts.ts'
import { createKeyStore } from './store/keys.ts'
import { createRoomStore } from './store/rooms.ts'
import { createSealStore } from './store/seals.ts'
import { createSecretBox, type SecretBox } from './store/secrets.ts'
import { createSessionReads } from './store/sessions.ts'
import { createSigningKeyStore } from './store/signing-keys.ts'
import { createSourceStore } from './store/sources.ts'
import { lockFile, migrate, openSqlite } from './store/sqlite.ts'
import type { Reads, Writes } from './store/store.ts'
import type { WriterAnswers, WriterData, WriterRequest } from './writer.ts'

export type Store = {
  reads: Reads
  writes: Writes
  record: Record
  /** Ends what is over by `now`: the sweeper calls it. */
  sweep(now: number): Promise<void>
  /** Keeps the JSON of sessions that ended and are quiet by `now`: the sealer calls it. */
  seal(now: number): Promise<void>
  /** Concludes who is gone since the last process stopped without a word. */
  resume(now: number): Promise<void>
  /** How many facts wait for the disk. */
  factsWaiting(): number
  close(): Promise<void>
}

export type StoreOptions = {
  dataFolder: string
  /** 32 bytes; undefined: the file `master.key` in the data folder, made when missing. */
  masterKey?: Buffer | undefined
  rules: Rules
  clock: Clock
  /** Told of each transaction, once it is durable. */
  onCommit?: (commit: Commit) => void
  /** The writing thread died: nothing can be recorded any more. */
  onFailure?: (error: Error) => void
  /** False for a command beside a running server: no lock is taken, and no thread started. Default true. */
  exclusive?: boolean
}

/** Most facts that wait for the disk at once; more are refused with BUSY. */
const factsWaitingMax = 50_000

/**
 * Opens the SQLite file under the data folder, makes or updates its tables, and starts the thread that writes.
 * Throws a `StartRefusal` that says which folder, and what to do, where that cannot be.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { dataFolder, rules, clock, exclusive = true } = options
  const path = join(dataFolder, 'rollcall.db')
  const masterKey = prepareFolder(dataFolder, options.masterKey)
  const lock = exclusive ? takeLock(dataFolder) : undefined
  try {
    const box = createSecretBox(masterKey)
    const now = () => clock.now()
    const db = await openMigrated(path)
    await proveMasterKey(db, box, now, dataFolder)
    const performer = exclusive
      ? startWriter({ path, masterKey, rules }, now, options)
      : performHere(createOperations(db, { box, rules, now }))
    const versions = countVersions(performer.perform)
    const { perform } = versions
    const reads = createReads(db, box, now, versions.of)
    const openFacts = prepareFactStore(db)
    const seals = createSealStore(db)
    return {
      reads,
      writes: toWrites(perform),
      record: (keyId, facts) => perform('record', { keyId, facts }),
      async sweep(at) {
        // Mostly nothing is due: an indexed read here is cheaper than a turn of the writer.
        if ((await openFacts().listToLookAt(at, 1)).length === 0) return
        while ((await perform('sweep', { now: at })) === sweepMax);
      },
      async seal(at) {
        if ((await seals.listToSeal(at, 1)).length === 0) return
        while ((await perform('seal', { now: at })) === sealMax);
      },
      resume: (at) => perform('resume', { now: at }),
      factsWaiting: performer.factsWaiting,
      async close() {
        await performer.close()
        await db.close()
        lock?.release()
      },
    }
  } catch (error) {
    lock?.release()
    throw error
  }
}

type Perform = <N extends keyof Operations>(
  name: N,
  input: Parameters<Operations[N]>[0],
) => Promise<Awaited<ReturnType<Operations[N]>>>

type Performer = { perform: Perform; factsWaiting(): number; close(): Promise<void> }

function prepareFolder(folder: string, given: Buffer | undefined): Buffer {
  try {
    makeFolder(resolve(folder))
    return given ?? ownMasterKey(join(folder, 'master.key'))
  } catch (error) {
    if (error instanceof StartRefusal) throw error
    throw new StartRefusal(
      `ROLLCALL_DATA=${folder} cannot be used: ${(error as Error).message}; name a folder that can be written`,
    )
  }
}

// Not mkdir's own `recursive`: where a file system answers ENOENT for a folder it will not make (/proc), that never returns.
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) makeFolder(parent)
  mkdirSync(folder)
}

function ownMasterKey(file: string): Buffer {
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'hex')
  if (key.length !== 32) throw new StartRefusal(`${file} is damaged: it has to hold 64 hex digits`)
  return key
}

function takeLock(folder: string): { release(): void } {
  let lock: ReturnType<typeof lockFile>
  try {
    lock = lockFile(join(folder, 'rollcall.lock'))
  } catch (error) {
    throw new StartRefusal(
      `ROLLCALL_DATA=${folder} cannot be used: ${(error as Error).message}; name a folder that can be written`,
    )
  }
  if (lock === undefined) {
    throw new StartRefusal(
      `ROLLCALL_DATA=${folder} is in use by another Rollcall server: stop that one, or name another folder`,
    )
  }
  return lock
}

async function openMigrated(path: string): Promise<Database> {
  try {
    const db = openSqlite(path)
    await migrate(db)
    return db
  } catch (error) {
    throw new StartRefusal(`${path} cannot be opened: ${(error as Error).message}`)
  }
}

async function proveMasterKey(db: Database, box: SecretBox, now: () => number, folder: string): Promise<void> {
  try {
    await createKeyStore(db, box, now).list()
  } catch {
    // Whatever the cipher says is of no use to the reader: the key is another one than the secrets were sealed with.
    throw new StartRefusal(
      `the secrets in ROLLCALL_DATA=${folder} were sealed under another master key: set the ROLLCALL_MASTER_KEY, or put back the master.key, that they were made with`,
    )
  }
}

function createReads(db: Database, box: SecretBox, now: () => number, versionOf: Reads['versionOf']): Reads {
  const keys = createKeyStore(db, box, now)
  const rooms = createRoomStore(db, now)
  const sessions = createSessionReads(db, { now, somebodyInside: (record, at) => whoWasInside(record, at).length > 0 })
  const signingKeys = createSigningKeyStore(db, box, now)
  const changes = createChangeReads(db)
  const sources = createSourceStore(db, box, now)
  return {
    findKey: keys.find,
    listKeys: keys.list,
    findRoom: rooms.find,
    findRoomIds: rooms.findRoomIds,
    listRooms: rooms.list,
    listSessions: sessions.list,
    listRunningInRoom: sessions.listRunningInRoom,
    getSession: sessions.get,
    getParticipant: sessions.getParticipant,
    listParticipants: sessions.listParticipants,
    listSessionsToClose: sessions.listToClose,
    countRunning: sessions.countRunning,
    findSigningKey: signingKeys.find,
    changesAfter: changes.after,
    listSources: sources.list,
    findSource: sources.find,
    listLives: sources.listLives,
    findConnected: sources.findConnected,
    versionOf,
  }
}

function toWrites(perform: Perform): Writes {
  return {
    addKey: (input) => perform('addKey', input),
    rotateKey: (input) => perform('rotateKey', input),
    disableKey: (input) => perform('disableKey', input),
    createRoom: (input) => perform('createRoom', input),
    ensureRooms: (input) => perform('ensureRooms', input),
    setRoomDisabled: (input) => perform('setRoomDisabled', input),
    keepSigningKey: (input) => perform('keepSigningKey', input),
    addSource: (input) => perform('addSource', input),
    updateSource: (input) => perform('updateSource', input),
    deleteSource: (input) => perform('deleteSource', input),
    noteSources: (input) => perform('noteSources', input),
    renewLease: (input) => perform('renewLease', input),
    releaseLease: (input) => perform('releaseLease', input),
  }
}

/** What is written here shows in nothing that is kept between requests. */
const unshown: Set<keyof Operations> = new Set(['renewLease', 'releaseLease', 'noteSources'])

/** Counts what was written of each key, when it is durable and before anybody is told of it. */
function countVersions(perform: Perform): { perform: Perform; of(keyId: number): number } {
  const ofKeys = new Map<number, number>()
  let ofAll = 0
  return {
    perform: (name, input) =>
      perform(name, input).finally(() => {
        if (unshown.has(name)) return
        if ('keyId' in input) ofKeys.set(input.keyId, (ofKeys.get(input.keyId) ?? 0) + 1)
        else ofAll += 1
      }),
    of: (keyId) => ofAll + (ofKeys.get(keyId) ?? 0),
  }
}

function performHere(transact: Transact): Performer {
  let last: Promise<unknown> = Promise.resolve()
  const perform: Perform = (name, input) => {
    const done = last.then(() =>
      transact((operations) => (operations[name] as (input: unknown) => Promise<never>)(input)),
    )
    last = done.catch(() => undefined)
    return done
  }
  return {
    perform,
    factsWaiting: () => 0,
    async close() {
      await last
    },
  }
}

function startWriter(
  data: WriterData,
  now: () => number,
  { onCommit = () => {}, onFailure = () => {} }: Pick<StoreOptions, 'onCommit' | 'onFailure'>,
): Performer {
  const worker = new Worker(new URL('./writer.ts', import.meta.url), { workerData: data })
  type Waiting = { resolve(value: unknown): void; reject(error: Error): void; facts: number }
  const waiting = new Map<number, Waiting>()
  let factsWaiting = 0
  let outbox: WriterRequest[] = []
  let n = 0
  let failure: Error | undefined
  let closing = false

  worker.on('message', ({ answers, commits }: WriterAnswers) => {
    for (const commit of commits) onCommit(commit)
    for (const answer of answers) {
      const request = waiting.get(answer.n)
      if (request === undefined) continue
      waiting.delete(answer.n)
      factsWaiting -= request.facts
      if ('value' in answer) request.resolve(answer.value)
      else if (answer.error.code === undefined) request.reject(new Error(answer.error.message))
      else request.reject(new Refusal(answer.error.code, answer.error.message))
    }
  })
  const fail = (error: Error) => {
    failure ??= error
    for (const request of waiting.values()) request.reject(failure)
    waiting.clear()
    if (!closing) onFailure(failure)
  }
  const exited = new Promise<void>((resolve) => {
    worker.on('error', fail)
    worker.on('exit', (code) => {
      if (!closing) fail(new Error(`the writing thread stopped with code ${code}`))
      resolve()
    })
  })

  const perform: Perform = (name, input) => {
    if (failure !== undefined || closing) return Promise.reject(failure ?? new Error('the store is closed'))
    const facts = name === 'record' ? (input as { facts: unknown[] }).facts.length : 0
    if (facts > 0 && factsWaiting + facts > factsWaitingMax) {
      return Promise.reject(new Refusal('BUSY', 'too many facts wait for the disk: send these again in a moment'))
    }
    factsWaiting += facts
    // What is asked for in one turn of the event loop travels to the thread together.
    if (outbox.length === 0) queueMicrotask(post)
    n += 1
    outbox.push({ n, operation: { name, input } as Operation, now: now() })
    return new Promise((resolve, reject) => {
      waiting.set(n, { resolve: resolve as (value: unknown) => void, reject, facts })
    })
  }
  const post = () => {
    worker.postMessage(outbox)
    outbox = []
  }

  return {
    perform,
    factsWaiting: () => factsWaiting,
    async close() {
      while (waiting.size > 0) {
        await Promise.race([exited, new Promise((resolve) => worker.once('message', resolve))])
      }
      closing = true
      worker.postMessage('close')
      await exited
    },
  }
}
