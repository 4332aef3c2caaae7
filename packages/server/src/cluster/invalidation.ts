import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Shared } from '../record/open-store.ts'
import type { Written } from '../record/versions.ts'

/** Most keys named in one telling: beyond it, all may have changed. */
const keysMax = 500
const retryMs = 500

/** What was written, as it travels. `keyIds`: null: of any. */
export type Told = { from: string; keyIds: number[] | null; hasWebhooks: boolean }

/** What was written here is told to the other processes, and what they wrote is heard of. */
export type News = {
  /** Takes what was told. */
  heard(told: Told): void
  /** Something may have been told and not heard. */
  missed(): void
  /** Looks for what was recorded and never told of: whoever wrote it died in between, or tells nobody. */
  look(): Promise<void>
  /** Resolves when all is told. */
  settled(): Promise<void>
}

/** What is written while one telling is on its way goes into the next: it costs the writer nothing. */
export function createNews(shared: Shared, log: Logger, tell: (text: string) => Promise<void>): News {
  const from = randomUUID()
  let keyIds: Set<number> | undefined = new Set()
  let hasWebhooks = false
  let telling: Promise<void> | undefined
  let isStopping = false
  /** By key, as of the last look. */
  let recorded = new Map<number, number>()
  const note = (written: Written) =>
    shared.noteWritten(written).catch((err) => log.error({ err }, 'keys with webhooks could not be read'))

  shared.onWritten((written) => {
    for (const keyId of written.keyIds ?? []) keyIds?.add(keyId)
    if (written.keyIds === undefined || (keyIds?.size ?? 0) > keysMax) keyIds = undefined
    hasWebhooks ||= written.hasWebhooks
    telling ??= tellAll().finally(() => {
      telling = undefined
    })
  })

  return {
    heard(told) {
      if (told.from !== from) note({ keyIds: told.keyIds ?? undefined, hasWebhooks: told.hasWebhooks })
    },
    missed: () => void note({ keyIds: undefined, hasWebhooks: true }),
    async look() {
      const before = recorded
      recorded = await shared.countRecorded()
      const changed = [...recorded].filter(([keyId, count]) => before.get(keyId) !== count)
      if (changed.length > 0) await note({ keyIds: changed.map(([keyId]) => keyId), hasWebhooks: false })
    },
    async settled() {
      isStopping = true
      await telling
    },
  }

  async function tellAll(): Promise<void> {
    while (keyIds === undefined || keyIds.size > 0) {
      const told: Told = { from, keyIds: keyIds === undefined ? null : [...keyIds], hasWebhooks }
      keyIds = new Set()
      hasWebhooks = false
      try {
        await tell(JSON.stringify(told))
      } catch (err) {
        if (isStopping) return
        // Then all may have changed, which is told as soon as there is a connection.
        keyIds = undefined
        hasWebhooks = true
        log.debug({ err }, 'other processes could not be told; it is tried again')
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
  }
}
