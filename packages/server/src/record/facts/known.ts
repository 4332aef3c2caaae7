import { collectAtTurnEnd } from '../../runtime/single-flight.ts'

/** What this process knows without a look at the database. */
export type Known = {
  /** The roomIds of the rooms that there are, each under the roomId or customRoomId that was given: remembered, as far as possible. */
  roomIds: FindRoomIds
  /** Differs from before when anything of the key may have been written since: what was read then may be old. */
  versionOf(keyId: number): number
  /** Another number after anything was erased: what was read before may tell of it. */
  erasures(): number
  /** Keys that have or had an endpoint for webhooks. */
  webhookKeys: ReadonlySet<number>
}

export type FindRoomIds = (keyId: number, givenIds: string[]) => Promise<Map<string, string>>

/** Names of rooms that are remembered. */
const rememberedMax = 20_000

/**
 * The same look-up of what is durable, remembered: a room keeps its names until it is erased. Not for use in a transaction,
 * where what is found may be undone.
 * @param versions `of`: a number that is another one after each write of a key: until then a name that no room has is not looked up again
 */
export function rememberRoomIds(
  find: FindRoomIds,
  versions: { of(keyId: number): number; erasures(): number },
): FindRoomIds {
  const remembered = new Map<string, string>()
  /** Names that no room had, and at which version. */
  const missed = new Map<string, number>()
  let erasures = 0
  const nameOf = (keyId: number, givenId: string) => `${keyId} ${givenId}`
  // Many who report of a new room at once ask for it at once.
  const findTogether = collectAtTurnEnd(find)
  return async (keyId, givenIds) => {
    if (givenIds.length === 0) return new Map()
    const roomIds = new Map<string, string>()
    const others: string[] = []
    const version = versions.of(keyId)
    const sound = versions.erasures()
    if (erasures !== sound) remembered.clear()
    erasures = sound
    for (const givenId of givenIds) {
      const name = nameOf(keyId, givenId)
      const known = remembered.get(name)
      if (known !== undefined) roomIds.set(givenId, known)
      else if (missed.get(name) !== version) others.push(givenId)
    }
    if (others.length === 0) return roomIds
    const found = await findTogether(keyId, others)
    for (const givenId of others) {
      const roomId = found.get(givenId)
      if (roomId !== undefined) roomIds.set(givenId, roomId)
      // What was found may be erased by now.
      if (sound !== versions.erasures()) continue
      if (remembered.size + missed.size >= rememberedMax) {
        remembered.clear()
        missed.clear()
      }
      if (roomId === undefined) missed.set(nameOf(keyId, givenId), version)
      else {
        missed.delete(nameOf(keyId, givenId))
        remembered.set(nameOf(keyId, givenId), roomId)
      }
    }
    return roomIds
  }
}
