import { hash } from 'node:crypto'
import { toObjectId } from '@rollcall/protocol'
import type { Mark, Participant, Session } from '../packages/server/src/ledger/state.ts'
import type { SessionRecord } from '../packages/server/src/store/sessions/records.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const yearMs = 365 * dayMs
/** Rooms: the first has by far the most sessions, and so on (Zipf). */
const roomsMax = 20_000
const peopleMax = 2000

/** How long a history is, and the moment up to which it tells. `years`: five where it is left out. */
export type Length = { sessions: number; until: number; years?: number }

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

/** The rooms of a history, oldest first. */
export function roomsOf({ sessions, until, years = 5 }: Length) {
  const count = Math.min(roomsMax, Math.max(1, Math.floor(sessions / 20)))
  return Array.from({ length: count }, (_, i) => {
    const roomId = roomIdOf(i)
    const createdAt = until - years * yearMs + i
    return { roomId, customRoomId: `room ${i}`, id: toObjectId(createdAt, tail(roomId)), createdAt }
  })
}

/**
 * The n-th session, as the server would have left it: rooms by Zipf, durations log-normal around twelve minutes,
 * mostly one to six people, now and then a great many.
 */
export function sessionOf(
  n: number,
  { sessions, until, years = 5 }: Length,
  rooms: string[],
): SessionRecord & { session: { startAt: number } } {
  const startAt = Math.floor(until - years * yearMs + (n / sessions) * (years * yearMs - dayMs))
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
      nameSource: null,
      region: null,
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
      arrivedAt: null,
      nameSource: null,
      region: null,
      metadata: null,
    }
    marks.push({ ...mark, kind: 'joined', at: joinedAt, factId: `${n}-${i}j`, name, participantKind: 'person' })
    marks.push({ ...mark, kind: 'left', at: leftAt, factId: `${n}-${i}l`, name: null, participantKind: null })
  }
  participants.sort((a, b) => (a.joinedAt ?? 0) - (b.joinedAt ?? 0) || (a.participantId < b.participantId ? -1 : 1))
  const session: Session & { startAt: number } = {
    id: toObjectId(startAt, tail(`bench ${n}`)),
    roomId,
    source: 'events',
    sessionKey: `s${n}`,
    startAt,
    endAt,
    endReason: 'session-ended',
    endedAt: endAt,
    inferred: null,
    lastAt: endAt,
    saidAt: startAt,
    snapshotAt: null,
    resumedAt: null,
    lookAt: null,
    inside: 0,
    people,
    closedMs,
    openSinceSum: 0,
    pastEndMs: 0,
    clockCorrectedMs: 0,
    parentRoomId: null,
    parentKey: null,
    revision: 0,
    updatedAt: endAt,
  }
  return { session, customRoomId: `room ${room}`, participants, marks, truncated: false }
}

/** The part of an id that is not its time. */
function tail(name: string): string {
  return hash('sha256', name).slice(0, 16)
}

/** `xxxx-xxxx-xxxx`, of the number. */
function roomIdOf(n: number): string {
  return `benc-room-${n.toString(36).padStart(4, '0')}`
}
