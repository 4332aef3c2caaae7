import { StartRefusal } from '../error.ts'
import type { Shared } from '../record/shared.ts'

const heldMessage = 'something else has the database for itself now'

export function heldRefusal(): StartRefusal {
  return new StartRefusal(
    'DATABASE_URL is held by something that needs it for itself, such as rollcall rebuild: wait for its end',
  )
}

/**
 * Behind a pooler that pools by transaction a server holds no lock that keeps off what needs the database for itself: that
 * looks for a while whether servers run, and lets it go where they do. Gives a check of whether it was held for longer.
 */
export function createHeldAloneCheck(
  shared: Pick<Shared, 'isPooled' | 'isHeldAlone'>,
  { heldAloneMs, onFailure }: { heldAloneMs: number; onFailure(error: Error): void },
): () => Promise<void> {
  let since: number | undefined
  return async () => {
    if (!shared.isPooled) return
    const now = performance.now()
    since = (await shared.isHeldAlone()) ? (since ?? now) : undefined
    if (since !== undefined && now - since > heldAloneMs) onFailure(new Error(heldMessage))
  }
}
