import { sql } from 'kysely'
import type { Session } from '../../ledger/state.ts'
import { digestOf } from '../../record/facts/fact-text.ts'
import { findPeopleFaults } from '../../store/copies/people-faults.ts'
import { findMiscounts } from '../../store/copies/recount.ts'
import { findStaleTexts } from '../../store/copies/stale-texts.ts'
import {
  type MarkColumns,
  markColumns,
  type ParticipantColumns,
  participantColumns,
  sessionColumns,
  toMark,
  toParticipant,
} from '../../store/database/columns.ts'
import type { Database } from '../../store/database/database.ts'
import { decodeSeal } from '../../store/sessions/seals.ts'
import { findFaults, type KeptSession } from './session.ts'
import { findWrongDays } from './usage.ts'

/** How many there are of what was looked at. */
export type Verified = {
  faults: number
  keys: number
  sessions: number
  participants: number
  marks: number
  facts: number
  changes: number
}

const nothing: Verified = { faults: 0, keys: 0, sessions: 0, participants: 0, marks: 0, facts: 0, changes: 0 }

/** What is told while it goes on: a fault in words; and how many sessions and facts of all are done. */
export type VerifyReport = { fault(text: string): void; progress(done: number, all: number): void }

/** Most sessions read at once, and most people of them together (one session is read whole). */
const pageSessions = 500
const pagePeople = 20_000
const pageFacts = 2000

/** Looks whether all holds that has to hold of the tables, row by row: nothing is written. */
export async function verify(db: Database, report: VerifyReport): Promise<Verified> {
  const damage = await db.differences.findFileFaults(db.kysely)
  for (const text of damage) report.fault(`the file is damaged: ${text}`)
  // What else is read of it may be anything.
  if (damage.length > 0) return { ...nothing, faults: damage.length }
  const verified: Verified = { faults: 0, ...(await countRows(db)) }
  const fault = (text: string) => {
    verified.faults += 1
    report.fault(text)
  }
  const all = verified.sessions + verified.facts
  let done = 0
  const progress = (more: number) => {
    done += more
    report.progress(done, all)
  }
  for await (const page of listSessions(db)) {
    for (const { keyId, ...kept } of page) {
      for (const text of findFaults(kept)) fault(`key ${keyId}, session ${kept.session.id}: ${text}`)
    }
    progress(page.length)
  }
  for await (const page of listFacts(db)) {
    for (const fact of page) for (const text of findFactFaults(fact)) fault(`${fact.name}: ${text}`)
    progress(page.length)
  }
  for await (const { text } of findMiscounts(db)) fault(text)
  for (const find of [findStaleTexts, findWrongDays, findPeopleFaults, findStrays, findDoubles, findGaps])
    for await (const text of find(db)) fault(text)
  return verified
}

async function countRows(db: Database): Promise<Omit<Verified, 'faults'>> {
  const count = async (table: 'keys' | 'sessions' | 'participants' | 'marks' | 'facts' | 'changes') => {
    const rows = db.kysely.selectFrom(table).select((eb) => eb.fn.countAll<number>().as('n'))
    return Number((await rows.executeTakeFirstOrThrow()).n)
  }
  return {
    keys: await count('keys'),
    sessions: await count('sessions'),
    participants: await count('participants'),
    marks: await count('marks'),
    facts: await count('facts'),
    changes: await count('changes'),
  }
}

type Kept = KeptSession & { keyId: number }

/** All sessions with all that is theirs, some at a time. */
async function* listSessions(db: Database): AsyncGenerator<Kept[]> {
  let after = { keyId: 0, id: '' }
  for (;;) {
    const rows = await readSessions(db, after)
    let page: Kept[] = []
    let people = 0
    for (const row of rows) {
      page.push(row)
      people += row.session.people
      if (people < pagePeople && row !== rows.at(-1)) continue
      await addPeople(db, page)
      yield page
      page = []
      people = 0
    }
    const last = rows.at(-1)
    if (last === undefined) return
    after = { keyId: last.keyId, id: last.session.id }
  }
}

