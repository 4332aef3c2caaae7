export type Backoff = {
  /** The longest first wait, in milliseconds; it doubles with each failure. */
  baseMs: number
  /** The longest wait, however many failures there were, in milliseconds. */
  capMs: number
}

/** How long to wait after so many failures: anything up to the longest wait, so that many clients do not come back at once. */
export function backoffMs(failures: number, { baseMs, capMs }: Backoff): number {
  return Math.random() * Math.min(capMs, baseMs * 2 ** (failures - 1))
}
