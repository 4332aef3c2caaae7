import { StartRefusal } from '../../error.ts'
import type { Commit } from '../../runtime/metrics.ts'
import { turns } from '../../runtime/turns.ts'
import { createFirstAnalyze } from '../../store/database/first-analyze.ts'
import { migrateToLatest } from '../../store/database/migrations.ts'
import { readAddress, showAddress } from '../../store/database/postgres/address.ts'
import { distribute, findCitus, isEmpty, refuseOldCitus } from '../../store/database/postgres/citus.ts'
import { openLogDays } from '../../store/database/postgres/log-days.ts'
import { isPooledByTransaction } from '../../store/database/postgres/pooling.ts'
import { openPostgres } from '../../store/database/postgres.ts'
import { createSecretBox } from '../../store/database/secrets.ts'
import { startReplica } from '../replica/replica.ts'
import { createBatch, shareOut } from '../writer/batch.ts'
import { startBatches } from '../writer/writer.ts'
import { type Hooks, type Opened, proveMasterKey, type StoreOptions } from './opened.ts'

/** Connections to PostgreSQL that read. */
const readConnections = 8

/**
 * Connections to Citus that write, keys shared out to them: a transaction of one key is one machine's alone, which is committed at once,
 * where one of several is prepared on each first; and while one machine writes, so do others.
 */
const writersOnCitus = 4

/** A PostgreSQL service, before which there may be several servers: of each, one connection writes, others read. */
export async function openService(options: StoreOptions, databaseUrl: string, hooks: Hooks): Promise<Opened> {
  const { masterKey, rules, clock, exclusive = true } = options
  if (masterKey === undefined) {
    throw new StartRefusal('DATABASE_URL is set, so ROLLCALL_MASTER_KEY has to be: every process needs the same one')
  }
  const box = createSecretBox(masterKey)
  const now = () => clock.now()
  // What it says is understood, or refused, before anything is opened.
  if (options.replica !== undefined) readAddress(options.replica.url, 'DATABASE_READ_URL')
  const where = `DATABASE_URL=${showAddress(readAddress(databaseUrl))}`
  await using opened = new AsyncDisposableStack()
  try {
    const isPooled = await isPooledByTransaction(databaseUrl)
    const isDistributed = await migrateService(databaseUrl, isPooled, options.onShownOtherwise)
    const shared = { isPooled, isDistributed, isBounded: exclusive }
    const db = openPostgres(databaseUrl, { connections: readConnections, ...shared })
    opened.defer(() => db.close())
    const { awayMaxMs } = options
    const writing = Array.from({ length: isDistributed ? writersOnCitus : 1 }, () =>
      openPostgres(databaseUrl, { connections: 1, ...shared, awayMaxMs, onReadOnly: () => db.renew() }),
    )
    opened.defer(async () => void (await Promise.all(writing.map((one) => one.close()))))
    await proveMasterKey({ db, box, now }, where)
    const logDays = openLogDays(databaseUrl)
    if (exclusive) await logDays.make(now())
    // On Citus each machine looks at its own.
    const noteFacts = isDistributed ? () => {} : createFirstAnalyze(db)
    const onCommit = (commit: Commit) => {
      noteFacts(commit.facts)
      hooks.onCommit?.(commit)
    }
    const parts = { box, rules, pause: (keyId: number) => turns.next(`written of ${keyId}`) }
    const batching = { unavailable: hooks.onUnwritten, isOfOneKey: isDistributed }
    const writer = startBatches(
      (answered) => shareOut(writing.map((one) => createBatch(one, parts, answered, batching))),
      now,
      { ...hooks, onCommit },
    )
    const replica = exclusive && options.replica !== undefined ? await startReplica(db, options.replica) : undefined
    if (replica !== undefined) opened.defer(() => replica.stop())
    const kept = opened.move()
    const breakOff = () => {
      for (const one of [db, ...writing]) one.breakOff()
    }
    return { db, box, writer, logDays, breakOff, isPooled, replica, close: () => kept.disposeAsync() }
  } catch (error) {
    if (error instanceof StartRefusal) throw error
    throw new StartRefusal(`${where} cannot be used: ${(error as Error).message}`)
  }
}

/**
 * On a connection that waits for as long as it takes: of servers that start together, one does it. Gives whether the tables lie on Citus
 * by key: a record that was begun there does, and one that was distributed.
 */
async function migrateService(databaseUrl: string, isPooled: boolean, tell?: (text: string) => void): Promise<boolean> {
  const db = openPostgres(databaseUrl, { connections: 1, isPooled })
  try {
    await migrateToLatest(db.kysely, tell)
    const citus = await findCitus(db.kysely)
    if (citus === undefined) return false
    if (!citus.isDistributed && (citus.machines === 0 || !(await isEmpty(db.kysely)))) return false
    refuseOldCitus(citus)
    // Also the tables of a newer version than distributed it.
    await distribute(db.kysely)
    return true
  } finally {
    await db.close()
  }
}
