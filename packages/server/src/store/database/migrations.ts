import { type Kysely, type Migration, Migrator } from 'kysely'
import { clocks } from './migrations/clocks.ts'
import { confirmedTime } from './migrations/confirmed-time.ts'
import { ends } from './migrations/ends.ts'
import { first } from './migrations/first/first.ts'
import { kinds } from './migrations/kinds.ts'
import { looks } from './migrations/looks.ts'
import { media } from './migrations/media.ts'
import { newestTexts } from './migrations/newest-texts.ts'
import { parents } from './migrations/parents.ts'
import { peopleInOrder } from './migrations/people-in-order.ts'
import { processes } from './migrations/processes.ts'
import { webhooks } from './migrations/webhooks.ts'
import type { Tables } from './tables.ts'

/** In order; one that was released is never edited. */
export const migrations: { [name: string]: Migration } = {
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
}

/** Brings the tables up to date: of processes that start together, one does it and the others wait. */
export async function migrateToLatest(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}
