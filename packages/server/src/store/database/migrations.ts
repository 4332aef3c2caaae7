import { type Kysely, Migrator, sql } from 'kysely'
import { arrivals } from './migrations/arrivals.ts'
import { clocks } from './migrations/clocks.ts'
import { confirmedTime } from './migrations/confirmed-time.ts'
import { duties } from './migrations/duties.ts'
import { ends, undatedLeaves } from './migrations/ends.ts'
import { first } from './migrations/first/first.ts'
import { looks } from './migrations/looks.ts'
import { media } from './migrations/media.ts'
import { newestTexts } from './migrations/newest-texts.ts'
import { ofSource, origins } from './migrations/of-source.ts'
import { parents } from './migrations/parents.ts'
import { erasedPeople } from './migrations/people/erased-people.ts'
import { grams } from './migrations/people/grams.ts'
import { kinds } from './migrations/people/kinds.ts'
import { people } from './migrations/people/people.ts'
import { peopleByNumber } from './migrations/people/people-by-number.ts'
import { peopleInOrder } from './migrations/people/people-in-order.ts'
import { processes } from './migrations/processes.ts'
import { hosting } from './migrations/rooms/hosting.ts'
import { invites } from './migrations/rooms/invites.ts'
import { ownRetention } from './migrations/rooms/retention.ts'
import { spanInRoom } from './migrations/rooms/span-in-room.ts'
import { schedules } from './migrations/schedules.ts'
import { scopedKeys } from './migrations/scoped-keys.ts'
import type { ShownOtherwise } from './migrations/shown-otherwise.ts'
import { usage, usageRooms } from './migrations/usage.ts'
import { shares, users } from './migrations/users.ts'
import { webhooks } from './migrations/webhooks.ts'
import { tellStatistics } from './statistics.ts'
import type { Tables } from './tables.ts'
import { emptyTablesByKey } from './without-rowid.ts'

/** @returns what it has shown otherwise from now on */
type Up = (db: Kysely<unknown>) => Promise<ShownOtherwise[] | undefined> | Promise<void>

/** In order; one that was released is never edited. */
export const migrations: { [name: string]: { up: Up } } = {
  '0001-first': { up: first },
  '0002-webhooks': { up: webhooks },
  '0003-processes': { up: processes },
  '0004-ends': { up: ends },
  '0005-confirmed-time': { up: confirmedTime },
  '0006-looks': { up: looks },
  '0007-clocks': { up: clocks },
  '0008-newest-texts': { up: newestTexts },
  '0009-kinds': { up: kinds },
  '0010-people-in-order': { up: peopleInOrder },
  '0011-parents': { up: parents },
  '0012-media': { up: media },
  '0013-people': { up: people },
  '0014-of-source': { up: ofSource },
  '0015-erased-people': { up: erasedPeople },
  '0016-duties': { up: duties },
  '0017-schedules': { up: schedules },
  '0018-origins': { up: origins },
  '0019-scoped-keys': { up: scopedKeys },
  '0020-undated-leaves': { up: undatedLeaves },
  '0021-users': { up: users },
  '0022-shares': { up: shares },
  '0023-invites': { up: invites },
  '0024-hosting': { up: hosting },
  '0025-arrivals': { up: arrivals },
  '0027-grams': { up: grams },
  '0028-own-retention': { up: ownRetention },
  '0030-usage': { up: usage },
  '0031-people-by-number': { up: peopleByNumber },
  '0034-span-in-room': { up: spanInRoom },
  '0036-usage-rooms': { up: usageRooms },
  '0038-tables-by-key': { up: emptyTablesByKey },
}

/**
 * Brings the tables up to date: of processes that start together, one does it and the others wait.
 * @param tell told of each session that is shown otherwise by the rules of this version, once it is done: in words
 */
export async function migrateToLatest(db: Kysely<Tables>, tell: (text: string) => void = () => {}): Promise<void> {
  if (!(await isLatest(db))) await migrate(db, tell)
  await tellStatistics(db)
}

/** Whether nothing is left to do: what does it takes a lock, which is a write, and reads what all tables are like. */
async function isLatest(db: Kysely<Tables>): Promise<boolean> {
  // Of a database without tables, or one that cannot be read, the migrations tell.
  const done = await listDone(db).catch(() => [])
  return done.join() === Object.keys(migrations).join()
}

async function migrate(db: Kysely<Tables>, tell: (text: string) => void): Promise<void> {
  const told: string[] = []
  const telling = Object.entries(migrations).map(([name, { up }]) => {
    const upAndNote = async (db: Kysely<unknown>) => {
      for (const { keyId, sessionId } of (await up(db)) ?? []) {
        told.push(`update ${name}: key ${keyId}, session ${sessionId} is shown otherwise than before`)
      }
    }
    return [name, { up: upAndNote }] as const
  })
  const migrator = new Migrator({ db, provider: { getMigrations: async () => Object.fromEntries(telling) } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) {
    await refuseNewer(db)
    throw error
  }
  for (const text of told) tell(text)
}

/** Throws where an earlier version has made the tables, and nobody has brought them up to date. */
export async function refuseOlder(db: Kysely<Tables>): Promise<void> {
  const done = await listDone(db)
  if (Object.keys(migrations).every((name) => done.includes(name))) return
  throw new Error(
    'an older Rollcall made it: a start of the server, or `rollcall rebuild`, brings its tables up to date',
  )
}

async function listDone(db: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map(({ name }) => name)
}

/** Throws where a later version has changed the tables: they are no longer what this one knows. */
async function refuseNewer(db: Kysely<Tables>): Promise<void> {
  const unknown = (await listDone(db)).filter((name) => !Object.hasOwn(migrations, name))
  if (unknown.length === 0) return
  throw new Error(
    `a newer Rollcall has changed it (${unknown.join(', ')}): run that version again, or restore a backup from before the update`,
  )
}
