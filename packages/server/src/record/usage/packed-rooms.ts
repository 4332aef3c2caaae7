import { createBytes, unpackNumbers } from './bytes.ts'

// Which rooms the sessions of a packed day were in, in a text of its own: only what is summed up by room reads it. It has the ids
// of the rooms, and then of each session, in their order, which of these.

export function createRoomPacker() {
  const numbers = new Map<string, number>()
  const body = createBytes()
  return {
    add(roomId: string) {
      const number = numbers.get(roomId) ?? numbers.size
      numbers.set(roomId, number)
      body.add(number)
    },
    finish: () => JSON.stringify([[...numbers.keys()], Buffer.from(body.bytes()).toString('base64')]),
  }
}

/** `next`: which of them the next session was in. */
export type DayRooms = { ids: string[]; next(): number }

export function readRooms(rooms: string): DayRooms {
  const [ids, body] = JSON.parse(rooms) as [string[], string]
  const bytes = Buffer.from(body, 'base64')
  // Each has a byte at least.
  const numbers = new Float64Array(bytes.length)
  unpackNumbers(bytes, { at: 0, end: bytes.length, most: bytes.length }, numbers)
  let place = 0
  return { ids, next: () => numbers[place++] ?? 0 }
}
