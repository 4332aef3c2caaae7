import { StartRefusal } from '../../error.ts'
import type { Rules } from '../../ledger/state.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { Database } from '../../store/database/database.ts'
import type { LogDays } from '../../store/database/postgres/log-days.ts'
import type { SecretBox } from '../../store/database/secrets.ts'
import { keys } from '../../store/keys/keys.ts'
import type { Over } from '../../store/noun.ts'
import type { RecordingHealth } from '../recording-health.ts'
import type { Replica, ReplicaOptions } from '../replica/replica.ts'
import type { QueueLimits, Writer, WriterHooks } from '../writer/writer.ts'

export type StoreOptions = {
  /** A PostgreSQL service, in place of the SQLite file. */
  databaseUrl?: string | undefined
  /** A replica of it that lists and reports are read from. A command does without. */
  replica?: ReplicaOptions | undefined
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

export type Opened = {
  db: Database
  box: SecretBox
  writer: Writer
  logDays?: LogDays
  breakOff?: () => void
  isPooled?: boolean
  replica?: Replica | undefined
  close(): Promise<void>
}

export type Hooks = WriterHooks & QueueLimits & { onDamage(): void }

export function hooksOf({ metrics, onFailure, factsWaitingMax }: StoreOptions, health: RecordingHealth): Hooks {
  return {
    onCommit: metrics?.noteCommit,
    onFailure,
    onRecorded: health.noteRecorded,
    onUnwritten: health.noteFailed,
    onDamage: health.noteDamaged,
    factsWaitingMax,
  }
}

export async function proveMasterKey(over: Over, where: string): Promise<void> {
  try {
    await keys.reads.list(over)
  } catch {
    // Whatever the cipher says is of no use to the reader: the key is another one than the secrets were sealed with.
    throw new StartRefusal(
      `the secrets in ${where} were sealed under another master key: set the ROLLCALL_MASTER_KEY, or put back the master.key, that they were made with`,
    )
  }
}
