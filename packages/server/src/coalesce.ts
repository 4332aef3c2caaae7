/**
 * Work that many may ask for: one run at a time, and one more for whoever asked while it was under way. The promise resolves
 * when all that was known at the asking is done.
 */
export function coalesce(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let isStale = false
  const run = async () => {
    while (isStale) {
      isStale = false
      await work()
    }
  }
  return () => {
    isStale = true
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }
}
