import { type Kysely, sql } from 'kysely'
import { StartRefusal } from '../../../error.ts'
import type { Tables } from '../tables.ts'

// Citus, an extension of PostgreSQL, keeps the rows of a table on several machines: https://docs.citusdata.com. All that is of one
// key lies together on one of them, so that what is asked of one key is asked there.

/**
 * Where a table lies. `by-key`: on the machine of the row's key, which is in each of its unique constraints. `everywhere`: copies on
 * each machine, of what is small, seldom written and joined with the former. `coordinator`: with the one that servers are connected to:
 * what is found by something else than its key, as a link by its digest, or is of servers.
 */
type Place = 'by-key' | 'everywhere' | 'coordinator'

const layout: { [T in keyof Tables]: Place } = {
  keys: 'everywhere',
  retention: 'everywhere',
  sources: 'everywhere',
  // The first that is made by key: the others lie where its rows do.
  counters: 'by-key',
  rooms: 'by-key',
  sessions: 'by-key',
  seals: 'by-key',
  newest_texts: 'by-key',
  participants: 'by-key',
  marks: 'by-key',
  media: 'by-key',
  quality: 'by-key',
  quality_origins: 'by-key',
  claims: 'by-key',
  facts: 'by-key',
  changes: 'by-key',
  schedules: 'by-key',
  schedule_rooms: 'by-key',
  schedule_people: 'by-key',
  people: 'by-key',
  search_rooms: 'by-key',
  search_grams: 'by-key',
  search_cursors: 'by-key',
  erased_sessions: 'by-key',
  erased_people: 'by-key',
  looks: 'by-key',
  session_counts: 'by-key',
  session_buckets: 'by-key',
  usage_days: 'by-key',
  usage_breaks: 'by-key',
  webhook_endpoints: 'by-key',
  webhook_cursors: 'by-key',
  webhook_deliveries: 'by-key',
  key_uses: 'by-key',
  audit: 'by-key',
  kept_out: 'by-key',
  scoped_keys: 'coordinator',
  users: 'coordinator',
  user_keys: 'coordinator',
  sign_ins: 'coordinator',
  shares: 'coordinator',
  invites: 'coordinator',
  links: 'coordinator',
  signing_keys: 'coordinator',
  confirmed_time: 'coordinator',
  leases: 'coordinator',
  room_leases: 'coordinator',
  duties: 'coordinator',
  process_messages: 'coordinator',
}

export function isByKey(table: keyof Tables): boolean {
  return layout[table] === 'by-key'
}

/** The oldest that was tried. */
const oldestVersion = 13

/** `isDistributed`: the record lies on it by key. */
export type Citus = { version: string; isDistributed: boolean; machines: number }

/** Undefined where the database has no such extension. */
export async function findCitus(k: Kysely<Tables>): Promise<Citus | undefined> {
  const { rows: found } = await sql<{ version: string }>`
    select extversion as version from pg_extension where extname = 'citus'`.execute(k)
  const [extension] = found
  if (extension === undefined) return undefined
  const { rows } = await sql<{ isDistributed: boolean; machines: number }>`
    select exists (select from pg_dist_partition where logicalrelid = to_regclass('counters')) as "isDistributed",
      (select count(*) from pg_dist_node where isactive and shouldhaveshards) as machines`.execute(k)
  const [so] = rows
  return { version: extension.version, isDistributed: so?.isDistributed === true, machines: Number(so?.machines) }
}

export function refuseOldCitus({ version, machines }: Citus): void {
  if (Number.parseInt(version, 10) < oldestVersion)
    throw new StartRefusal(`the database has Citus ${version}: it takes ${oldestVersion} or newer`)
  if (machines === 0)
    throw new StartRefusal('no machine of Citus takes rows: add one by citus_add_node, see docs/scaling.md')
}

export type DistributeOptions = {
  /** Told of each table before it is put where it belongs. */
  progress?: (done: number, all: number, table: string) => void
  /** The schema of the tables that are kept, where these are others beside them: the rows of a key lie together. */
  beside?: string
}

/** Puts each table where it belongs, each in a transaction of its own: broken off, it goes on where it was. */
export async function distribute(
  k: Kysely<Tables>,
  { progress = () => {}, beside }: DistributeOptions = {},
): Promise<void> {
  const tables = Object.entries(layout).filter(([, place]) => place !== 'coordinator')
  const isPlaced = await findPlaced(k)
  for (const [i, [table, place]] of tables.entries()) {
    progress(i, tables.length, table)
    if (isPlaced(table)) continue
    const first = beside === undefined ? 'none' : `${beside}.counters`
    await k.transaction().execute(async (one) => {
      await sql`select pg_advisory_xact_lock(hashtextextended('rollcall distribute', 0))`.execute(one)
      // Of servers that start together, another may have.
      if ((await findPlaced(one))(table)) return
      if (place === 'everywhere') await sql`select create_reference_table(${table})`.execute(one)
      else await createByKey(one, table, table === 'counters' ? first : 'counters')
    })
  }
}

/** Which of the tables that are named without a schema are where they belong. */
async function findPlaced(k: Kysely<Tables>): Promise<(table: string) => boolean> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_dist_partition as p join pg_class as c on c.oid = p.logicalrelid
    where c.relnamespace = current_schema()::regnamespace`.execute(k)
  const names = new Set(rows.map(({ name }) => name))
  return (table) => names.has(table)
}

/** A table whose rows lie where those of the same keys of another lie. */
export async function createByKey(k: Kysely<Tables>, table: string, like = 'counters'): Promise<void> {
  await sql`select create_distributed_table(${table}, 'key_id', colocate_with => ${like})`.execute(k)
}

/** Whether nobody has recorded anything yet. */
export async function isEmpty(k: Kysely<Tables>): Promise<boolean> {
  return (await k.selectFrom('keys').select('key_id').limit(1).execute()).length === 0
}
