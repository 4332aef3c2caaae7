import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Shared } from '../record/shared.ts'
import type { Written } from '../record/versions.ts'

/** Most keys named in one notification, which PostgreSQL bounds to 8000 bytes: beyond it, it says that any may have changed. */
const keysMax = 500
/** From a failed notification to the next, in milliseconds. */
const retryMs = 500

/** What a process wrote, as it travels. `keyIds`: null: of any key. */
export type Invalidation = { from: string; keyIds: number[] | null; hasWebhooks: boolean; hasErased: boolean }

/** Invalidates what this process has cached when other processes write, and notifies them of what it wrote. */
export type CacheInvalidation = {
  /** Takes a notification. */
  receive(invalidation: Invalidation): void
  /** Invalidates everything: notifications may have been missed. */
  receiveAll(): void
  /** Finds what was recorded without a notification: its writer died in between, or sends none. */
  poll(): Promise<void>
  /** Resolves when all notifications are sent. */
  settled(): Promise<void>
}

/** What is written while a notification is on its way goes into the next: no writer waits for one. */
export function createInvalidation(
  shared: Shared,
  log: Logger,
  notify: (text: string) => Promise<void>,
): CacheInvalidation {
  const from = randomUUID()
  let keyIds: Set<number> | undefined = new Set()
  let hasWebhooks = false
  let hasErased = false
  let sending: Promise<void> | undefined
  let isStopping = false
  /** How much was recorded of each key, at the last poll. */
  let recorded = new Map<number, number>()
  const note = (written: Written) =>
    shared.noteWritten(written).catch((err) => log.error({ err }, 'keys with webhooks not read'))

  shared.onWritten((written) => {
    for (const keyId of written.keyIds ?? []) keyIds?.add(keyId)
    if (written.keyIds === undefined || (keyIds?.size ?? 0) > keysMax) keyIds = undefined
    hasWebhooks ||= written.hasWebhooks
    hasErased ||= written.hasErased === true
    sending ??= sendAll().finally(() => {
      sending = undefined
    })
  })

  return {
    receive(invalidation) {
      if (invalidation.from === from) return
      const { keyIds, hasWebhooks, hasErased } = invalidation
      note({ keyIds: keyIds ?? undefined, hasWebhooks, hasErased })
    },
    receiveAll: () => void note({ keyIds: undefined, hasWebhooks: true, hasErased: true }),
    async poll() {
      const before = recorded
      recorded = await shared.countRecorded()
      const changed = [...recorded].filter(([keyId, count]) => before.get(keyId) !== count)
      if (changed.length > 0) await note({ keyIds: changed.map(([keyId]) => keyId), hasWebhooks: false })
    },
    async settled() {
      isStopping = true
      await sending
    },
  }

  async function sendAll(): Promise<void> {
    while (keyIds === undefined || keyIds.size > 0) {
      const named = keyIds === undefined ? null : [...keyIds]
      const invalidation: Invalidation = { from, keyIds: named, hasWebhooks, hasErased }
      keyIds = new Set()
      hasWebhooks = false
      hasErased = false
      try {
        await notify(JSON.stringify(invalidation))
      } catch (err) {
        if (isStopping) return
        // What was in it is lost: the next says that any key may have changed.
        keyIds = undefined
        hasWebhooks = true
        hasErased = true
        log.debug({ err }, 'invalidation not sent; retrying')
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
  }
}
