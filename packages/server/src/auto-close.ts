import type { Commands } from './commands.ts'
import type { Context } from './context.ts'
import { type Repeated, repeat } from './repeat.ts'

/** How often somebody looks whether a room's time is up, in milliseconds. */
export const autoCloseIntervalMs = 1000
/** Most sessions ended in one look. */
const sessionsMax = 100

/** Ends each session whose room has an `autoCloseConfig`, that many minutes after its start; what is due is read from the store. */
export function startAutoClose(
  { reads, writes, clock, log }: Pick<Context, 'reads' | 'writes' | 'clock' | 'log'>,
  commands: Commands,
): Repeated {
  return repeat(
    autoCloseIntervalMs,
    async () => {
      for (const { keyId, roomId, sessionId, deactivates } of await reads.listSessionsToClose(
        clock.now(),
        sessionsMax,
      )) {
        if (deactivates) await writes.setRoomDisabled({ keyId, roomId, disabled: true })
        const close = deactivates ? 'ROOM_CLOSED' : 'SESSION_ENDED'
        await commands.endSessions(keyId, roomId, { sessionId, reason: 'auto-closed', close })
      }
    },
    (err) => log.error({ err }, 'a session whose time is up could not be ended; the next look tries again'),
  )
}
