import type pg from 'pg'
import { Refusal } from '../error.ts'
import { connectAlone, connectionsTo } from './database/postgres/connections.ts'
import { isUnavailable } from './database/postgres/errors.ts'
import { serverLock } from './database/postgres/server-lock.ts'
import { retryMs } from './database/postgres.ts'

/** The first half of the numbers of our locks; the second is made of a name. */
const lockClass = 0x726f6c6c
/** What servers tell one another goes over this. */
const channel = 'rollcall'
/** A connection that answers nothing for this long is taken for lost, in milliseconds: what is asked on it takes no time. */
const queryTimeoutMs = 5000
/** So that the service drops the locks of a machine that is gone within half a minute. */
const keepalive = 'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3'

/** A server among those before one PostgreSQL service: a connection that stands for the process, and whose end frees its locks. */
export type Member = {
  /** Takes those of these locks that are free. Gives those that it got. */
  lock(names: string[]): Promise<string[]>
  /** Of these locks those that nobody has. */
  listFree(names: string[]): Promise<string[]>
  /** Cuts off whoever has this lock. */
  cutOff(name: string): Promise<void>
  /** Tells all members, this one among them. */
  tell(text: string): Promise<void>
  leave(): Promise<void>
}

export type MemberParts = {
  heard(text: string): void
  /** The connection is lost, and the locks with it. */
  lost(): void
  /** There is another connection: what was told meanwhile was not heard. */
  back(): void
  /** There is none yet. */
  notBack(error: unknown): void
  /** Something else has the database for itself now. */
  failed(error: Error): void
}

/** Undefined where something has the database for itself, as `rollcall rebuild` does. */
export async function joinMembers(url: string, parts: MemberParts): Promise<Member | undefined> {
  const connections = connectionsTo(url)
  let left = false
  let client: pg.Client | undefined = await connect()
  if (client === undefined) return undefined

  const query = async <Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> => {
    const asked = client
    try {
      if (asked !== undefined) return (await asked.query<Row>(text, values)).rows
    } catch (error) {
      if (!isUnavailable(error)) throw error
      // Where no answer came none will: the network swallows what is sent, or the machine is gone.
      await asked?.end()
    }
    throw new Refusal('BUSY', 'The database does not answer: try again in a moment')
  }
  const isLocked = `exists (
    select from pg_locks as l
    where l.locktype = 'advisory' and l.granted and l.classid = ${lockClass} and l.objsubid = 2
      and l.objid::bigint = hashtext(n.name)::bigint & 4294967295
      and l.database = (select oid from pg_database where datname = current_database()))`

  return {
    async lock(names) {
      const rows = await query<{ name: string }>(
        `select n.name from unnest($1::text[]) as n(name) where pg_try_advisory_lock(${lockClass}, hashtext(n.name))`,
        [names],
      )
      return rows.map(({ name }) => name)
    },
    async listFree(names) {
      const rows = await query<{ name: string }>(
        `select n.name from unnest($1::text[]) as n(name) where not ${isLocked}`,
        [names],
      )
      return rows.map(({ name }) => name)
    },
    async cutOff(name) {
      await query(
        `select pg_terminate_backend(l.pid) from pg_locks as l
         where l.locktype = 'advisory' and l.granted and l.classid = ${lockClass} and l.objsubid = 2
           and l.objid::bigint = hashtext($1)::bigint & 4294967295
           and l.database = (select oid from pg_database where datname = current_database())`,
        [name],
      )
    },
    async tell(text) {
      await query(`select pg_notify('${channel}', $1)`, [text])
    },
    async leave() {
      left = true
      await client?.end()
    },
  }

  async function connect(): Promise<pg.Client | undefined> {
    const connecting = await connectAlone(connections, { query_timeout: queryTimeoutMs })
    const { rows } = await connecting.query('select pg_try_advisory_lock_shared(hashtextextended($1, 0)) as taken', [
      serverLock,
    ])
    if (rows[0]?.taken !== true) {
      await connecting.end()
      return undefined
    }
    connecting.on('notification', ({ payload = '' }) => parts.heard(payload))
    connecting.once('end', () => void reconnect())
    await connecting.query(`${keepalive}; listen ${channel}`)
    return connecting
  }

  async function reconnect(): Promise<void> {
    client = undefined
    if (left) return
    parts.lost()
    while (!left) {
      await new Promise((resolve) => setTimeout(resolve, retryMs))
      try {
        client = await connect()
        if (client === undefined) return parts.failed(new Error('something else has the database for itself now'))
        if (left) await client.end()
        else parts.back()
        return
      } catch (error) {
        // Whatever it is (a password that was changed, too many connections): facts wait, and somebody may mend it.
        parts.notBack(error)
      }
    }
  }
}
