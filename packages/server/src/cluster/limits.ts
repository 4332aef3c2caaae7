/** How soon processes notice one another's end. Tests bring shorter times. */
export type FleetLimits = {
  /** How often a process renews its lease: after a crash, people are known to have been inside until the last time. */
  leaseIntervalMs: number
  /** How often they look after one another. */
  lookMs: number
  /** How often they look for what was written and never told of. */
  pollMs: number
  /** A process without a connection to the database for this long is gone. */
  disconnectedMs: number
  /** A process that did not renew its lease for this long is gone, connected or not. */
  silentMs: number
  /** How long a join waits until it is clear whether the holder of its room is gone. */
  claimMs: number
  claimRetryMs: number
  /** How long a command waits for the process that holds the room. */
  errandMs: number
}

export const fleetLimits: FleetLimits = {
  leaseIntervalMs: 10_000,
  lookMs: 1000,
  pollMs: 5000,
  disconnectedMs: 3000,
  silentMs: 30_000,
  claimMs: 8000,
  claimRetryMs: 200,
  errandMs: 5000,
}
