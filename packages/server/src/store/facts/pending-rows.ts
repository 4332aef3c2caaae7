import type { Insertable } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { takeSeqs } from './counters.ts'
import { type MarkName, removeMark } from './queries.ts'

type Rows<Table extends keyof Tables> = Insertable<Tables[Table]>[]

/** Rows that wait to be written, a statement a table. */
export type PendingRows = {
  sessions: Rows<'sessions'>
  /** By what names them: the last one counts. */
  participants: Map<string, Insertable<Tables['participants']>>
  marks: Rows<'marks'>
  removedMarks: MarkName[]
  claims: Rows<'claims'>
  facts: Rows<'facts'>
  changes: Rows<'changes'>
  /** Writes all but what is numbered. */
  flush(): Promise<void>
  /** Numbers the facts and the changes, and writes them. */
  flushNumbered(): Promise<void>
}

export function openPending(db: Database): PendingRows {
  const pending: PendingRows = {
    sessions: [],
    participants: new Map(),
    marks: [],
    removedMarks: [],
    claims: [],
    facts: [],
    changes: [],
    async flush() {
      const { sessions, participants, marks, removedMarks, claims } = pending
      // In this order a duplicate is found before anything is built on it.
      await db.insertRows('claims', claims.splice(0).sort(byClaim))
      await db.insertRows('sessions', sessions.splice(0), ['key_id', 'id'])
      await db.insertRows('participants', [...participants.values()], ['key_id', 'session_id', 'participant_id'])
      participants.clear()
      for (const name of removedMarks.splice(0)) await db.run(removeMark(db), name)
      await db.insertRows('marks', marks.splice(0))
    },
    async flushNumbered() {
      const { facts, changes } = pending
      const keyIds = new Set([...facts, ...changes].map((row) => row.key_id))
      for (const keyId of [...keyIds].sort((a, b) => a - b)) {
        const ofFacts = facts.filter((row) => row.key_id === keyId)
        const ofChanges = changes.filter((row) => row.key_id === keyId)
        const { factSeq, changeSeq } = await takeSeqs(db, keyId, ofFacts.length, ofChanges.length)
        for (const [i, row] of ofFacts.entries()) {
          row.seq = factSeq + i
          row.change_seq = changeSeq + ofChanges.length - 1
        }
        for (const [i, row] of ofChanges.entries()) row.seq = changeSeq + i
      }
      await db.insertRows('facts', facts.splice(0))
      await db.insertRows('changes', changes.splice(0))
    },
  }
  return pending
}

/** Claims of two processes at the same time are made in one order, so that neither waits for the other in a circle. */
function byClaim(a: Insertable<Tables['claims']>, b: Insertable<Tables['claims']>): number {
  return a.key_id - b.key_id || compareText(a.source, b.source) || compareText(a.fact_id, b.fact_id)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
