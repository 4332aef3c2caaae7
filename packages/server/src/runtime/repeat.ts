/** Repeated work: one run at a time; a tick that finds a run under way is skipped. */
export type Repeated = {
  /** Resolves when the run under way is over. */
  stop(): Promise<void>
}

/** @param failed called for each run that failed; the next tick tries again */
export function repeat(intervalMs: number, work: () => Promise<void>, failed: (error: unknown) => void): Repeated {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= work()
      .catch(failed)
      .finally(() => {
        running = undefined
      })
  }, intervalMs)
  return {
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}
