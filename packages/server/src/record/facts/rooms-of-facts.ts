import type { Fact, Parent } from '@rollcall/protocol'
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
  const names = [...new Set(facts.flatMap(namesIn))].filter((name) => name !== '')
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
    const placed = { ...fact, roomId: roomIds.get(name) ?? name } as Fact
    const parent = parentIn(fact)
    if (parent === undefined) return placed
    return { ...placed, parent: { ...parent, roomId: roomIds.get(parent.roomId) ?? parent.roomId } } as Fact
  })
}

/** Of a session that is a part of another, the room of that too. */
function namesIn(fact: Fact | NamedFact): string[] {
  const parent = parentIn(fact)
  return parent === undefined ? [nameIn(fact)] : [nameIn(fact), parent.roomId]
}

function parentIn(fact: Fact | NamedFact): Parent | undefined {
  return fact.type === 'session-started' ? fact.parent : undefined
}

/** The roomId or the name of the room that a fact is about; empty where it is about none. */
export function nameIn({ roomId }: Fact | NamedFact): string {
  return roomId as string
}
