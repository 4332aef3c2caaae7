import type { Fact } from '@rollcall/protocol'
import type { Reads } from '../store/store.ts'

/** Facts in the rooms that they are about. Of those in `newRooms` there is none yet: their names stand for them. */
export type PlacedFacts = { facts: Fact[]; newRooms: string[] }

/**
 * Facts whose `roomId` is what their reporter calls the room, its roomId or customRoomId, as they can be recorded: whoever
 * records them makes the rooms that nobody named before.
 */
export async function placeFacts(
  { findRoomIds }: Pick<Reads, 'findRoomIds'>,
  keyId: number,
  facts: Fact[],
): Promise<PlacedFacts> {
  const names = [...new Set(facts.map(({ roomId }) => roomId))].filter((name) => name !== '')
  const roomIds = await findRoomIds(keyId, names)
  return { facts: inRooms(facts, roomIds), newRooms: names.filter((name) => !roomIds.has(name)) }
}

/** The same facts, those in rooms of these names under their roomIds. */
export function inRooms(facts: Fact[], roomIds: Map<string, string>): Fact[] {
  if (roomIds.size === 0) return facts
  return facts.map((fact) => ({ ...fact, roomId: roomIds.get(fact.roomId) ?? fact.roomId }))
}
