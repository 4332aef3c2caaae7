import type { Context } from './context.ts'

type Parts = Pick<Context, 'reads' | 'writes'>

/** The roomIds of the rooms that a reporter names by roomId or customRoomId; a room not seen before is made. */
export async function requireRoomIds(
  { reads, writes }: Parts,
  keyId: number,
  givenIds: string[],
): Promise<Map<string, string>> {
  const known = await reads.findRoomIds(keyId, givenIds)
  const missing = givenIds.filter((givenId) => !known.has(givenId))
  if (missing.length === 0) return known
  return new Map([...known, ...(await writes.ensureRooms({ keyId, givenIds: missing }))])
}

/** The same for many who ask at once: each name is looked up once, and whoever gives it meanwhile waits for the same. */
export function shareRoomIds(parts: Parts): (keyId: number, givenIds: string[]) => Promise<Map<string, string>> {
  const underWay = new Map<string, Promise<Map<string, string>>>()

  return async (keyId, givenIds) => {
    const distinct = [...new Set(givenIds)]
    const nameOf = (givenId: string) => `${keyId} ${givenId}`
    const fresh = distinct.filter((givenId) => !underWay.has(nameOf(givenId)))
    if (fresh.length > 0) {
      const found = requireRoomIds(parts, keyId, fresh)
      for (const givenId of fresh) underWay.set(nameOf(givenId), found)
      const settled = () => {
        for (const givenId of fresh) underWay.delete(nameOf(givenId))
      }
      found.then(settled, settled)
    }
    const found = await Promise.all(distinct.map((givenId) => underWay.get(nameOf(givenId))))
    return new Map(distinct.map((givenId, i) => [givenId, found[i]?.get(givenId) ?? '']))
  }
}
