import type { Postgres } from '../packages/server/test/support/postgres.ts'
import type { Random } from './random.ts'
import type { Servers } from './server.ts'

/** What goes wrong in each round, while all that it brings is sent. */
export type Harm = {
  /** Breaks something. Gives in words what. */
  strike(): Promise<string>
  /** Mends it. Resolves when all works again. */
  mend(): Promise<void>
}

/** Rounds in which PostgreSQL is restarted. */
const restartedShare = 0.25

/** Kills one of the servers; in some rounds after a restart of the database. */
export function createKills(servers: Servers, service: Postgres | undefined, random: Random) {
  let victim = random.pick(servers.each)
  let restarts = 0
  return {
    async strike() {
      const isRestarted = service !== undefined && random.chance(restartedShare)
      if (isRestarted) {
        await service.restart()
        restarts += 1
      }
      victim = random.pick(servers.each)
      await victim.kill()
      return `killed${isRestarted ? ' after a restart of PostgreSQL' : ''}`
    },
    mend: () => victim.start(),
    /** How often PostgreSQL was restarted. */
    restarts: () => restarts,
  } satisfies Harm & { restarts(): number }
}
