import { embeddedParticipantsMax } from '@rollcall/protocol'
import { sealSession } from '../packages/server/src/record/session-view.ts'
import { roomBucketsFrom } from '../packages/server/src/store/sessions/buckets.ts'
import { encodeText } from '../packages/server/src/store/sessions/seal-text.ts'
import { spanLevelOf } from '../packages/server/src/store/sessions/span.ts'
import { type Length, roomsOf, sessionOf } from './history.ts'
import type { Sink, Value } from './sink.ts'

const sessionsPerCommit = 2000
const progressMs = 10_000
const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** Whose history it is. */
export type Owner = { keyId: number; apiKey: string; userId: string }

/**
 * Writes ended sessions straight into the tables, as the server would have left them. Goes on where an earlier run of it was broken
 * off. Tables without their other indexes take rows faster: whoever calls drops those before, and makes them after.
 */
export async function loadSessions(sink: Sink, owner: Owner, length: Length): Promise<void> {
  const rooms = roomsOf(length)
  const roomIds = rooms.map(({ roomId }) => roomId)
  const first = await countLoaded(sink, owner)
  if (first === 0) await sink.transaction(() => insertRooms(sink, owner, rooms))
  const startedAt = performance.now()
  let toldAt = startedAt
  for (let from = first; from < length.sessions; from += sessionsPerCommit) {
    const to = Math.min(length.sessions, from + sessionsPerCommit)
    await sink.transaction(() => insertSessions(sink, owner, { ...length, from, to }, roomIds))
    const now = performance.now()
    if (now - toldAt < progressMs) continue
    toldAt = now
    const rate = Math.round(((to - first) / (now - startedAt)) * 1000)
    console.error(`  ${to.toLocaleString('en')} of ${length.sessions.toLocaleString('en')} sessions, ${rate}/s`)
  }
}

/** Sessions are numbered by their start; those of one second may be in any order. */
async function countLoaded(sink: Sink, { keyId }: Owner): Promise<number> {
  const newest = await sink.all(`select session_key from sessions where key_id = ${keyId} order by id desc limit 1000`)
  return Math.max(0, ...newest.map(({ session_key }) => Number(String(session_key).slice(1)) + 1))
}

async function insertRooms(sink: Sink, { keyId }: Owner, rooms: ReturnType<typeof roomsOf>): Promise<void> {
  const columns = ['key_id', 'room_id', 'id', 'custom_room_id', 'disabled', 'created_at', 'updated_at']
  const rows = rooms.map(({ roomId, id, customRoomId, createdAt }) => [
    ...[keyId, roomId, id, customRoomId],
    ...[0, createdAt, createdAt],
  ])
  await sink.insert('rooms', columns, rows)
}

const columnsOf = {
  sessions: [
    ...['key_id', 'id', 'room_id', 'source', 'session_key', 'start_at', 'end_at', 'end_reason', 'ended_at'],
    ...['last_at', 'said_at', 'inside', 'people', 'closed_ms', 'open_since_sum', 'revision', 'updated_at'],
    ...['span_level', 'gaps'],
  ],
  participants: [...['key_id', 'session_id', 'participant_id', 'name', 'kind', 'joined_at', 'closed_ms', 'last_at']],
  marks: [
    ...['key_id', 'session_id', 'participant_id', 'connection_id', 'at', 'kind', 'fact_id', 'name', 'participant_kind'],
  ],
  seals: ['key_id', 'session_id', 'head', 'middle', 'tail'],
}

