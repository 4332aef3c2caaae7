/** The form of a room id: `xxxx-xxxx-xxxx` of `[a-z0-9]`. */
export const roomIdPattern = /^[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}$/

/** The form of every other id the API makes: 24 hex digits, the first 8 the second of creation. */
export const objectIdPattern = /^[0-9a-f]{24}$/

/** Longest `participantId`, in UTF-16 units. */
export const participantIdMaxLength = 256
/** Longest `name`, in UTF-16 units. */
export const nameMaxLength = 512
/** Longest `customRoomId`, in UTF-16 units. */
export const customRoomIdMaxLength = 256
/** Longest id that a reporter gives a fact, a connection or a session, in characters. */
export const reportedIdMaxLength = 256
/** Most facts in one report. */
export const reportedFactsMax = 1000

/** Any language, but no control characters and no half characters: not every database can keep them. */
export function isCleanId(id: string): boolean {
  return id.isWellFormed() && !/\p{Cc}/u.test(id)
}

/** Who comes by an invite that is for many has an id of this form, and a token that names it: nobody else joins as them. */
export function isGuestId(id: string): boolean {
  return /^guest\.[a-z0-9]{16}$/.test(id)
}

/** The same text, with what not every database can keep replaced by U+FFFD. */
export function toCleanText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

/**
 * 24 hex digits: the second of `atMs`, then 16 digits that tell apart what happened in that second.
 * @param tail 16 hex digits
 */
export function toObjectId(atMs: number, tail: string): string {
  const second = Math.min(Math.max(Math.floor(atMs / 1000), 0), 0xffffffff)
  return second.toString(16).padStart(8, '0') + tail
}

/** The second that an object id was given for, in epoch milliseconds. */
export function secondOf(objectId: string): number {
  return Number.parseInt(objectId.slice(0, 8), 16) * 1000
}
