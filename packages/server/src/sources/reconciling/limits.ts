export type ReconcileLimits = {
  /** Each media server is asked this often, in milliseconds. */
  intervalMs: number
  /** An answer waits for this long, so that events under way are recorded before it, in milliseconds. */
  settleMs: number
  /** An answer that changes nothing is recorded this often, in milliseconds. */
  renewMs: number
  /** A delivery after a silence of this length triggers a reconciliation at once, in milliseconds. */
  gapMs: number
  /** Most media servers that are asked at the same time: each key has its share of them. */
  concurrentMax: number
}
export const reconcileLimits: ReconcileLimits = {
  intervalMs: 30_000,
  settleMs: 2000,
  renewMs: 300_000,
  gapMs: 120_000,
  concurrentMax: 20,
}
