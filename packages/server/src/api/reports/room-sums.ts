import type { UsageRow } from '@rollcall/protocol'
import { createPool } from './numbers.ts'
import { createParts, type Part } from './people-numbers.ts'
import { sortInSlices, toTotal } from './usage-count.ts'

/** Sums up rooms one beside the other, of sessions that come in order of the day they started in. */
export type RoomSums = {
  /** A session of this room comes, and then those who were inside. */
  enter(roomId: string): void
  /** The rooms of a day that is packed. */
  setDay(ids: string[]): void
  /** A session of one of these comes, by its place. */
  enterNth(place: number): void
  addStay(high: number, low: number, from: number, to: number): void
  /** Tells that every stay to come begins then or later. */
  settle(at: number): void
  /** A row of each, those with the most minutes first, as yet without the custom id. It yields now and then. */
  finish(): Generator<void, UsageRow[], void>
}

/** `moves`: of `length` joins and leaves, as `createMoves` has them, that are not settled. */
type Room = {
  sessions: number
  insideMs: number
  people: Part
  moves: Float64Array<ArrayBuffer>
  length: number
  inside: number
  peak: number
}

/** Most rooms have few: what they take grows with them. */
const movesFirst = 8
const peopleFirst = 4
/** Rooms, and joins and people of rooms, that are finished in one turn of the loop. */
const workTogether = 20_000
const workOfRoom = 20

export function createRoomSums(): RoomSums {
  const rooms = new Map<string, Room>()
  const parts = createParts()
  const pool = createPool((length) => new Float64Array(length))
  const createRoom = (): Room => {
    const people = parts.create(peopleFirst)
    return { sessions: 0, insideMs: 0, people, moves: pool.take(movesFirst), length: 0, inside: 0, peak: 0 }
  }
  let settled = Number.NEGATIVE_INFINITY
  let room = createRoom()
  let idsOfDay: string[] = []
  /** By their places in the day: a look at one by its id takes longer than all that is done for a session. */
  let ofDay: Room[] = []
  const find = (roomId: string): Room => {
    const known = rooms.get(roomId)
    if (known !== undefined) return known
    const first = createRoom()
    rooms.set(roomId, first)
    return first
  }
  const makeRoom = () => {
    settleRoom(room, settled)
    if (2 * room.length < room.moves.length) return
    room.moves = pool.enlarge(room.moves)
  }
  return {
    enter(roomId) {
      room = find(roomId)
      room.sessions += 1
    },
    setDay(ids) {
      idsOfDay = ids
      ofDay = []
    },
    enterNth(place) {
      room = ofDay[place] ?? find(idsOfDay[place] ?? '')
      ofDay[place] = room
      room.sessions += 1
    },
    addStay(high, low, from, to) {
      if (room.length + 2 > room.moves.length) makeRoom()
      room.moves[room.length] = 2 * from
      room.moves[room.length + 1] = 2 * to + 1
      room.length += 2
      room.insideMs += to - from
      parts.add(room.people, high, low)
    },
    settle(at) {
      settled = at
    },
    *finish() {
      const rows: UsageRow[] = []
      let work = 0
      for (const [roomId, one] of rooms) {
        work += workOfRoom + one.length + one.people.length
        settleRoom(one, Number.POSITIVE_INFINITY)
        const { sessions, insideMs, people, peak } = one
        const sums = toTotal(sessions, parts.count(people), insideMs, peak)
        rows.push({ roomId, customRoomId: null, ...sums })
        if (work < workTogether) continue
        work = 0
        yield
      }
      return yield* sortInSlices(rows)
    },
  }
}

/** Takes those before a moment in order. */
function settleRoom(room: Room, moment: number): void {
  const all = room.moves.subarray(0, room.length).sort()
  let count = 0
  for (; count < all.length && (all[count] ?? 0) < 2 * moment; count++) {
    const move = all[count] ?? 0
    room.inside += move === 2 * Math.floor(move / 2) ? 1 : -1
    if (room.inside > room.peak) room.peak = room.inside
  }
  room.moves.copyWithin(0, count, room.length)
  room.length -= count
}
