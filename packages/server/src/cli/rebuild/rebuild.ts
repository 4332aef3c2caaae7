import { sql } from 'kysely'
import type { Rules } from '../../ledger/state.ts'
import { erasedPrefix } from '../../record/erasure/anonymous.ts'
import { digestOf, factOf } from '../../record/facts/fact-text.ts'
import { applyAgain } from '../../record/facts/replay.ts'
import { sealSessions } from '../../record/seal.ts'
import { compareTables } from '../../store/copies/compare.ts'
import type { FreshTables } from '../../store/copies/kept-tables.ts'
import { openFacts } from '../../store/facts/facts.ts'
import { openBuckets } from '../../store/sessions/buckets.ts'
import { hasPlainHead, type SessionToSeal, writeText } from '../../store/sessions/seals.ts'
import { compareLogs } from './alike.ts'
import { hasGaps, type Log, type LoggedFact, listFacts, listLogs } from './logs.ts'
import { listChangedSessions } from './sessions.ts'

export type Rebuilt = {
  /** How many were folded again. */
  facts: number
  /** Rows that were not as the log has them. */
  differences: number
  /** Sessions whose log is not complete: they are as they were. */
  sessionsLeft: number
}

/** What is told while it goes on: each session that it changes, and each difference, in words; and how many facts of all are done. */
export type RebuildReport = { tell(text: string): void; progress(done: number, all: number): void }

/** The table of the keys that are folded into the fresh tables. */
const foldedKeys = 'folded_keys'
/** Sessions that are read, and sealed or counted, in one transaction. */
const pageSessions = 500

/**
 * Folds the raw log, and looks whether the same is kept: of each key in memory first, since nearly always it is. Of keys of which it is
 * not, it is folded into fresh tables, and whatever these have otherwise is put in place of what is kept, in one transaction:
 * whenever it is broken off, the kept tables are as they were, or as the log has them. The log itself is left alone, and so
 * is whatever it does not tell: keys, rooms, sources, and how the media went.
 */
export async function rebuild(
  fresh: FreshTables,
  rules: Rules,
  report: RebuildReport,
  { dryRun }: { dryRun: boolean },
): Promise<Rebuilt> {
  const { db, kept } = fresh
  const logs = await listLogs(fresh)
  const facts = logs.reduce((sum, log) => sum + log.facts, 0)
  const { unlike: keyIds, sessionsLeft: leftAlike } = await compareLogs(fresh, rules, logs, report.progress)
  if (keyIds.size === 0) return { facts, differences: 0, sessionsLeft: leftAlike }

  await run(fresh, `create table ${foldedKeys} (key_id integer primary key)`)
  await fresh.place([foldedKeys])
  for (const keyId of keyIds) await run(fresh, `insert into ${foldedKeys} values (${keyId})`)
  for (const table of ['keys', 'rooms']) await run(fresh, `insert into ${table} select * from ${kept}.${table}`)
  const ofThese = logs.filter(({ keyId }) => keyIds.has(keyId))
  const { unlike } = await foldLogs(fresh, rules, ofThese, report)
  const sessionsLeft = leftAlike + (await takeOver(fresh))
  await bringInLine(fresh)
  await sealAgain(fresh)

  const comparison = await compareTables(fresh, foldedKeys)
  if (comparison.differs('sessions') || comparison.differs('participants')) {
    for await (const text of listChangedSessions(fresh, foldedKeys)) report.tell(text)
  }
  let differences = unlike.length
  for (const { keyId, seq, was, is } of unlike) {
    report.tell(`facts: key_id ${keyId}, seq ${seq}: outcome is ${was}, folded again ${is}`)
  }
  for await (const { text, rows } of comparison.list()) {
    differences += rows
    report.tell(text)
  }
  if (!dryRun && differences > 0) {
    await db.transaction(async () => {
      await comparison.mend()
      // The server gathers them again; who was merged into whom stays.
      await run(fresh, `update ${kept}.people set stale = 1`)
      await run(fresh, `update ${kept}.search_cursors set session_id = '', participant_id = '', room_id = ''`)
      for (const { keyId, seq, is } of unlike) {
        await sql`
          update ${sql.raw(kept)}.facts set outcome = ${is}
          where key_id = ${keyId} and seq = ${seq}`.execute(db.kysely)
      }
    })
  }
  return { facts, differences, sessionsLeft }
}

/** A fact of which something else became than is written beside it. */
type Unlike = { keyId: number; seq: number; was: string; is: string }

