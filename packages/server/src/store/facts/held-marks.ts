import type { Mark } from '../../ledger/state.ts'
import { toMark } from '../database/columns.ts'
import type { Database } from '../database/database.ts'
import type { PendingRows } from './pending-rows.ts'
import { marksOf } from './queries.ts'
import { toMarkRow } from './rows.ts'

type Whose = { sessionId: string; participantId: string }

/** The marks of the people whom one transaction is about. */
export type HeldMarks = {
  /** Reads at once those of these people. */
  read(keyId: number, people: Whose[]): Promise<void>
  /** A session began in this transaction: nobody has marks of it that are not held. */
  begin(keyId: number, sessionId: string): void
  list(keyId: number, whose: Whose): Mark[] | Promise<Mark[]>
  insert(keyId: number, sessionId: string, mark: Mark): void
  /** None are left of a session. */
  forget(keyId: number, sessionId: string): void
  /** Of those that were listed. */
  remove(keyId: number, sessionId: string, mark: Mark): void
}

export function holdMarks(db: Database, pending: PendingRows): HeldMarks {
  /** By key, session and person. */
  const held = new Map<string, Mark[]>()
  const begun = new Set<string>()
  const nameOf = (keyId: number, { sessionId, participantId }: Whose) => `${keyId}\n${sessionId}\n${participantId}`

  const marks: HeldMarks = {
    async read(keyId, people) {
      for (const whose of people) held.set(nameOf(keyId, whose), [])
      for (const row of await db.all(marksOf(db), { keyId, list: JSON.stringify(people) })) {
        held.get(nameOf(keyId, row))?.push(toMark(row))
      }
    },
    begin(keyId, sessionId) {
      begun.add(`${keyId}\n${sessionId}`)
    },
    list(keyId, whose) {
      const name = nameOf(keyId, whose)
      const known = held.get(name) ?? (begun.has(`${keyId}\n${whose.sessionId}`) ? [] : undefined)
      return known ?? marks.read(keyId, [whose]).then(() => held.get(name) ?? [])
    },
    insert(keyId, sessionId, mark) {
      const name = nameOf(keyId, { sessionId, participantId: mark.participantId })
      const known = held.get(name)
      if (known === undefined) held.set(name, [mark])
      else known.push(mark)
      pending.marks.push(toMarkRow(keyId, sessionId, mark))
    },
    forget(keyId, sessionId) {
      for (const name of held.keys()) if (name.startsWith(`${keyId}\n${sessionId}\n`)) held.delete(name)
      marks.begin(keyId, sessionId)
    },
    remove(keyId, sessionId, mark) {
      const known = held.get(nameOf(keyId, { sessionId, participantId: mark.participantId }))
      known?.splice(known.indexOf(mark), 1)
      const { participantId, factId, kind } = mark
      const unwritten = pending.marks.findLastIndex((row) => row.fact_id === factId && row.session_id === sessionId)
      if (unwritten === -1) pending.removedMarks.push({ keyId, sessionId, participantId, factId, kind })
      else pending.marks.splice(unwritten, 1)
    },
  }
  return marks
}
