import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { Fact } from '@rollcall/protocol'
import { openStore } from '../packages/server/src/open-store.ts'
import { toRules } from '../packages/server/src/rules.ts'
import { type Figure, median } from './report.ts'

const rounds = 3
const factsPerRun = 40_000
const peoplePerRoom = 50

/** Facts recorded, durable before the answer, beside the same rows inserted by hand in the same batches. */
export async function benchRecord(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const batch of [100, 1]) {
    const facts = joinsAndLeaves(batch === 1 ? factsPerRun / 2 : factsPerRun)
    const runs: { record: number; byHand: number }[] = []
    for (let i = 0; i < rounds; i++) {
      const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
      try {
        // As many callers at once as a busy server has: what they ask at the same time is committed together.
        const callers = batch === 1 ? 100 : 8
        const { rate, together } = await recordRate(folder, facts, batch, callers)
        runs.push({ record: rate, byHand: byHandRate(folder, together) })
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    }
    figures.push({
      what: `facts recorded, ${batch} a call, fsync before each answer`,
      rate: median(runs.map((run) => run.record)),
      beside: { what: 'the same rows inserted by hand, as many a commit', rate: median(runs.map((run) => run.byHand)) },
    })
  }
  return figures
}

async function recordRate(folder: string, facts: Fact[], batch: number, callers: number) {
  const rules = toRules({ graceMs: 20_000 })
  const store = await openStore({ dataFolder: folder, rules, clock: { now: () => Date.now() } })
  const { keyId } = await store.writes.addKey({ name: null, email: null })
  let next = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < facts.length) {
        const some = facts.slice(next, next + batch)
        next += batch
        await store.record(keyId, some)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  await store.close()
  return { rate: facts.length / seconds, together: batch * callers }
}

/** Reads what recording left, and inserts the same rows, fact by fact, into the same tables of a fresh file. */
function byHandRate(folder: string, factsPerCommit: number): number {
  const source = new DatabaseSync(join(folder, 'rollcall.db'), { readOnly: true })
  const target = new DatabaseSync(join(folder, 'by-hand.db'))
  target.exec('pragma journal_mode = wal; pragma synchronous = full')
  const schema = source.prepare("select sql from sqlite_master where sql is not null and name not like 'kysely%'").all()
  for (const { sql } of schema) if (!String(sql).includes('sqlite_')) target.exec(String(sql))
  const rowsOf = (table: string) =>
    source.prepare(`select * from ${table}`).all() as { [column: string]: SQLInputValue }[]
  const inserter = (table: string) => {
    const columns = Object.keys(rowsOf(table)[0] ?? {})
    const statement = target.prepare(
      `insert or replace into ${table} (${columns.map((c) => `"${c}"`)}) values (${columns.map(() => '?')})`,
    )
    return (row: { [column: string]: SQLInputValue }) => statement.run(...columns.map((column) => row[column] ?? null))
  }
  const facts = rowsOf('facts')
  const claims = new Map(rowsOf('claims').map((row) => [row.fact_id, row]))
  const marks = new Map(rowsOf('marks').map((row) => [row.fact_id, row]))
  const sessions = new Map(rowsOf('sessions').map((row) => [row.id, row]))
  const people = new Map(rowsOf('participants').map((row) => [`${row.session_id} ${row.participant_id}`, row]))
  const changes = rowsOf('changes')
  const insert = {
    claim: inserter('claims'),
    fact: inserter('facts'),
    mark: inserter('marks'),
    person: inserter('participants'),
    session: inserter('sessions'),
    change: inserter('changes'),
  }
  const perFact = changes.length / facts.length
  const started = performance.now()
  let change = 0
  for (let from = 0; from < facts.length; from += factsPerCommit) {
    target.exec('begin immediate')
    for (const [i, fact] of facts.slice(from, from + factsPerCommit).entries()) {
      const mark = marks.get(fact.fact_id ?? '')
      const claim = claims.get(fact.fact_id ?? '')
      const session = sessions.get(fact.session_id ?? '')
      const person = people.get(`${fact.session_id} ${mark?.participant_id}`)
      if (claim) insert.claim(claim)
      insert.fact(fact)
      if (mark) insert.mark(mark)
      if (person) insert.person(person)
      if (session) insert.session(session)
      for (; change < (from + i + 1) * perFact; change++) insert.change(changes[change] ?? {})
    }
    target.exec('commit')
  }
  const seconds = (performance.now() - started) / 1000
  target.close()
  source.close()
  return facts.length / seconds
}

function joinsAndLeaves(count: number): Fact[] {
  const facts: Fact[] = []
  const first = Date.now() - 3_600_000
  for (let i = 0; facts.length < count; i++) {
    const room = `room-${Math.floor(i / peoplePerRoom) % 100}`
    const of = { source: 'hosted', roomId: room, participantId: `p${i}`, connectionId: `c${i}` }
    const at = first + i
    facts.push({ ...of, type: 'participant-joined', id: `${i}j`, at, receivedAt: at, name: `Person ${i}` })
    if (i >= peoplePerRoom) {
      const n = i - peoplePerRoom
      const room = `room-${Math.floor(n / peoplePerRoom) % 100}`
      const of = { source: 'hosted', roomId: room, participantId: `p${n}`, connectionId: `c${n}` }
      facts.push({ ...of, type: 'participant-left', id: `${n}l`, at, receivedAt: at, reason: 'left' })
    }
  }
  return facts
}