/** Folds every session whose beginning is in the log; the others are noted in `left_sessions`. */
async function foldLogs(
  fresh: FreshTables,
  rules: Rules,
  logs: Log[],
  { progress, tell }: RebuildReport,
): Promise<{ unlike: Unlike[] }> {
  const { db, kept } = fresh
  await run(fresh, 'create table left_sessions (key_id integer, session_id text, primary key (key_id, session_id))')
  await run(fresh, 'create table left_keys (key_id integer primary key)')
  await fresh.place(['left_sessions', 'left_keys'])
  await run(
    fresh,
    `insert into left_keys select key_id from ${kept}.counters
      where facts_dropped > 0 and key_id in (select key_id from ${foldedKeys})`,
  )
  const unlike: Unlike[] = []
  let facts = 0
  const all = logs.reduce((sum, log) => sum + log.facts, 0)
  for (const log of logs) {
    const { keyId } = log
    const isBroken = hasGaps(log)
    if (isBroken) tell(`facts: key_id ${keyId}: there are gaps in its log: nothing of it is folded again`)
    if (isBroken || log.first !== 1 || log.erased > 0)
      await run(fresh, `insert into left_keys values (${keyId}) on conflict do nothing`)
    for (let seq = isBroken ? log.last : log.first - 1; seq < log.last; ) {
      const page = await listFacts(fresh, keyId, seq)
      await db.transaction(() => foldPage(keyId, page))
      seq = page.at(-1)?.seq ?? log.last
      facts += page.length
      progress(facts, all)
    }
  }
  await run(
    fresh,
    `insert into left_sessions select k.key_id, k.id from ${kept}.sessions as k where k.key_id in (select key_id from left_keys)
      and not exists (select 1 from sessions as f where f.key_id = k.key_id and f.id = k.id)
      and not exists (select 1 from left_sessions as l where l.key_id = k.key_id and l.session_id = k.id)`,
  )
  return { unlike }

  async function foldPage(keyId: number, page: LoggedFact[]): Promise<void> {
    const store = openFacts(db)
    const said = page.map(({ factJson, receivedAt }) => factOf(factJson, receivedAt))
    await store.prepare([{ keyId, facts: said }])
    for (const [i, { seq, sessionId, outcome, factJson, isErased }] of page.entries()) {
      const fact = said[i]
      if (fact === undefined || isErased) continue
      const claimed = await store.claim(keyId, fact, digestOf(factJson))
      const is =
        claimed === true ? await applyAgain({ facts: store, rules }, keyId, fact, sessionId) : ('duplicate' as const)
      if (is === 'unfounded') await noteLeft(keyId, sessionId ?? '')
      else if (is !== outcome) unlike.push({ keyId, seq, was: outcome, is })
    }
    await store.flush()
  }

  async function noteLeft(keyId: number, sessionId: string): Promise<void> {
    await sql`insert into left_sessions values (${keyId}, ${sessionId}) on conflict do nothing`.execute(db.kysely)
    // Its changes are among the key's, in one order: of somebody who was erased, or of a record that came from another server, the log
    // does not tell which session its first fact opened.
    await sql`insert into left_keys values (${keyId}) on conflict do nothing`.execute(db.kysely)
  }
}

/** Takes sessions that cannot be folded again over as they are. Gives how many. */
async function takeOver(fresh: FreshTables): Promise<number> {
  const { db, kept } = fresh
  const left = '(select key_id, session_id from left_sessions)'
  await run(fresh, `insert into sessions select * from ${kept}.sessions where (key_id, id) in ${left}`)
  for (const table of ['participants', 'marks', 'seals', 'media']) {
    await run(fresh, `insert into ${table} select * from ${kept}.${table} where (key_id, session_id) in ${left}`)
  }
  for (const table of ['claims', 'changes', 'counters']) {
    const ofLeft = 'where key_id in (select key_id from left_keys)'
    await run(fresh, `delete from ${table} ${ofLeft}`)
    await run(fresh, `insert into ${table} select * from ${kept}.${table} ${ofLeft}`)
  }
  type Row = { keyId: number; id: string; roomId: string; source: string; startAt: number | null; endAt: number | null }
  let sessions = 0
  for (let after = { keyId: 0, id: '' }; ; ) {
    const { rows } = await sql<Row>`
      select s.key_id as "keyId", s.id, room_id as "roomId", source, start_at as "startAt", end_at as "endAt"
      from sessions as s join left_sessions as l on l.key_id = s.key_id and l.session_id = s.id
      where (s.key_id, s.id) > (${after.keyId}, ${after.id}) order by s.key_id, s.id limit ${pageSessions}`.execute(
      db.kysely,
    )
    const last = rows.at(-1)
    if (last === undefined) return sessions
    await db.transaction(async () => {
      const buckets = openBuckets(db)
      for (const { keyId, roomId, source, startAt, endAt } of rows) {
        if (startAt !== null) buckets.count(keyId, undefined, { roomId, source, startAt, ended: endAt !== null })
      }
      await buckets.flush()
    })
    sessions += rows.length
    after = last
  }
}

