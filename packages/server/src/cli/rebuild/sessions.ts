import { toIso } from '@rollcall/protocol'
import { sql } from 'kysely'
import { closeAtOf } from '../../ledger/session.ts'
import type { FreshTables } from '../../store/copies/kept-tables.ts'

type Time = number | null
/** A session's time, and a person's in it, as one set of tables has it; all null where that has none. */
type SessionTime = { startAt: Time; endAt: Time; endedAt: Time }
type PersonTime = { closedMs: Time; openSince: Time; lastAt: Time }
type Both<T> = { is: T; was: T }
type Changed = { name: string; session: Both<SessionTime>; people: { id: string; time: Both<PersonTime> }[] }

/**
 * What folding again changes, session by session: when it ran, and how long each person was inside.
 * @param ofKeys a table with the `key_id` of each key that the fresh tables are of
 */
export async function* listChangedSessions({ db, kept }: FreshTables, ofKeys: string): AsyncGenerator<string> {
  const changed = new Map<string, Changed>()
  const read = async (text: string) => (await sql.raw<Row>(text).execute(db.kysely)).rows
  for (const row of await read(changedSessions(kept, ofKeys))) takeSession(changed, row)
  for (const row of await read(changedPeople(kept, ofKeys))) {
    const time = { is: timeOf(row, 'is'), was: timeOf(row, 'was') }
    takeSession(changed, row).people.push({ id: String(row.participantId), time })
  }
  for (const [, one] of [...changed].sort(([a], [b]) => (a < b ? -1 : 1))) yield* describe(one)
}

type Row = { [column: string]: unknown }

const sessionColumns = (['start_at', 'end_at', 'ended_at'] as const).flatMap((column) => [
  `fs.${column} as "is ${column}"`,
  `ks.${column} as "was ${column}"`,
])
const personColumns = (['joined_at', 'open_since', 'closed_ms', 'last_at'] as const).flatMap((column) => [
  `f.${column} as "is ${column}"`,
  `k.${column} as "was ${column}"`,
])

function changedSessions(kept: string, ofKeys: string): string {
  return `
    select coalesce(fs.key_id, ks.key_id) as "keyId", coalesce(fs.id, ks.id) as "sessionId",
      coalesce(fs.room_id, ks.room_id) as "roomId", ${sessionColumns}
    from sessions as fs full join ${kept}.sessions as ks on ks.key_id = fs.key_id and ks.id = fs.id
    where coalesce(fs.key_id, ks.key_id) in (select key_id from ${ofKeys})
      and (fs.start_at is distinct from ks.start_at or fs.end_at is distinct from ks.end_at)`
}

function changedPeople(kept: string, ofKeys: string): string {
  return `
    select coalesce(f.key_id, k.key_id) as "keyId", coalesce(f.session_id, k.session_id) as "sessionId",
      coalesce(f.participant_id, k.participant_id) as "participantId",
      coalesce(fs.room_id, ks.room_id) as "roomId", ${sessionColumns}, ${personColumns}
    from participants as f full join ${kept}.participants as k
      on k.key_id = f.key_id and k.session_id = f.session_id and k.participant_id = f.participant_id
    left join sessions as fs on fs.key_id = f.key_id and fs.id = f.session_id
    left join ${kept}.sessions as ks on ks.key_id = k.key_id and ks.id = k.session_id
    where coalesce(f.key_id, k.key_id) in (select key_id from ${ofKeys})
      and (f.joined_at is distinct from k.joined_at or f.open_since is distinct from k.open_since
        or f.closed_ms is distinct from k.closed_ms or f.last_at is distinct from k.last_at)
    order by 1, 2, 3`
}

function takeSession(changed: Map<string, Changed>, row: Row): Changed {
  const name = `key ${row.keyId}, session ${row.sessionId} of room ${row.roomId}`
  const known = changed.get(name)
  if (known !== undefined) return known
  const sessionOf = (side: 'is' | 'was'): SessionTime => ({
    startAt: numberOf(row[`${side} start_at`]),
    endAt: numberOf(row[`${side} end_at`]),
    endedAt: numberOf(row[`${side} ended_at`]),
  })
  const one = { name, session: { is: sessionOf('is'), was: sessionOf('was') }, people: [] }
  changed.set(name, one)
  return one
}

function timeOf(row: Row, side: 'is' | 'was'): PersonTime {
  return {
    closedMs: numberOf(row[`${side} joined_at`]) === null ? null : numberOf(row[`${side} closed_ms`]),
    openSince: numberOf(row[`${side} open_since`]),
    lastAt: numberOf(row[`${side} last_at`]),
  }
}

function numberOf(value: unknown): Time {
  return value === null || value === undefined ? null : Number(value)
}

function* describe({ name, session, people }: Changed): Generator<string> {
  const [is, was] = [describeSession(session.is), describeSession(session.was)]
  const parts = is === was ? [] : [`${is}, was ${was}`]
  for (const { id, time } of people) {
    const [is, was] = [describePerson(session.is, time.is), describePerson(session.was, time.was)]
    if (is !== was) parts.push(`${id} ${is}, was ${was}`)
  }
  if (parts.length > 0) yield `${name}: ${parts.join('; ')}`
}

function describeSession({ startAt, endAt }: SessionTime): string {
  if (startAt === null) return 'none'
  return `${toIso(startAt)} to ${endAt === null ? 'now' : toIso(endAt)}`
}

function describePerson({ endAt, endedAt }: SessionTime, { closedMs, openSince, lastAt }: PersonTime): string {
  if (closedMs === null) return 'not there'
  if (openSince === null) return `${closedMs / 1000} s`
  const closedAt = closeAtOf({ endAt, endedAt }, lastAt ?? openSince)
  if (closedAt === null) return `${closedMs / 1000} s and since ${toIso(openSince)}`
  return `${(closedMs + closedAt - openSince) / 1000} s`
}
