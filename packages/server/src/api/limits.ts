/** Largest request body, in bytes. */
export const bodyMaxBytes = 1024 * 1024
/** All header lines of a request together, with its first line, in bytes. */
export const headersMaxBytes = 16 * 1024
/** How long a connection may take. Tests bring shorter ones. */
export type Timeouts = {
  /** The head of a request, and a TLS handshake, have to arrive within this. */
  headersMs: number
  /** The whole request has to arrive within this. */
  requestMs: number
  /** A connection that takes nothing of an answer for this long is cut off. */
  stalledMs: number
  /** A connection without requests is kept for this long: longer than proxies keep theirs. */
  keepAliveMs: number
  /** How often connections are checked. */
  checkMs: number
}
export const timeouts: Timeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  stalledMs: 60_000,
  keepAliveMs: 72_000,
  checkMs: 2000,
}
/** A connection whose request was answered before all of it came is held for so long, and takes so much more, at most. */
export const lingerMs = 10_000
export const lingerMaxBytes = 64 * 1024 * 1024
/** Longest `x-request-id` that is taken from a caller, in characters. */
export const requestIdMaxLength = 128
/** How long a browser may remember what CORS allows, in seconds. */
export const corsMaxAgeSeconds = 86_400
/** Requests a second of one address without a good token. */
export const addressRequestsPerSecond = 100
/** Most addresses, active within one second, whose requests are counted apart; those of more are counted together. */
export const addressesCountedMax = 50_000
/** Largest body of a call that reports events, in bytes: 1,000 of them with all that each may hold. */
export const eventsMaxBytes = 8 * 1024 * 1024
/** Largest file that can be imported by a call, in bytes: some 500,000 rows. */
export const importMaxBytes = 64 * 1024 * 1024
/** Most imports that are under way, each with its file in memory: one key has one. */
export const importsMax = 2
/** Most exports that are read at once: each has a connection to the database. */
export const exportsMax = 4
/** How long an import waits while too many facts wait for the disk, in milliseconds. */
export const importMaxWaitMs = 5 * 60_000
/** Largest body that a media server may send, in bytes, packed and unpacked: a conference of 50,000 people as it ends. */
export const ingestMaxBytes = 32 * 1024 * 1024
/**
 * Most bytes of what media servers send that are in memory at once, packed and unpacked, of one source and of all: of those
 * whose headers prove who they are, and of those that only their body can prove.
 */
export const deliveryBytes = {
  proven: { perSource: 96 * 1024 * 1024, all: 256 * 1024 * 1024 },
  unproven: { perSource: ingestMaxBytes + 1024 * 1024, all: 48 * 1024 * 1024 },
}
/** Largest body, unpacked, that comes packed and that only its content can prove: one is unpacked at a time. */
export const unprovenUnpackedMaxBytes = 256 * 1024
/** Most WebSockets of media servers that may be open, those of one source, and those that may be opening. */
export const ingestSocketsMax = 1000
export const ingestSocketsOfSourceMax = 100
export const ingestPendingMax = 100
/** Such a socket is pinged this often, in milliseconds: more often than proxies cut idle ones. */
export const ingestPingMs = 30_000
/** A message of such a socket that could not be recorded is retried after this, in milliseconds. */
export const ingestRetryMs = 100
/** How long such a socket may take to close when the server stops, in milliseconds. */
export const ingestSocketCloseMs = 3000
/** Most ids in one room's `allowedParticipantIds`. */
export const allowedParticipantsMax = 10_000
/** Longest `autoCloseConfig.duration`, in minutes: a year. */
export const autoCloseMaxMinutes = 366 * 24 * 60
/** How long an invite is good by default, and at most, in seconds: a day, a year. */
export const inviteSecondsDefault = 24 * 3600
export const inviteMaxSeconds = 366 * 24 * 3600
/** Longest `cursor` among people, in characters: it holds an id. */
export const personCursorMaxLength = 2000
/** Longest `cursor`, in characters. */
export const cursorMaxLength = 200
/** Longest `minDuration`, in seconds: a hundred years. */
export const minDurationMaxSeconds = 100 * 366 * 24 * 3600
/** The last page that can be asked for: with 1,000 a page, still a whole number to every database. */
export const pageMax = 1_000_000_000_000
/** How long a browser may keep the script of `/docs`, in seconds: a day. */
export const docsScriptMaxAgeSeconds = 86_400
/** Most of a path that the log repeats, in characters. */
export const pathLoggedMaxLength = 300
/** Longest code of a link, in characters. */
export const linkCodeMaxLength = 100
/** Most rows that usage is grouped into by day or hour. */
export const usageRowsMax = 10_000
/** The period of attendance and usage where none is named, in milliseconds: 30 days. */
export const reportMs = 30 * 24 * 3600 * 1000
/** How long a browser may keep the pages' files, in seconds: a year, since another content has another name. */
export const webFileMaxAgeSeconds = 366 * 24 * 3600

/** How long whoever reports events waits for a look-up while the store is away, in milliseconds: as long as facts then do. */
export const awayMaxMs = 30_000

/** Answers that are made whole before they are sent, and are large, at once: one key alone has half of them. */
export const largeAnswersMax = 4
/** Answers that all people of large sessions are read for, and that are small, at once: one key alone has half of them. */
export const longReadsMax = 16
/** How long any of them waits to be made, in milliseconds. */
export const largeAnswerWaitMs = 30_000
/** Most occurrences of one answer about a schedule, and most cells of its grid: people × occurrences. */
export const gridOccurrencesMax = 400
export const gridCellsMax = 200_000
/** What it is about where no time is named, in milliseconds: the last year. */
export const courseMs = 366 * 24 * 3600 * 1000
