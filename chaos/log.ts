import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { historyAfterMs } from '../packages/server/src/store/outbox/limits.ts'
import { nameOf } from './senders.ts'

/** The raw log, read beside the server. */
export type Log = {
  names: Set<string>
  /** Facts that are in it more than once. */
  doubled: number
  /** Reads what was written since. */
  read(): Promise<void>
  /** All of which somebody is told. */
  listChanges(): Promise<LoggedChange[]>
}

export type LoggedChange = { seq: number; sessionId: string }

type Where = { dataFolder: string; databaseUrl: string | undefined }

const factsAfter = 'select seq, source, fact_id from facts where seq > ? order by seq'
// Of what happened long before it was recorded nobody is told.
const changesAfter = `select seq, session_id from changes where seq > ? and recorded_at - at <= ${historyAfterMs} order by seq`

export function openLog(where: Where): Log {
  let seq = 0
  const log: Log = {
    names: new Set(),
    doubled: 0,
    async read() {
      type Row = { seq: number; source: string; fact_id: string }
      for (const row of await readAfter<Row>(where, factsAfter, seq)) {
        seq = Math.max(seq, Number(row.seq))
        const name = nameOf({ source: row.source, id: row.fact_id })
        if (log.names.has(name)) log.doubled += 1
        log.names.add(name)
      }
    },
    async listChanges() {
      const rows = await readAfter<{ seq: number; session_id: string }>(where, changesAfter, 0)
      return rows.map((row) => ({ seq: Number(row.seq), sessionId: row.session_id }))
    },
  }
  return log
}

async function readAfter<Row extends object>(
  { dataFolder, databaseUrl }: Where,
  text: string,
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
