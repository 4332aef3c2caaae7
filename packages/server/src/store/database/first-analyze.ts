import { sql } from 'kysely'
import type { Database } from './database.ts'

/** So many facts are recorded before PostgreSQL is asked to look at tables that it has not looked at yet. */
const analyzedAfterFacts = 1000

const tables = ['claims', 'marks', 'participants', 'sessions', 'changes', 'facts']

/**
 * PostgreSQL plans for tables as it last saw them, and looks at new ones within a minute or so: until then it reads them whole,
 * as it may while they are empty. Gives what is to be called with the number of facts of each commit.
 */
export function createFirstAnalyze(db: Database): (facts: number) => void {
  let recorded = 0
  let isDone = false
  return (facts) => {
    recorded += facts
    if (isDone || recorded < analyzedAfterFacts) return
    isDone = true
    // A service that is away is asked again at the next commit.
    analyzeFirst(db).catch(() => {
      isDone = false
    })
  }
}

async function analyzeFirst(db: Database): Promise<void> {
  const { rows } = await sql<{ seen: boolean }>`
    select reltuples > 0 as seen from pg_class where oid = to_regclass('claims')`.execute(db.kysely)
  if (rows[0]?.seen !== true) await sql.raw(`analyze ${tables.join()}`).execute(db.kysely)
}
