import { repeat } from '../../runtime/repeat.ts'
import type { Database } from '../../store/database/database.ts'
import { isUnavailable } from '../../store/database/postgres/errors.ts'
import { isPooledByTransaction } from '../../store/database/postgres/pooling.ts'
import {
  findPosition,
  findWhereabouts,
  openReplicaConnection,
  requireReplicaOf,
  throughPooler,
  type Whereabouts,
} from '../../store/database/postgres/replica-connection.ts'
import { openPostgres, type Postgres } from '../../store/database/postgres.ts'
import { createPositions } from './positions.ts'

/** Connections that lists and reports are read by. */
const connectionsMax = 8
/** From one look whether the replica is there to the next, in milliseconds. */
const lookMs = 500
/** A replica that does not answer for so long is taken for gone, in milliseconds. */
const answerMaxMs = 2000

/** A copy of the database that PostgreSQL keeps up to date, from which lists and reports are read. */
export type Replica = {
  /** What a key's lists are read by for now: the replica where it has what it needs to, else the primary. */
  borrow(keyId: number): Promise<Borrowed>
  /** Something of this key was written, by whichever server; undefined: of any. */
  noteWritten(keyId: number | undefined): void
  /** How old what it has is at most, in milliseconds; undefined: it is not there, or further behind than is known. */
  ageMs(): number | undefined
  stop(): Promise<void>
}

export type Borrowed = { db: Database; done(): void }

export type ReplicaOptions = {
  url: string
  /** What is read from it is no older than this, in milliseconds. */
  maxAgeMs: number
  /** Told in words when it is used from now on, and when it is not any more. */
  onReplica?: ((text: string, isUsed: boolean) => void) | undefined
  /** Called for each list and report. */
  onRead?: ((from: 'replica' | 'primary') => void) | undefined
}

/** Resolves once it was looked for. It need not be there: then all is read from the primary, until it is. */
export async function startReplica(
  primary: Postgres,
  { url, maxAgeMs, onReplica = () => {}, onRead = () => {} }: ReplicaOptions,
): Promise<Replica> {
  const positions = createPositions(() => findPosition(primary), maxAgeMs)
  let ofPrimary: Whereabouts | undefined
  const findPrimary = async () => {
    ofPrimary ??= await findWhereabouts((text) => primary.ask(text, []))
    return ofPrimary
  }
  let isUsed = false
  /** Why it was not, at the last look. */
  let why: string | undefined
  let age: number | undefined
  const watcher = openPostgres(url, { connections: 1, isBounded: true })
  const failed = (error: unknown) => {
    if (isUnavailable(error)) setAside(error)
  }
  const connections = Array.from({ length: connectionsMax }, () =>
    openReplicaConnection(url, primary, { findPrimary, failed }),
  )
  const setAside = (error: unknown) => {
    const { message } = error as Error
    if (isUsed || why !== message)
      onReplica(`lists and reports are read from the primary: the replica: ${message}`, false)
    isUsed = false
    why = message
    age = undefined
  }
  const look = async () => {
    try {
      await positions.sample()
    } catch {
      // Whoever reads from the primary is told what it is, and what was found to be well is so for a while.
      return
    }
    const found = await within(
      answerMaxMs,
      findWhereabouts((text) => watcher.ask(text, [])),
    ).catch((error) => {
      // Where no answer comes, none will.
      for (const one of [watcher, ...connections]) one.breakOff()
      throw error
    })
    requireReplicaOf(await findPrimary(), found)
    if (!isUsed && (await isPooledByTransaction(url))) throw throughPooler()
    age = positions.ageOf(found.position)
    if (!isUsed) onReplica('lists and reports are read from the replica', true)
    isUsed = true
    why = undefined
  }
  await look().catch(setAside)
  const looks = repeat(lookMs, look, setAside)

  return {
    async borrow(keyId) {
      const connection = connections.reduce((one, other) => (other.busy() < one.busy() ? other : one))
      const needed = isUsed ? await positions.neededFor(keyId).catch(() => undefined) : undefined
      if (needed !== undefined && (await reaches(connection, needed))) {
        onRead('replica')
        return { db: connection.db, done: connection.begin(needed) }
      }
      onRead('primary')
      return { db: primary, done() {} }
    },
    noteWritten: positions.noteWritten,
    ageMs: () => age,
    async stop() {
      await looks.stop()
      await Promise.all([watcher, ...connections].map((one) => one.close()))
    },
  }

  async function reaches(connection: (typeof connections)[number], needed: number): Promise<boolean> {
    if (connection.has(needed)) return true
    try {
      await connection.look()
    } catch (error) {
      failed(error)
    }
    return connection.has(needed)
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`it does not answer within ${ms / 1000} s`)), ms)
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}