async function readSessions(db: Database, after: { keyId: number; id: string }): Promise<Kept[]> {
  const rows = await db.kysely
    .selectFrom('sessions as s')
    .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
    .leftJoin('keys as k', 'k.key_id', 's.key_id')
    .leftJoin('seals as z', (join) => join.onRef('z.key_id', '=', 's.key_id').onRef('z.session_id', '=', 's.id'))
    .select(sessionColumns.map((column) => `s.${column}` as const))
    .select(['s.key_id as keyId', 's.span_level as spanLevel', 's.seal_at as sealAt', 's.gaps'])
    .select(['r.custom_room_id as customRoomId', 'k.api_key as apiKey', 'k.user_id as userId'])
    .select(['z.head', 'z.middle', 'z.tail'])
    .where(sql<boolean>`(s.key_id, s.id) > (${after.keyId}, ${after.id})`)
    .orderBy('s.key_id')
    .orderBy('s.id')
    .limit(pageSessions)
    .execute()
  return rows.map(
    ({ keyId, spanLevel, sealAt, gaps, customRoomId, apiKey, userId, head, middle, tail, ...session }) => ({
      keyId,
      session: session as Session,
      customRoomId,
      spanLevel,
      sealAt,
      gaps,
      seal: head === null ? undefined : decodeSeal({ head, middle: middle ?? '', tail: tail ?? '' }),
      key: { apiKey: apiKey ?? '', userId: userId ?? '' },
      participants: [],
      marks: [],
    }),
  )
}

async function addPeople(db: Database, page: Kept[]): Promise<void> {
  for (const [keyId, ofKey] of Map.groupBy(page, (kept) => kept.keyId)) {
    const byId = new Map(ofKey.map((kept) => [kept.session.id, kept]))
    const isOfThem = db.differences.isIn('session_id', JSON.stringify([...byId.keys()]))
    const people = await db.kysely
      .selectFrom('participants')
      .select(participantColumns)
      .where('key_id', '=', keyId)
      .where(isOfThem)
      .orderBy('session_id')
      .orderBy('joined_at')
      .orderBy('participant_id')
      .execute()
    for (const row of people) byId.get(row.sessionId)?.participants.push(toParticipant(row as ParticipantColumns))
    const marks = await db.kysely
      .selectFrom('marks')
      .select(markColumns)
      .where('key_id', '=', keyId)
      .where(isOfThem)
      .execute()
    for (const row of marks) byId.get(row.sessionId)?.marks.push(toMark(row as MarkColumns))
  }
}

type LoggedFact = {
  name: string
  keyId: number
  seq: number
  factJson: string
  digest: string | null
  sessionId: string | null
  foundId: string | null
}

/** The raw log, with the claim and the session of each fact, some at a time. */
async function* listFacts(db: Database): AsyncGenerator<LoggedFact[]> {
  let after = { keyId: 0, seq: 0 }
  for (;;) {
    const { rows } = await sql<Omit<LoggedFact, 'name'>>`
      select f.key_id as "keyId", f.seq, f.fact_json as "factJson", c.digest,
        f.session_id as "sessionId", coalesce(s.id, e.session_id) as "foundId"
      from facts as f
      left join claims as c on c.key_id = f.key_id and c.source = f.source and c.fact_id = f.fact_id
      left join sessions as s on s.key_id = f.key_id and s.id = f.session_id
      left join erased_sessions as e on e.key_id = f.key_id and e.session_id = f.session_id
      left join counters as n on n.key_id = f.key_id
      where (f.key_id, f.seq) > (${after.keyId}, ${after.seq}) and f.seq > coalesce(n.facts_dropped, 0)
      order by f.key_id, f.seq limit ${pageFacts}`.execute(db.kysely)
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows.map((row) => ({ ...row, name: `key ${row.keyId}, fact ${row.seq}` }))
    after = last
  }
}

