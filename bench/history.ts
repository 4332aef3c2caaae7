import { hash } from 'node:crypto'
import { embeddedParticipantsMax, toObjectId } from '@rollcall/protocol'
import type { Mark, Participant, Session } from '../packages/server/src/ledger/state.ts'
import { sealSession } from '../packages/server/src/session-view.ts'
import type { Database } from '../packages/server/src/store/database.ts'
import { spanLevelOf } from '../packages/server/src/store/span.ts'
import type { SessionRecord } from '../packages/server/src/store/store.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const yearMs = 365 * dayMs
const sessionsPerCommit = 5000
/** Rooms: the first has by far the most sessions, and so on (Zipf). */
const roomsMax = 20_000
const peopleMax = 2000

export type History = { keyId: number; apiKey: string; userId: string; roomIds: string[] }

/** Numbers below one that look random and are the same each time. */
function random(n: number, salt: number): number {
  let x = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(salt + 1, 0xc2b2ae35)
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39)
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32
}

function normal(n: number, salt: number): number {
  return Math.sqrt(-2 * Math.log(random(n, salt) + 1e-12)) * Math.cos(2 * Math.PI * random(n, salt + 1))
}

/**
 * Writes ended sessions of five years straight into the tables, as the server would have left them: rooms by Zipf, durations
 * log-normal around twelve minutes, mostly two to five people, now and then a great many.
 */
export async function loadHistory(db: Database, history: History, sessions: number, until: number): Promise<void> {
  const roomsUsed = Math.min(roomsMax, Math.max(1, Math.floor(sessions / 20)))
  const rooms = Array.from({ length: roomsUsed }, (_, i) => roomIdOf(i))
  history.roomIds.push(...rooms)
  const counts = new Map<string, number>()
  await db.transaction(async () => {
    await db.insertRows(
      'rooms',
      rooms.map((room_id, i) => ({
        key_id: history.keyId,
        room_id,
        id: toObjectId(until - 5 * yearMs, hash('sha256', room_id).slice(0, 16)),
        custom_room_id: `room ${i}`,
        webhook_json: null,
        auto_close_json: null,
        auto_close_ms: null,
        allowed_participants_json: null,
        disabled: 0,
        created_at: until - 5 * yearMs + i,
        updated_at: until - 5 * yearMs + i,
      })),
    )
  })
  for (let from = 0; from < sessions; from += sessionsPerCommit) {
    const to = Math.min(sessions, from + sessionsPerCommit)
    await db.transaction(() => loadSome(db, history, { from, to, sessions, until }, rooms, counts))
    if (process.stderr.isTTY) process.stderr.write(`\r  ${to} of ${sessions} sessions`)
  }
  await db.transaction(() => loadCounts(db, history.keyId, counts))
}

type Range = { from: number; to: number; sessions: number; until: number }

async function loadSome(db: Database, history: History, range: Range, rooms: string[], counts: Map<string, number>) {
  const { keyId } = history
  const rows = { sessions: [], participants: [], marks: [], seals: [] } as {
    sessions: Parameters<typeof db.insertRows<'sessions'>>[1]
    participants: Parameters<typeof db.insertRows<'participants'>>[1]
    marks: Parameters<typeof db.insertRows<'marks'>>[1]
    seals: Parameters<typeof db.insertRows<'seals'>>[1]
  }
  for (let n = range.from; n < range.to; n++) {
    const record = sessionOf(n, range, rooms)
    const { session, participants, marks } = record
    const { gaps, ...sealed } = sealSession(record, history, embeddedParticipantsMax)
    rows.sessions.push({
      key_id: keyId,
      id: session.id,
      room_id: session.roomId,
      source: session.source,
      session_key: session.sessionKey,
      start_at: session.startAt,
      end_at: session.endAt,
      end_reason: session.endReason,
      ended_at: session.endedAt,
      concluded: session.concluded,
      last_at: session.lastAt,
      said_at: session.saidAt,
      snapshot_at: null,
      resumed_at: null,
      look_at: null,
      inside: session.inside,
      people: session.people,
      closed_ms: session.closedMs,
      open_since_sum: session.openSinceSum,
      revision: 0,
      updated_at: session.updatedAt,
      span_level: spanLevelOf(session),
      seal_at: null,
      gaps,
    })
    for (const person of participants) {
      rows.participants.push({
        key_id: keyId,
        session_id: session.id,
        participant_id: person.participantId,
        name: person.name,
        kind: person.kind,
        metadata_json: null,
        joined_at: person.joinedAt,
        open_since: null,
        closed_ms: person.closedMs,
        last_at: person.lastAt,
      })
    }
    for (const mark of marks) {
      rows.marks.push({
        key_id: keyId,
        session_id: session.id,
        participant_id: mark.participantId,
        connection_id: mark.connectionId,
        at: mark.at,
        kind: mark.kind,
        fact_id: mark.factId,
        reason: null,
        inferred: null,
        last_seen_at: null,
        name: mark.name,
        participant_kind: mark.participantKind,
        metadata_json: null,
      })
    }
    rows.seals.push({ key_id: keyId, session_id: session.id, ...sealed })
    for (const roomId of ['', session.roomId]) {
      for (const [level, startAt] of bucketsOf(session.startAt).entries()) {
        const name = `${roomId} ${level} ${startAt}`
        counts.set(name, (counts.get(name) ?? 0) + 1)
      }
      counts.set(`${roomId} total`, (counts.get(`${roomId} total`) ?? 0) + 1)
    }
  }
  await db.insertRows('sessions', rows.sessions)
  await db.insertRows('participants', rows.participants)
  await db.insertRows('marks', rows.marks)
  await db.insertRows('seals', rows.seals)
}

