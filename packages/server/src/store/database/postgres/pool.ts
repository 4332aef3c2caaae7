import pg from 'pg'
import { connectionsTo } from './connections.ts'
import { isReadOnly, isUnavailable } from './errors.ts'

/** Connections to a service that may move: to a standby that took over, or to another place of its address. */
export type Pool = {
  /** A connection, for as long as it takes. Rejects with a `ConnectFailure` where there is none. */
  take(): Promise<pg.PoolClient>
  /** @param error what failed on it; undefined: nothing */
  release(client: pg.PoolClient, error: unknown): void
  /** Connections that are open now are used no more: others are made, to where the service is by now. */
  renew(): void
  /** The same, and what is asked on them fails: no answer will come. */
  breakOff(): void
  end(): Promise<void>
}

/** Asks in SQL. @param isKept the connection keeps the text and its plan for the next time */
export type Ask = (text: string, values: unknown[], isKept?: boolean) => Promise<pg.QueryResult>

/** Whole numbers of 64 bits come as numbers: ours are times and counts, far below 2 to the 53rd. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC
      ? Number
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

export type PoolOptions = {
  max: number
  /** The schema of what is named without one, in place of the usual. */
  schema?: string | undefined
  /** What is set on each connection for as long as it is open: `lock_timeout = 5000`. */
  parameters?: string[] | undefined
  /** Called when the service is found to take no writes: it is a standby by now. */
  onReadOnly(): void
  /** Asks each new connection before it is given to anybody. */
  onConnect?: ((client: pg.ClientBase) => Promise<void>) | undefined
}

export function openPool(
  url: string,
  { max, schema, parameters = [], onReadOnly, onConnect: asked }: PoolOptions,
): Pool {
  const connections = connectionsTo(url)
  const { settings, Client } = connections
  const options = schema === undefined ? settings.options : `${settings.options ?? ''} -c search_path=${schema}`
  // Here and not in `options`: poolers refuse what they do not know of those.
  const onConnect = async (client: pg.ClientBase) => {
    if (parameters.length > 0) await client.query(parameters.map((one) => `set ${one}`).join('; '))
    await asked?.(client)
  }
  // What a transaction asks is sent while what it asked before is still answered.
  const pool = new pg.Pool({ ...settings, options, Client, max, types, pipeline: true, onConnect } as pg.PoolConfig)
  const open = new Set<pg.PoolClient>()
  /** Connections from before the last renewal. */
  let old = new WeakSet<pg.PoolClient>()
  // A connection that breaks is replaced; whatever was asked on it fails by itself.
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    client.on('error', () => {})
    open.add(client)
  })
  pool.on('remove', (client) => open.delete(client))

  const renew = () => {
    old = new WeakSet(open)
    connections.moveOn()
  }

  return {
    async take() {
      for (;;) {
        const client = await connections.inTurn(() => pool.connect())
        if (!old.has(client)) return client
        client.release(true)
      }
    },
    release(client, error) {
      if (isReadOnly(error)) {
        renew()
        onReadOnly()
      }
      client.release(isUnavailable(error))
    },
    renew,
    breakOff() {
      renew()
      // To end it would be to wait for the answers to what was sent.
      for (const client of open) client.connection.stream.destroy()
    },
    end: () => pool.end(),
  }
}
