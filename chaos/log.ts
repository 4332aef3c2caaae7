import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { nameOf } from './senders.ts'

/** The raw log, read beside the server. */
export type Log = {
  names: Set<string>
  /** Facts that are in it more than once. */
  doubled: number
  /** Reads what was written since. */
  read(): Promise<void>
}

type Row = { key_id: number; seq: number; source: string; fact_id: string }

const text = 'select key_id, seq, source, fact_id from facts where seq > ? order by seq'

export function openLog(where: { dataFolder: string; databaseUrl: string | undefined }): Log {
  let seq = 0
  const log: Log = {
    names: new Set(),
    doubled: 0,
    async read() {
      for (const row of await readAfter(where, seq)) {
        seq = Math.max(seq, Number(row.seq))
        const name = nameOf({ source: row.source, id: row.fact_id })
        if (log.names.has(name)) log.doubled += 1
        log.names.add(name)
      }
    },
  }
  return log
}

async function readAfter(
  { dataFolder, databaseUrl }: { dataFolder: string; databaseUrl: string | undefined },
  seq: number,
): Promise<Row[]> {
  if (databaseUrl === undefined) {
    const db = new DatabaseSync(join(dataFolder, 'rollcall.db'), { readOnly: true })
    try {
      return db.prepare(text).all(seq) as Row[]
    } finally {
      db.close()
    }
  }
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return (await client.query<Row>(text.replace('?', '$1'), [seq])).rows
  } finally {
    await client.end()
  }
}
