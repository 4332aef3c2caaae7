import type { ImportFormat, Json, ParticipantKind } from '@rollcall/protocol'

/** The order of the numbers of a date that does not begin with its year. */
export const dateOrders = ['dmy', 'mdy'] as const
export type DateOrder = (typeof dateOrders)[number]

/** What the file does not say, and whoever imports it does. */
export type ImportOptions = {
  /** The name of the room, where the file names none. */
  room?: string | undefined
  /** Such as Europe/Berlin: that of times which name none. */
  tz?: string | undefined
  /** What 03/04/2026 is. */
  dateOrder?: DateOrder | undefined
  /** The day, as 2026-03-01, of times which name none. */
  date?: string | undefined
  /** Takes a row that adds up several stays as one, marked so. */
  merged?: boolean | undefined
}

/** One stay, as a file tells it. Times are epoch milliseconds. */
export type ImportedStay = {
  /** Its place in the file, for people: `line 17`, or a path into JSON. */
  where: string
  participantId: string
  connectionId?: string | undefined
  name?: string | undefined
  kind?: ParticipantKind | undefined
  metadata?: { [name: string]: Json } | undefined
  joinedAt: number
  /** Undefined where the file has no leave: it lasted until the session ended. */
  leftAt: number | undefined
}

/** One session, as a file tells it. */
export type ImportedSession = {
  /** The file's name for the room. */
  room: string
  /** Tells it apart from the others of this format: the same in every export of it. */
  key: string
  /** Undefined where the file does not say: it began with the first join. */
  startAt?: number | undefined
  /** Undefined where the file does not say: it ended with the last leave. */
  endAt?: number | undefined
  /** `endAt` is only the last that the file knows of it. */
  isEndInferred?: boolean
  stays: ImportedStay[]
}

/** What of a file cannot be taken, and why. */
export type Untaken = { where: string; reason: string }

/** Why a session is not taken that had not ended. */
export const stillGoingOn = 'it was still going on: export it again when it is over'

export type Reading = { sessions: ImportedSession[]; untaken: Untaken[] }

/** What understands the files of one maker. Pure: the same bytes and options give the same reading. */
export type Format = {
  /** Which files these are, for people. */
  title: string
  /** Throws a `Refusal` where the whole of it cannot be read, in words that say what to do. */
  read(bytes: Uint8Array, options: ImportOptions): Reading | Promise<Reading>
}

export type Formats = { [name in ImportFormat]: Format }
