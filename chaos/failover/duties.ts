/** A duty as a server had it: it began to do what it asks, and was to stop, by the wall clock, epoch milliseconds. */
type Had = { server: number; duty: string; from: number; until: number }

/** Which duties two servers had at one time, in words, as their logs at level `trace` say. */
export function findDoubledDuties(logs: string[][]): string[] {
  const had = logs.flatMap((ofServer, server) => ofServer.flatMap((log) => readDuties(log, server)))
  const doubled: string[] = []
  for (const [duty, ofDuty] of Map.groupBy(had, (one) => one.duty)) {
    const inOrder = ofDuty.toSorted((a, b) => a.from - b.from)
    let last: Had | undefined
    for (const one of inOrder) {
      if (last !== undefined && last.server !== one.server && one.from < last.until) {
        doubled.push(`${duty}: server ${one.server} had it at ${one.from}, server ${last.server} until ${last.until}`)
      }
      if (last === undefined || one.until > last.until) last = one
    }
  }
  return doubled
}

/** How often each duty went from one server to another. */
export function countHandovers(logs: string[][]): number {
  const taken = logs.flatMap((ofServer) => ofServer.join('').match(/"duty":"webhooks","msg":"duty taken"/g) ?? [])
  return Math.max(0, taken.length - 1)
}

function readDuties(log: string, server: number): Had[] {
  const had: Had[] = []
  for (const line of log.split('\n')) {
    if (!/"msg":"duties (renewed|let go)"/.test(line)) continue
    const { time, duties = [], validMs = 0 } = JSON.parse(line) as { time: number; duties?: string[]; validMs?: number }
    // Whoever stops lets go of them before they lapse.
    if (duties.length === 0) for (const one of had) one.until = Math.min(one.until, time)
    had.push(...duties.map((duty) => ({ server, duty, from: time, until: time + validMs })))
  }
  return had
}