function* findFactFaults({ factJson, digest, sessionId, foundId }: LoggedFact): Generator<string> {
  if (digest === null) yield 'nothing claims its id'
  else if (digest !== digestOf(factJson)) yield 'its id is claimed for other content'
  if (sessionId !== foundId) yield `its session ${sessionId} is not there`
}

/** Rows of sessions that are not there. */
async function* findStrays(db: Database): AsyncGenerator<string> {
  for (const table of ['participants', 'marks', 'seals', 'media', 'changes']) {
    const { rows } = await sql<{ keyId: number; sessionId: string }>`
      select distinct t.key_id as "keyId", t.session_id as "sessionId" from ${sql.table(table)} as t
      where not exists (select 1 from sessions as s where s.key_id = t.key_id and s.id = t.session_id)
      and not exists (select 1 from erased_sessions as e where e.key_id = t.key_id and e.session_id = t.session_id)`.execute(
      db.kysely,
    )
    for (const { keyId, sessionId } of rows) {
      yield `key ${keyId}, session ${sessionId}: it is not there, and there are ${table} of it`
    }
  }
}

/** Sessions that the rules allow one of. */
async function* findDoubles(db: Database): AsyncGenerator<string> {
  const { rows } = await sql<{ keyId: number; roomId: string; source: string; sessions: number }>`
    select key_id as "keyId", room_id as "roomId", source, count(*) as sessions from sessions
    where session_key is null and end_at is null
    group by key_id, room_id, source having count(*) > 1`.execute(db.kysely)
  for (const { keyId, roomId, source, sessions } of rows) {
    yield `key ${keyId}, room ${roomId}: ${sessions} unnamed sessions of ${source} run in it at once`
  }
}

/** Numbers that are missing, or go on from another place than they ended at; and facts that are there twice. */
async function* findGaps(db: Database): AsyncGenerator<string> {
  type Numbered = {
    keyId: number
    first: number | null
    last: number | null
    rows: number
    counted: number
    dropped: number
  }
  for (const table of ['facts', 'changes'] as const) {
    const counter = sql.ref(table === 'facts' ? 'fact_seq' : 'change_seq')
    const dropped = sql.ref(table === 'facts' ? 'facts_dropped' : 'changes_dropped')
    const { rows } = await sql<Numbered>`
      with n as (
        select t.key_id, min(seq) as first, max(seq) as last, count(*) as rows from ${sql.table(table)} as t
        left join counters as d on d.key_id = t.key_id
        where seq > coalesce(d.${dropped}, 0) group by t.key_id
      )
      select coalesce(n.key_id, c.key_id) as "keyId", n.first, n.last, coalesce(n.rows, 0) as rows,
        coalesce(c.${counter}, 0) as counted, coalesce(c.${dropped}, 0) as dropped
      from n full join counters as c on c.key_id = n.key_id`.execute(db.kysely)
    for (const { keyId, first, last, rows: kept, counted, dropped } of rows) {
      const of = `key ${keyId}, ${table}`
      if (first !== null && last !== null && last - first + 1 !== kept) {
        yield `${of}: there are ${kept} from ${first} to ${last}, and have to be ${last - first + 1}`
      }
      if ((last ?? dropped) !== counted) yield `${of}: the last is ${last ?? dropped}, and the counter says ${counted}`
      if (first !== null && first !== dropped + 1) yield `${of}: the first is ${first}, and has to be ${dropped + 1}`
    }
  }
  const { rows } = await sql<{ keyId: number; facts: number; claims: number }>`
    with f as (
        select facts.key_id, count(*) as facts from facts left join counters as n on n.key_id = facts.key_id
        where seq > coalesce(facts_dropped, 0) group by facts.key_id
      ),
      c as (select key_id, count(*) as claims from claims group by key_id)
    select coalesce(f.key_id, c.key_id) as "keyId", coalesce(facts, 0) as facts, coalesce(claims, 0) as claims
    from f full join c on c.key_id = f.key_id where facts is distinct from claims`.execute(db.kysely)
  for (const { keyId, facts, claims } of rows) {
    yield `key ${keyId}: there are ${facts} facts, and ${claims} ids are claimed`
  }
}