/** What the log does not tell is as it is kept: when somebody looks next, and which empty buckets are left over. */
async function bringInLine(fresh: FreshTables): Promise<void> {
  const { kept } = fresh
  await run(
    fresh,
    `insert into counters (key_id, fact_seq, change_seq) select key_id, max(seq), 0 from ${kept}.facts
      where key_id in (select key_id from ${foldedKeys}) and key_id not in (select key_id from left_keys) group by key_id
      on conflict (key_id) do update set fact_seq = excluded.fact_seq`,
  )
  // Whoever looked, and found that it was too early, put it off.
  const same = 'k.key_id = sessions.key_id and k.id = sessions.id and k.look_at > sessions.look_at'
  await run(
    fresh,
    `update sessions set look_at = (select k.look_at from ${kept}.sessions as k where ${same})
      where exists (select 1 from ${kept}.sessions as k where ${same})`,
  )
  // That somebody who is erased was called otherwise later counted as a revision, and the names are not in the log any more.
  const ofKept = `from ${kept}.sessions as k where k.key_id = sessions.key_id and k.id = sessions.id`
  await run(
    fresh,
    `update sessions set revision = (select k.revision ${ofKept})
      where key_id in (select key_id from left_keys) and exists (select 1 ${ofKept})
      and exists (select 1 from participants as p where p.key_id = sessions.key_id and p.session_id = sessions.id
        and p.participant_id like '${erasedPrefix}%')`,
  )
  const bucket = 'f.key_id = k.key_id and f.room_id = k.room_id and f.level = k.level and f.start_at = k.start_at'
  const empty = (one: string) => `${one}.sessions = 0 and ${one}.ended = 0`
  await run(
    fresh,
    `delete from session_buckets as f where ${empty('f')}
      and not exists (select 1 from ${kept}.session_buckets as k where ${bucket} and ${empty('k')})`,
  )
  await run(
    fresh,
    `insert into session_buckets select * from ${kept}.session_buckets as k where ${empty('k')}
      and k.key_id in (select key_id from ${foldedKeys})
      and not exists (select 1 from session_buckets as f where ${bucket})`,
  )
}

/** Seals what is kept sealed: a text from before there was a shorter form stays in its own. */
async function sealAgain({ db, kept }: FreshTables): Promise<void> {
  for (;;) {
    const { rows } = await sql<Omit<SessionToSeal, 'roomId'> & { isEncoded: boolean | number }>`
      select s.key_id as "keyId", s.id as "sessionId", s.seal_at as "sealAt", keys.api_key as "apiKey", keys.user_id as "userId",
        z.head is null or not ${hasPlainHead('z.head')} as "isEncoded"
      from sessions as s join ${sql.raw(kept)}.sessions as k on k.key_id = s.key_id and k.id = s.id
      left join ${sql.raw(kept)}.seals as z on z.key_id = k.key_id and z.session_id = k.id
      join keys on keys.key_id = s.key_id
      where s.seal_at is not null and s.start_at is not null and k.seal_at is null limit ${pageSessions}`.execute(
      db.kysely,
    )
    if (rows.length === 0) break
    const plain = new Map(rows.flatMap((row) => (row.isEncoded ? [] : [[row.sessionId, row.keyId]])))
    await db.transaction(async () => {
      for (const { id: sessionId, ...text } of await sealSessions({ db }, rows)) {
        const keyId = plain.get(sessionId)
        if (keyId !== undefined) await writeText(db, { keyId, sessionId, ...text })
      }
    })
  }
  // A text whose seal was broken counts for nothing, and stays until another takes its place.
  await run(
    { db },
    `insert into seals select * from ${kept}.seals as k
      where exists (select 1 from sessions as s where s.key_id = k.key_id and s.id = k.session_id)
      and not exists (select 1 from seals as f where f.key_id = k.key_id and f.session_id = k.session_id)`,
  )
}

async function run({ db }: Pick<FreshTables, 'db'>, text: string): Promise<void> {
  await sql.raw(text).execute(db.kysely)
}
