import type { Compilable, Kysely } from 'kysely'
import { compile, type Database, type Query } from './database/database.ts'
import type { SecretBox } from './database/secrets.ts'
import type { Tables } from './database/tables.ts'

/** What a verb works over: a connection; in a write, that of the writer, in its transaction. `now`: epoch milliseconds. */
export type Over = {
  db: Database
  box: SecretBox
  now: () => number
  /**
   * Await it between the slices of what takes long, so that others have their turn; absent where nobody waits.
   * @param work stands for what the slices are of: the same for all of them
   */
  pause?: ((keyId: number, work: object) => Promise<void>) | undefined
}

/** A read, called with what it works over and then its own arguments; or a write, with one input. */
type Verb = (over: never, ...args: never[]) => unknown
export type Verbs = { [name: string]: Verb }

/**
 * One noun of the store: its reads and writes, declared here and nowhere else. What they give, and how the main thread calls
 * them, follows in `record/nouns.ts`.
 * @param declared `replicated`: reads that may be a little old, where there is a replica: lists and reports, of the key that is their
 * first argument; `unseen`: writes that show on no page that is kept; `changes`: writes that append to the numbered changes
 */
export function noun<R extends Verbs, W extends Verbs>(declared: {
  reads: R
  writes: W
  replicated?: (keyof R & string)[]
  unseen?: (keyof W & string)[]
  changes?: (keyof W & string)[]
}) {
  return declared
}

/** Something that is made for each connection once, when it is first asked for. */
export function perDatabase<T>(make: (db: Database) => T): (db: Database) => T {
  const made = new WeakMap<Database, T>()
  return (db) => {
    const known = made.get(db)
    if (known !== undefined) return known
    const first = make(db)
    made.set(db, first)
    return first
  }
}

/**
 * A query that each connection compiles at its first use.
 * @example const byId = query<{ id: string }, { name: string }>((k, p) => k.selectFrom('t').select('name').where('id', '=', p.id))
 * await db.all(byId(db), { id })
 */
export function query<P extends object, R = unknown>(
  build: (k: Kysely<Tables>, params: P, db: Database) => Compilable<R>,
): (db: Database) => Query<P, R> {
  return perDatabase((db) => compile<P, R>((params) => build(db.kysely, params, db)))
}
