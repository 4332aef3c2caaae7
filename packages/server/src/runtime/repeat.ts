/** Work that is done again and again; one run at a time, the next one an interval after the tick that finds it done. */
export type Repeated = {
  /** Resolves when the run under way is over. */
  stop(): Promise<void>
}

/** @param failed told of each run that failed; the next one tries again */
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