async function insertSessions(
  sink: Sink,
  owner: Owner,
  { from, to, ...length }: Length & { from: number; to: number },
  roomIds: string[],
): Promise<void> {
  const { keyId } = owner
  const rows = {
    sessions: [] as Value[][],
    participants: [] as Value[][],
    marks: [] as Value[][],
    seals: [] as Value[][],
  }
  for (let n = from; n < to; n++) {
    const record = sessionOf(n, length, roomIds)
    const { session: s, participants, marks } = record
    const { gaps, head, middle, tail } = sealSession(record, owner, embeddedParticipantsMax)
    rows.sessions.push([
      ...[keyId, s.id, s.roomId, s.source, s.sessionKey, s.startAt, s.endAt, s.endReason, s.endedAt],
      ...[s.lastAt, s.saidAt, s.inside, s.people, s.closedMs, s.openSinceSum, s.revision, s.updatedAt],
      ...[spanLevelOf(s), gaps],
    ])
    for (const p of participants) {
      rows.participants.push([keyId, s.id, p.participantId, p.name, p.kind, p.joinedAt, p.closedMs, p.lastAt])
    }
    for (const m of marks) {
      rows.marks.push([
        ...[keyId, s.id, m.participantId, m.connectionId, m.at, m.kind, m.factId, m.name, m.participantKind],
      ])
    }
    rows.seals.push([keyId, s.id, encodeText(head), encodeText(middle), encodeText(tail)])
  }
  for (const table of ['sessions', 'participants', 'marks', 'seals'] as const) {
    await sink.insert(table, columnsOf[table], rows[table])
  }
}

/** Counts what was loaded, of the key and of each room, by month, day and hour. */
export function countSessions(sink: Sink, { keyId }: Owner, { until }: Length): Promise<void> {
  const counted = 'sum(sessions), sum(ended)'
  const [day, hour] = [dayMs, hourMs].map((size) => `start_at / ${size} * ${size}`)
  return sink.transaction(async () => {
    for (const table of ['session_counts', 'session_buckets'])
      await sink.exec(`delete from ${table} where key_id = ${keyId}`)
    await sink.exec(`
      insert into session_counts (key_id, room_id, sessions, ended, bucketed)
      select key_id, room_id, count(*), count(*), case when count(*) > ${roomBucketsFrom} then 1 else 0 end
      from sessions where key_id = ${keyId} and start_at is not null group by key_id, room_id`)
    await sink.exec(`
      insert into session_buckets (key_id, room_id, level, start_at, sessions, ended)
      select key_id, room_id, 2, ${hour}, count(*), count(*) from sessions
      where key_id = ${keyId} and start_at is not null
        and room_id in (select room_id from session_counts where key_id = ${keyId} and bucketed = 1)
      group by key_id, room_id, ${hour}`)
    await sink.exec(`
      insert into session_buckets (key_id, room_id, level, start_at, sessions, ended)
      select key_id, '', 2, ${hour}, count(*), count(*) from sessions
      where key_id = ${keyId} and start_at is not null group by key_id, ${hour}`)
    await sink.exec(`
      insert into session_counts (key_id, room_id, sessions, ended, bucketed)
      select key_id, '', ${counted}, 0 from session_counts where key_id = ${keyId} group by key_id`)
    await sink.exec(`
      insert into session_buckets (key_id, room_id, level, start_at, sessions, ended)
      select key_id, room_id, 1, ${day}, ${counted} from session_buckets
      where key_id = ${keyId} and level = 2 group by key_id, room_id, ${day}`)
    await sink.exec(`
      with months (start_at, end_at) as (values ${monthsUntil(until)})
      insert into session_buckets (key_id, room_id, level, start_at, sessions, ended)
      select key_id, room_id, 0, m.start_at, ${counted} from session_buckets as b
      join months as m on b.start_at >= m.start_at and b.start_at < m.end_at
      where key_id = ${keyId} and level = 1 group by key_id, room_id, m.start_at`)
  })
}

/** Six years of months, each with its end, as rows of SQL. */
function monthsUntil(until: number): string {
  const year = new Date(until).getUTCFullYear()
  const rows = Array.from({ length: 72 }, (_, i) => `(${Date.UTC(year - 5, i)}, ${Date.UTC(year - 5, i + 1)})`)
  return rows.join()
}
