import type { Logger } from 'pino'
import type { Member } from '../store/members.ts'

/** Work that one process does for all that run before one database. */
export type Duty = 'sweep' | 'seal' | 'retain' | 'auto-close' | 'webhooks' | 'reconcile'
const allDuties: Duty[] = ['sweep', 'seal', 'retain', 'auto-close', 'webhooks', 'reconcile']

/** The duties of this process: each is a lock of its connection, so that it is free as soon as the connection ends. */
export type Duties = {
  isMine(duty: Duty): boolean
  /** Takes those that no process has. */
  take(member: Pick<Member, 'lock'>): Promise<void>
  /** The connection is lost, and the locks with it. */
  drop(): void
}

export function createDuties(log: Logger): Duties {
  const mine = new Set<string>()
  return {
    isMine: (duty) => mine.has(duty),
    async take(member) {
      const others = allDuties.filter((duty) => !mine.has(duty))
      for (const duty of await member.lock(others)) {
        mine.add(duty)
        log.debug({ duty }, 'duty taken')
      }
    },
    drop: () => mine.clear(),
  }
}
