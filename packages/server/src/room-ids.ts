import type { Context } from './context.ts'

/**
 * The roomIds of the rooms that a reporter names by roomId or customRoomId; a room not seen before is made. Each name is
 * looked up once, however often it is given.
 */
export async function requireRoomIds(
  { reads, writes }: Pick<Context, 'reads' | 'writes'>,
  keyId: number,
  givenIds: string[],
): Promise<Map<string, string>> {
  const distinct = [...new Set(givenIds)]
  const known = await reads.findRoomIds(keyId, distinct)
  const missing = distinct.filter((givenId) => !known.has(givenId))
  if (missing.length === 0) return known
  return new Map([...known, ...(await writes.ensureRooms({ keyId, givenIds: missing }))])
}
