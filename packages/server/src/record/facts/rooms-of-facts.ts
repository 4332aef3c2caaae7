import type { Fact } from '@rollcall/protocol'
import type { FindRoomIds } from './known.ts'

/** What a reporter calls a room: its roomId or customRoomId, perhaps of a room that is not made yet. A text, and no roomId to the types. */
export type RoomName = { readonly isRoomName: true }

/** A fact as its reporter tells it: in `roomId` stands the reporter's name for the room. */
export type NamedFact = Named<Fact>
type Named<F> = F extends Fact ? Omit<F, 'roomId'> & { roomId: RoomName } : never

/** Facts in the rooms that they are about. Of those in `newRooms` there is none yet: their names stand for them. */
export type PlacedFacts = { facts: (Fact | NamedFact)[]; newRooms: string[] }

/** Facts as they can be recorded: whoever records them makes the rooms that nobody named before. */
export async function placeFacts(findRoomIds: FindRoomIds, keyId: number, facts: NamedFact[]): Promise<PlacedFacts> {
  const names = [...new Set(facts.map(nameIn))].filter((name) => name !== '')
  const roomIds = await findRoomIds(keyId, names)
  return {
    facts: roomIds.size === 0 ? facts : inRooms(facts, roomIds),
    newRooms: names.filter((name) => !roomIds.has(name)),
  }
}

/** The same facts, those in rooms of these names under their roomIds. */
export function inRooms(facts: (Fact | NamedFact)[], roomIds: Map<string, string>): Fact[] {
  if (roomIds.size === 0) return facts as Fact[]
  return facts.map((fact) => {
    const name = nameIn(fact)
    return { ...fact, roomId: roomIds.get(name) ?? name } as Fact
  })
}

/** The roomId or the name of the room that a fact is about; empty where it is about none. */
export function nameIn({ roomId }: Fact | NamedFact): string {
  return roomId as string
}
