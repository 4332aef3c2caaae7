import type pg from 'pg'
import { connectAlone, connectionsTo } from './connections.ts'

/** Other clients of a pooler may come between, so it is looked at more than once. */
const looks = 5
const queryTimeoutMs = 10_000

/**
 * Whether something between pools by transaction, as PgBouncer and the poolers of hosted databases do: what is kept on a
 * connection (locks, prepared statements, `listen`) is then another client's by the next transaction. Found by what it does:
 * a connection to the service that two clients are given while both are connected. Rejects where there is no connection.
 */
export async function isPooledByTransaction(url: string): Promise<boolean> {
  const connections = connectionsTo(url)
  const one = await connectAlone(connections, { query_timeout: queryTimeoutMs })
  try {
    const other = await connectAlone(connections, { query_timeout: queryTimeoutMs })
    try {
      const [ofOne, ofOther] = [new Set<number>(), new Set<number>()]
      for (let i = 0; i < looks; i++) {
        // A pooler that pools by transaction gives on what the other has just put down, or takes turns.
        ofOne.add(await findProcess(one))
        ofOther.add(await findProcess(other))
      }
      return ofOne.size > 1 || ofOther.size > 1 || [...ofOne].some((process) => ofOther.has(process))
    } finally {
      await other.end()
    }
  } finally {
    await one.end()
  }
}

/** The process of the service that a client is given for a transaction. */
async function findProcess(client: pg.Client): Promise<number> {
  const { rows } = await client.query('select pg_backend_pid() as pid')
  return Number(rows[0]?.pid)
}
