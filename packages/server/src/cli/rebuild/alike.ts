import { sql } from 'kysely'
import type { Rules } from '../../ledger/state.ts'
import { digestOf, factOf } from '../../record/facts/fact-text.ts'
import { applyAgain } from '../../record/facts/replay.ts'
import type { FreshTables } from '../../store/copies/kept-tables.ts'
import { findMiscounts } from '../../store/copies/recount.ts'
import type { Database } from '../../store/database/database.ts'
import { type Memory, openMemory, type WholeSession } from '../../store/facts/memory.ts'
import { query } from '../../store/noun.ts'
import { roomBucketsFrom } from '../../store/sessions/buckets.ts'
import { isSame, type KeptSessions, openKeptSessions } from './kept-sessions.ts'
import { hasGaps, type Log, type LoggedFact, listFacts } from './logs.ts'

/** Sessions whose kept rows are read at a time. */
const pageSessions = 500
/** Of sessions that run, or are not as they are kept yet, no more rows than this are held in memory. */
const heldMax = 400_000

/** The tables of which each row of a key follows from one of its log. */
const tables = ['sessions', 'participants', 'marks', 'seals', 'media', 'changes', 'claims'] as const
/** Those that say how much of it there is. */
const sums = ['counters', 'session_counts', 'session_buckets'] as const

export type Alike = {
  /** The keys of which what is kept is not what their log says, or of which that is not to be told this way. */
  unlike: Set<number>
  /** Sessions of the other keys whose log is not complete. */
  sessionsLeft: number
}

/**
 * Folds each log in memory, and writes nothing: a session is held from its first fact until it is over and nothing is told of it any
 * more, and then compared with its kept rows.
 */
export async function compareLogs(
  fresh: FreshTables,
  rules: Rules,
  logs: Log[],
  progress: (done: number, all: number) => void,
): Promise<Alike> {
  const rows = await countRows(fresh)
  const unlike = new Set([...rows.keys(), ...logs.map(({ keyId }) => keyId)])
  const left = new Map<number, number>()
  await noteLastFacts(fresh)
  const all = logs.reduce((sum, log) => sum + log.facts, 0)
  let done = 0
  for (const log of logs) {
    const before = done
    done += log.facts
    if (hasGaps(log)) continue
    const told = (facts: number) => progress(before + facts, all)
    const sessionsLeft = await compareLog(fresh, rules, log, rows.get(log.keyId) ?? new Map(), told)
    if (sessionsLeft === undefined) continue
    unlike.delete(log.keyId)
    left.set(log.keyId, sessionsLeft)
  }
  for await (const { keyId } of findMiscounts(fresh.keptDb)) unlike.add(keyId)
  for (const keyId of await listOddCounts(fresh)) unlike.add(keyId)
  for (const keyId of unlike) left.delete(keyId)
  return { unlike, sessionsLeft: [...left.values()].reduce((sum, sessions) => sum + sessions, 0) }
}

type Rows = Map<string, number>

/** How many rows each table has, by key. */
async function countRows({ keptDb }: FreshTables): Promise<Map<number, Rows>> {
  const counted = new Map<number, Rows>()
  for (const table of [...tables, ...sums]) {
    const { rows } = await sql<{ keyId: number; rows: number }>`
      select key_id as "keyId", count(*) as rows from ${sql.table(table)} group by key_id`.execute(keptDb.kysely)
    for (const { keyId, rows: ofKey } of rows) {
      const known = counted.get(keyId) ?? new Map<string, number>()
      counted.set(keyId, known.set(table, ofKey))
    }
  }
  return counted
}

/** With which fact the log has told all of a session. */
async function noteLastFacts({ db, kept, place }: FreshTables): Promise<void> {
  const run = (text: string) => sql.raw(text).execute(db.kysely)
  await run('create table last_facts (key_id integer, seq bigint, primary key (key_id, seq))')
  await place(['last_facts'])
  await run(
    `insert into last_facts select key_id, max(seq) from ${kept}.facts where session_id is not null
      group by key_id, session_id`,
  )
}

/** Keys that have a count which is never written so while sessions are only added. */
async function listOddCounts({ keptDb }: FreshTables): Promise<number[]> {
  const isLarge = sql`case when room_id <> '' and sessions > ${sql.lit(roomBucketsFrom)} then 1 else 0 end`
  const { rows } = await sql<{ keyId: number }>`
    select distinct key_id as "keyId" from session_counts where sessions = 0 or bucketed <> ${isLarge}`.execute(
    keptDb.kysely,
  )
  return rows.map(({ keyId }) => keyId)
}

const changesAfter = query<{ keyId: number; seq: number; limit: number }, { [column: string]: unknown }>((k, p) =>
  k
    .selectFrom('changes')
    .selectAll()
    .where('key_id', '=', p.keyId)
    .where('seq', '>', p.seq)
    .orderBy('seq')
    .limit(p.limit),
)
const countersOf = query<{ keyId: number }, { [column: string]: unknown }>((k, p) =>
  k.selectFrom('counters').selectAll().where('key_id', '=', p.keyId),
)

/**
 * Undefined where what is kept of a key is not what its log says; else how many sessions the log does not have the beginning of. Those
 * are left as they are, and so is then what is numbered and claimed of all.
 */
