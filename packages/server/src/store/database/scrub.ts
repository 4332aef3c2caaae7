import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** How long it waits for whoever reads, in milliseconds: what is left goes with the next commits. */
const busyTimeoutMs = 2000

/**
 * Leaves nothing of what was erased beside the record: SQLite's log of what was written holds pages as they were. In PostgreSQL it is its own
 * `autovacuum` that does so, and whoever archives its log has to let that pass.
 */
export async function scrubRecord({
  databaseUrl,
  dataFolder,
}: {
  databaseUrl: string | undefined
  dataFolder: string
}): Promise<void> {
  if (databaseUrl !== undefined) return
  const connection = new DatabaseSync(join(dataFolder, 'rollcall.db'), { timeout: busyTimeoutMs })
  try {
    connection.exec('pragma wal_checkpoint(truncate)')
  } finally {
    connection.close()
  }
}
