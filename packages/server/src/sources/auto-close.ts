import type { Cluster } from '../cluster/cluster.ts'
import type { Context } from '../context.ts'
import { type Repeated, repeat } from '../runtime/repeat.ts'
import type { Commands } from './commands.ts'

/** How often somebody looks whether a room's time is up, in milliseconds. */
export const autoCloseIntervalMs = 1000
/** Most sessions ended in one look. */
const sessionsMax = 100
/** As the record tells it. */
const reason = 'auto-closed'

/** Ends each session whose room has an `autoCloseConfig`, that many minutes after its start; what is due is read from the store. */
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
      // A media server that does not answer holds up none of the others.
      await Promise.all(
        due.map(({ keyId, roomId, sessionId, deactivates }) =>
          deactivates
            ? commands.closeRoom(keyId, roomId, reason)
            : commands.endSessions(keyId, roomId, { sessionId, reason }),
        ),
      )
    },
    (err) => log.error({ err }, 'a session whose time is up could not be ended; the next look tries again'),
  )
}
