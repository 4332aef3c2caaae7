import type { Cluster } from '../cluster/cluster.ts'
import type { Context } from '../context.ts'
import { type Repeated, repeat } from '../runtime/repeat.ts'
import type { Commands } from './commands/commands.ts'

/** How often due sessions are looked up, in milliseconds. */
export const autoCloseIntervalMs = 1000
/** Most sessions ended in one round. */
const sessionsMax = 100
/** The `reason` in the record. */
const reason = 'auto-closed'

/** Ends each session whose room has an `autoCloseConfig`, that many minutes after its start. The store knows which are due. */
export function startAutoClose(
  { reads, clock, log }: Pick<Context, 'reads' | 'clock' | 'log'>,
  commands: Pick<Commands, 'endSessions' | 'closeRoom'>,
  { isMine }: Pick<Cluster, 'isMine'>,
): Repeated {
  return repeat(
    autoCloseIntervalMs,
    async () => {
      if (!isMine('auto-close')) return
      const due = await reads.sessions.listToClose(clock.now(), sessionsMax)
      // At the same time: a media server that does not respond delays none of the others.
      await Promise.all(
        due.map(({ keyId, roomId, sessionId, deactivates }) =>
          deactivates
            ? commands.closeRoom(keyId, roomId, reason)
            : commands.endSessions(keyId, roomId, { sessionId, reason }),
        ),
      )
    },
    (err) => log.error({ err }, 'auto-close failed: due sessions were not ended; the next round retries'),
  )
}
