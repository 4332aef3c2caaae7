/** Repeated work: one run at a time; a tick that finds a run under way is skipped. */
export type Repeated = {
  /** Resolves when the run under way is over. */
  stop(): Promise<void>
}

/**
 * @param work is told when it is to be over: what is long looks at `stopping` between its steps
 * @param failed called for each run that failed; the next tick tries again
 */
export function repeat(
  intervalMs: number,
  work: (stopping: AbortSignal) => Promise<void>,
  failed: (error: unknown) => void,
): Repeated {
  const stopping = new AbortController()
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= work(stopping.signal)
      .catch(failed)
      .finally(() => {
        running = undefined
      })
  }, intervalMs)
  return {
    async stop() {
      clearInterval(timer)
      stopping.abort()
      await running
    },
  }
}