async function loadCounts(db: Database, keyId: number, counts: Map<string, number>): Promise<void> {
  const large = new Set<string>([''])
  for (const [name, sessions] of counts) {
    const [roomId = '', kind] = name.split(' ')
    if (kind === 'total' && sessions > 1000) large.add(roomId)
  }
  const totals = []
  const buckets = []
  for (const [name, sessions] of counts) {
    const [roomId = '', level = '', startAt] = name.split(' ')
    const of = { key_id: keyId, room_id: roomId, sessions, ended: sessions }
    if (level === 'total') totals.push({ ...of, bucketed: Number(large.has(roomId)) })
    else if (large.has(roomId)) buckets.push({ ...of, level: Number(level), start_at: Number(startAt) })
  }
  for (let i = 0; i < totals.length; i += 5000) await db.insertRows('session_counts', totals.slice(i, i + 5000))
  for (let i = 0; i < buckets.length; i += 5000) await db.insertRows('session_buckets', buckets.slice(i, i + 5000))
}

function sessionOf(n: number, { sessions, until }: Range, rooms: string[]): SessionRecord {
  const startAt = Math.floor(until - 5 * yearMs + (n / sessions) * (5 * yearMs - dayMs))
  const lengthMs = Math.min(20 * hourMs, Math.round(720_000 * Math.exp(normal(n, 1))))
  const endAt = startAt + lengthMs
  const room = Math.max(0, Math.floor(rooms.length ** random(n, 3)) - 1)
  const roomId = rooms[room] ?? ''
  const many = random(n, 4) > 0.9999
  const people = many ? 2 + Math.floor(random(n, 5) * (peopleMax - 2)) : 1 + Math.floor(random(n, 5) ** 2 * 6)
  const participants: Participant[] = []
  const marks: Mark[] = []
  let closedMs = 0
  for (let i = 0; i < people; i++) {
    const participantId = `p${Math.floor(random(n * 31 + i, 6) * 100_000)}-${i}`
    const joinedAt = startAt + (i === 0 ? 0 : Math.floor(random(n * 31 + i, 7) * lengthMs * 0.3))
    const leftAt = i === 0 ? endAt : joinedAt + Math.floor((endAt - joinedAt) * random(n * 31 + i, 8))
    const name = `Person ${participantId}`
    participants.push({
      participantId,
      name,
      kind: 'person',
      metadata: null,
      joinedAt,
      openSince: null,
      closedMs: leftAt - joinedAt,
      lastAt: leftAt,
    })
    closedMs += leftAt - joinedAt
    const mark = {
      participantId,
      connectionId: `c${i}`,
      reason: null,
      inferred: null,
      lastSeenAt: null,
      metadata: null,
    }
    marks.push({ ...mark, kind: 'joined', at: joinedAt, factId: `${n}-${i}j`, name, participantKind: 'person' })
    marks.push({ ...mark, kind: 'left', at: leftAt, factId: `${n}-${i}l`, name: null, participantKind: null })
  }
  participants.sort((a, b) => (a.joinedAt ?? 0) - (b.joinedAt ?? 0) || (a.participantId < b.participantId ? -1 : 1))
  const session: Session & { startAt: number } = {
    id: toObjectId(startAt, hash('sha256', `bench ${n}`).slice(0, 16)),
    roomId,
    source: 'events',
    sessionKey: `s${n}`,
    startAt,
    endAt,
    endReason: 'session-ended',
    endedAt: endAt,
    concluded: null,
    lastAt: endAt,
    saidAt: startAt,
    snapshotAt: null,
    resumedAt: null,
    lookAt: null,
    inside: 0,
    people,
    closedMs,
    openSinceSum: 0,
    revision: 0,
    updatedAt: endAt,
  }
  return { session, customRoomId: `room ${room}`, participants, marks, truncated: false }
}

function bucketsOf(at: number): number[] {
  const date = new Date(at)
  return [
    Date.UTC(date.getUTCFullYear(), date.getUTCMonth()),
    Math.floor(at / dayMs) * dayMs,
    Math.floor(at / hourMs) * hourMs,
  ]
}

/** `xxxx-xxxx-xxxx`, of the number. */
function roomIdOf(n: number): string {
  return `benc-room-${n.toString(36).padStart(4, '0')}`
}
