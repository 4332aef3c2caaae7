import type { Backoff } from './backoff.ts'

/** How long a request to the API may take, in milliseconds. */
export const requestTimeoutMs = 30_000
/** How often a GET is tried in all. */
export const requestTriesMax = 5
/** The wait before a GET is tried again, where the server does not say how long. */
export const requestBackoff: Backoff = { baseMs: 200, capMs: 5000 }
/** A server that asks for a longer wait is not waited for, in seconds. */
export const retryAfterMaxSeconds = 30
/** How long a token that the client signs for itself is good, in seconds. */
export const ownTokenSeconds = 600
/** Such a token is renewed when it is good for less than this, in seconds. */
export const ownTokenSpareSeconds = 60
/** The wait before a stream of changes that broke off is opened again. */
export const changesBackoff: Backoff = { baseMs: 200, capMs: 15_000 }
/** A stream on which nothing came for this long, in milliseconds, is broken: the server says every 15 s that it is there. */
export const changesSilenceMs = 45_000
