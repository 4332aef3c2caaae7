/** How soon processes notice each other's end. Tests bring shorter times. */
export type ClusterLimits = {
  /** How often a process renews its lease: after a crash, people are known to have been inside until the last renewal. */
  leaseIntervalMs: number
  /** How often each process checks the others, and takes free duties: what bounds how soon an end is noticed. */
  checkMs: number
  /** How long a process has a duty after it began to renew it, which it does at each check. */
  dutyMs: number
  /** How much longer another waits before it takes the duty. */
  dutyMarginMs: number
  /** How often missed invalidations are looked for: notifications are the fast way, so this costs little. */
  pollMs: number
  /** A process without a connection to the database for this long is dead: a reconnection takes less. */
  disconnectedMs: number
  /** A process that did not renew its lease for this long is dead, connected or not: three renewals were missed. */
  silentMs: number
  /** How long a join waits until it is clear whether the holder of its room is dead: more than `disconnectedMs` takes to show. */
  claimMs: number
  /** How often such a join tries to take the room. */
  claimRetryMs: number
  /** What is otherwise behind a pooler that pools by transaction, where nobody is seen to be disconnected, or told anything. */
  pooled: Partial<ClusterLimits>
  /** A process that has no connection of its own is dead when it did not renew its lease for this long: five renewals were missed. */
  pooledSilentMs: number
  /** Something that has the database for itself for longer than this has seen no server run: it looks for five seconds. */
  heldAloneMs: number
  /** How long a command waits for the process that holds the room: its caller waits for the answer. */
  commandMs: number
}

export const clusterLimits: ClusterLimits = {
  leaseIntervalMs: 10_000,
  checkMs: 1000,
  dutyMs: 4000,
  dutyMarginMs: 1000,
  pollMs: 5000,
  disconnectedMs: 3000,
  silentMs: 30_000,
  claimMs: 8000,
  claimRetryMs: 200,
  pooled: { leaseIntervalMs: 2000, pollMs: 1000, claimMs: 14_000 },
  pooledSilentMs: 10_000,
  heldAloneMs: 7000,
  commandMs: 5000,
}
