/** Progress is written this often, in milliseconds: work that is done sooner writes none. */
const intervalMs = 2000

/** Writes to stderr, now and then, how far a long piece of work is; `unit` names what is counted. */
export function startProgress(unit: string): (done: number, all: number) => void {
  const startedAt = performance.now()
  let writtenAt = startedAt
  return (done, all) => {
    const now = performance.now()
    if (now - writtenAt < intervalMs) return
    writtenAt = now
    const share = Math.floor((100 * done) / Math.max(1, all))
    const perSecond = Math.round((1000 * done) / (now - startedAt))
    process.stderr.write(`${share} %: ${done} of ${all} ${unit}, ${perSecond} a second\n`)
  }
}
