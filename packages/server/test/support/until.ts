/** What nobody waits longer for, in milliseconds: a test that would wait for ever fails, and says so. */
export const waitMaxMs = 180_000

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedAt > waitMaxMs) throw new Error(`it was not so within ${waitMaxMs} ms: ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
