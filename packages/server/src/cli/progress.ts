/** Nothing is told of what is done sooner than this, in milliseconds; and then once in so long. */
const tellEveryMs = 2000

/** Tells on stderr, now and then, how far a long piece of work is; `unit` is what is done so many of. */
export function startProgress(unit: string): (done: number, all: number) => void {
  const startedAt = performance.now()
  let toldAt = startedAt
  return (done, all) => {
    const now = performance.now()
    if (now - toldAt < tellEveryMs) return
    toldAt = now
    const share = Math.floor((100 * done) / Math.max(1, all))
    const perSecond = Math.round((1000 * done) / (now - startedAt))
    process.stderr.write(`${share} %: ${done} of ${all} ${unit}, ${perSecond} a second\n`)
  }
}