async function compareLog(
  fresh: FreshTables,
  rules: Rules,
  { keyId, first, last, facts, erased }: Log,
  rows: Rows,
  progress: (facts: number) => void,
): Promise<number | undefined> {
  const { keptDb } = fresh
  const isWhole = first === 1 && erased === 0
  const fold = openFold(keyId, rules, isWhole)
  const { memory } = fold
  const kept = await openKeptSessions(keptDb, keyId)
  let changeSeq = 0
  let done = 0
  for (let seq = first - 1; seq < last; ) {
    const page = await listFacts(fresh, keyId, seq)
    for (const fact of page) if (!(await fold.isAlike(fact))) return undefined
    const changes = memory.takeChanges()
    if (isWhole && !(await areChangesAlike(keptDb, keyId, changeSeq, changes))) return undefined
    changeSeq += changes.length
    const end = page.at(-1)?.seq ?? last
    await letGo(memory, kept, await listEnded(fresh, keyId, page, { after: seq, to: end }))
    if (fold.size() > heldMax) return undefined
    seq = end
    done += page.length
    progress(done)
  }
  const rest = memory.list()
  for (let from = 0; from < rest.length; from += pageSessions) {
    const some = rest.slice(from, from + pageSessions)
    if ((await kept.listAlike(some)).length < some.length) return undefined
  }
  const sessionsLeft = (rows.get('sessions') ?? 0) - kept.rows.sessions
  if (!isWhole) return (await hasOrphans(keptDb, keyId)) ? undefined : sessionsLeft
  const [counters] = await keptDb.all(countersOf(keptDb), { keyId })
  const counted = { key_id: keyId, fact_seq: last, change_seq: changeSeq, facts_dropped: 0, changes_dropped: 0 }
  const found: { [table: string]: number } = { ...kept.rows, changes: changeSeq, claims: facts }
  const isAll = tables.every((table) => (rows.get(table) ?? 0) === found[table])
  return isAll && isSame(counters, counted) ? sessionsLeft : undefined
}

/** The log of one key, folded fact by fact. `isWhole`: no session may begin before it. */
function openFold(keyId: number, rules: Rules, isWhole: boolean) {
  const memory = openMemory(keyId)
  /** Sessions that began before the log. */
  const unfounded = new Set<string>()
  return {
    memory,
    size: () => memory.size() + unfounded.size,
    /** Folds a fact; false where its claim, or what became of it, is not what is kept. */
    async isAlike({ factJson, receivedAt, sessionId, outcome, digest, isErased }: LoggedFact): Promise<boolean> {
      if (isErased) return true
      if (isWhole && digest !== digestOf(factJson)) return false
      const fact = factOf(factJson, receivedAt)
      const became = await applyAgain({ facts: memory, rules }, keyId, fact, sessionId)
      if (became !== 'unfounded') return became === outcome && !unfounded.has(sessionId ?? '')
      unfounded.add(sessionId ?? '')
      return !isWhole
    },
  }
}

async function areChangesAlike(
  keptDb: Database,
  keyId: number,
  seq: number,
  changes: ReturnType<Memory['takeChanges']>,
): Promise<boolean> {
  if (changes.length === 0) return true
  const rows = await keptDb.all(changesAfter(keptDb), { keyId, seq, limit: changes.length })
  for (const [i, change] of changes.entries()) change.seq = seq + 1 + i
  return changes.every((change, i) => isSame(rows[i], change))
}

/** Whether there are rows of sessions that are not there. */
async function hasOrphans(keptDb: Database, keyId: number): Promise<boolean> {
  for (const table of ['participants', 'marks', 'seals', 'media'] as const) {
    const { rows } = await sql`
      select 1 from ${sql.table(table)} as p where p.key_id = ${keyId}
        and not exists (select 1 from sessions as s where s.key_id = p.key_id and s.id = p.session_id) limit 1`.execute(
      keptDb.kysely,
    )
    if (rows.length > 0) return true
  }
  return false
}

/** Sessions of a page of the log of which nothing is told after it. */
async function listEnded(
  { db }: FreshTables,
  keyId: number,
  page: LoggedFact[],
  { after, to }: { after: number; to: number },
): Promise<string[]> {
  const { rows } = await sql<{ seq: number }>`
    select seq from last_facts where key_id = ${keyId} and seq > ${after} and seq <= ${to}`.execute(db.kysely)
  const seqs = new Set(rows.map(({ seq }) => seq))
  return page.flatMap(({ seq, sessionId }) => (sessionId !== null && seqs.has(seq) ? sessionId : []))
}

/**
 * Compares sessions that are over, and lets those go that are as they are kept. Whatever runs may be told of by a restart of its source,
 * and what is otherwise may turn out to be a part of another session.
 */
async function letGo(memory: Memory, kept: KeptSessions, ids: string[]): Promise<void> {
  const isOver = ({ session }: WholeSession) => session.endAt !== null || session.startAt === null
  const over = ids.flatMap((id) => memory.get(id) ?? []).filter(isOver)
  for (const { session } of await kept.listAlike(over)) memory.forget(session.id)
}
