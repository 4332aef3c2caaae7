/** Whether facts can be recorded at the moment, as `/readyz` tells. */
export type RecordingHealth = {
  /** Something was recorded. */
  noteRecorded(): void
  /** The database or the disk did not take something. */
  noteFailed(): void
  /** The file is found to be damaged: that does not pass by itself. */
  noteDamaged(): void
  /** False from when something could not be recorded, until something is: where nothing comes, a trial. */
  isWell(): Promise<boolean>
}

/** How long whoever asks waits for a trial, in milliseconds. */
const trialMaxMs = 1000

/** @param tryOut writes something of the size of facts, and takes it away again */
export function createRecordingHealth(tryOut: () => Promise<void>): RecordingHealth {
  let hasFailed = false
  let isDamaged = false
  let trial: Promise<void> | undefined

  return {
    noteRecorded() {
      hasFailed = false
    },
    noteFailed() {
      hasFailed = true
    },
    noteDamaged() {
      isDamaged = true
    },
    async isWell() {
      if (isDamaged) return false
      if (!hasFailed) return true
      trial ??= runTrial().finally(() => {
        trial = undefined
      })
      const { promise: tooLate, resolve } = Promise.withResolvers<void>()
      const timeout = setTimeout(resolve, trialMaxMs)
      await Promise.race([trial, tooLate])
      clearTimeout(timeout)
      return !hasFailed
    },
  }

  async function runTrial(): Promise<void> {
    // Whatever fails again meanwhile is noted after this.
    await tryOut().then(
      () => {
        hasFailed = false
      },
      () => {
        hasFailed = true
      },
    )
  }
}
