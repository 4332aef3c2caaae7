import { sql } from 'kysely'
import type { Rules } from '../../ledger/state.ts'
import { digestOf, factOf } from '../../record/facts/fact-text.ts'
import { applyAgain } from '../../record/facts/replay.ts'
import type { FreshTables } from '../../store/copies/kept-tables.ts'
import { findMiscounts } from '../../store/copies/recount.ts'
import { type Memory, openMemory, type WholeSession } from '../../store/facts/memory.ts'
import { query } from '../../store/noun.ts'
import { roomBucketsFrom } from '../../store/sessions/buckets.ts'
import { isSame, type KeptSessions, openKeptSessions } from './kept-sessions.ts'
import type { Log } from './logs.ts'

/** Facts that are read, and folded, at a time. */
const pageFacts = 1000
/** Sessions whose kept rows are read at a time. */
const pageSessions = 500
/** Of sessions that run, or are not as they are kept yet, no more rows than this are held in memory. */
const heldMax = 400_000

/** The tables of which each row of a key follows from one of its log. */
const tables = ['sessions', 'participants', 'marks', 'seals', 'media', 'changes', 'claims'] as const
/** Those that say how much of it there is. */
const sums = ['counters', 'session_counts', 'session_buckets'] as const

/**
 * The keys of which what is kept is not what their log says, or of which that is not to be told this way. Each log is folded in memory
 * and nothing is written: a session is held from its first fact until it is over and nothing is told of it any more, and then compared
 * with its kept rows.
 */
export async function listUnlikeKeys(
  fresh: FreshTables,
  rules: Rules,
  logs: Log[],
  progress: (done: number, all: number) => void,
): Promise<Set<number>> {
  const rows = await countRows(fresh)
  const unlike = new Set([...rows.keys(), ...logs.map(({ keyId }) => keyId)])
  await noteLastFacts(fresh)
  const all = logs.reduce((sum, log) => sum + log.facts, 0)
  let done = 0
  for (const log of logs) {
    const before = done
    const isWhole = log.first === 1 && log.last === log.facts && log.erased === 0
    const told = (facts: number) => progress(before + facts, all)
    if (isWhole && (await isAlike(fresh, rules, log, rows.get(log.keyId), told))) unlike.delete(log.keyId)
    done += log.facts
  }
  for await (const { keyId } of findMiscounts(fresh.keptDb)) unlike.add(keyId)
  for (const keyId of await listOddCounts(fresh)) unlike.add(keyId)
  return unlike
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

type LoggedFact = {
  seq: number
  sessionId: string | null
  outcome: string
  receivedAt: number
  factJson: string
  /** What its id is claimed with. */
  digest: string | null
}

const factsAfter = query<{ keyId: number; seq: number }, LoggedFact>((k, p) =>
  k
    .selectFrom('facts as f')
    .leftJoin('claims as c', (join) =>
      join.onRef('c.key_id', '=', 'f.key_id').onRef('c.source', '=', 'f.source').onRef('c.fact_id', '=', 'f.fact_id'),
    )
    .select(['f.seq', 'f.session_id as sessionId', 'f.outcome', 'f.received_at as receivedAt'])
    .select(['f.fact_json as factJson', 'c.digest'])
    .where('f.key_id', '=', p.keyId)
    .where('f.seq', '>', p.seq)
    .orderBy('f.seq')
    .limit(sql.lit(pageFacts)),
)
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

/** Whether what is kept of a key is what its log says; of a log that is whole. */
async function isAlike(
  fresh: FreshTables,
  rules: Rules,
  { keyId, last, facts }: Log,
  rows: Rows | undefined,
  progress: (facts: number) => void,
): Promise<boolean> {
  const { keptDb } = fresh
  const memory = openMemory(keyId)
  const kept = await openKeptSessions(keptDb, keyId)
  let changeSeq = 0
  for (let seq = 0; seq < last; ) {
    const page = await keptDb.all(factsAfter(keptDb), { keyId, seq })
    for (const fact of page) if (!(await foldAlike(memory, rules, keyId, fact))) return false
    const changes = memory.takeChanges()
    if (!(await areChangesAlike(changes))) return false
    changeSeq += changes.length
    const end = page.at(-1)?.seq ?? last
    await letGo(memory, kept, await listEnded(fresh, keyId, page, { after: seq, to: end }))
    if (memory.size() > heldMax) return false
    seq = end
    progress(seq)
  }
  const left = memory.list()
  for (let from = 0; from < left.length; from += pageSessions) {
    const some = left.slice(from, from + pageSessions)
    if ((await kept.listAlike(some)).length < some.length) return false
  }
  const [counters] = await keptDb.all(countersOf(keptDb), { keyId })
  const none = { facts_dropped: 0, changes_dropped: 0 }
  const found: { [table: string]: number } = { ...kept.rows, changes: changeSeq, claims: facts }
  return (
    isSame(counters, { key_id: keyId, fact_seq: last, change_seq: changeSeq, ...none }) &&
    tables.every((table) => (rows?.get(table) ?? 0) === found[table])
  )

  async function areChangesAlike(changes: ReturnType<Memory['takeChanges']>): Promise<boolean> {
    if (changes.length === 0) return true
    const rows = await keptDb.all(changesAfter(keptDb), { keyId, seq: changeSeq, limit: changes.length })
    for (const [i, change] of changes.entries()) change.seq = changeSeq + 1 + i
    return changes.every((change, i) => isSame(rows[i], change))
  }
}

/** Folds a fact; false where its claim, or what became of it, is not what is kept. */
async function foldAlike(memory: Memory, rules: Rules, keyId: number, logged: LoggedFact): Promise<boolean> {
  const { factJson, receivedAt, sessionId, outcome, digest } = logged
  if (digest !== digestOf(factJson)) return false
  return (await applyAgain({ facts: memory, rules }, keyId, factOf(factJson, receivedAt), sessionId)) === outcome
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
