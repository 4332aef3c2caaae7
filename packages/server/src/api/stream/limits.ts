/** What following the changes may cost, and how long anything may take. Tests bring other ones. */
export type FeedLimits = {
  /** Most changes read at once. */
  pageChanges: number
  /** The latest changes of a key that are kept for its readers. */
  recentChanges: number
  /** A commit wakes whoever follows; behind that the log is looked at this often. */
  pollMs: number
  /** A reader that hears of no change hears this often that there is none. */
  heartbeatMs: number
  /** How often somebody looks whether a reader's token is still good. */
  tokenCheckMs: number
  /** Most streams of one key. */
  streamsOfKeyMax: number
  /** A reader that takes nothing of what was written to it for this long is closed. */
  stallMs: number
}

export const feedLimits: FeedLimits = {
  pageChanges: 500,
  recentChanges: 2000,
  pollMs: 1000,
  heartbeatMs: 15_000,
  tokenCheckMs: 1000,
  streamsOfKeyMax: 1000,
  stallMs: 20_000,
}
