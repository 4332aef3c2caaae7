import pg from 'pg'
import { type Address, type Place, readAddress, showHost } from './address.ts'
import { ConnectFailure, codeOf, isUnavailable } from './errors.ts'

type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void)

/** How long to wait for a connection, in milliseconds; where there are several places, for one to any of them. */
const connectTimeoutMs = 10_000
const connectTimeoutOfSeveralMs = 3000
const freeTimeoutMs = 5000

/** How connections to an address are made: to the place where the last one succeeded, and from place to place where that fails. */
export type Connections = {
  /** Of one connection, for a pool. */
  Client: typeof pg.Client
  /** Settings of a connection, or of a pool of them. */
  settings: pg.ClientConfig
  /** Tries as many places as there are. Rejects with a `ConnectFailure` that says what each of them said. */
  inTurn<T>(connect: () => Promise<T>): Promise<T>
  /** The next connection is made to another place than the last one, where there is one. */
  moveOn(): void
}

/** Where the service was found last is of use to all connections of this process. */
const known = new Map<string, Connections>()

/** Throws a `StartRefusal` where the address is not understood. */
export function connectionsTo(url: string): Connections {
  const connections = known.get(url) ?? createConnections(readAddress(url))
  known.set(url, connections)
  return connections
}

function createConnections(address: Address): Connections {
  const { places, user, password, database, bindsChannel, wantsWritable } = address
  const isOneHost = new Set(places.map(({ host, port }) => showHost(host, port))).size === 1
  const timeoutMs = address.connectTimeoutMs ?? (isOneHost ? connectTimeoutMs : connectTimeoutOfSeveralMs)
  let current = 0

  /** Where whoever failed at a place goes on. A host that is not reached is not tried again without TLS. */
  const leave = (place: Place, isUnreached: boolean) => {
    if (places[current] !== place || (isUnreached && isOneHost)) return
    do current = (current + 1) % places.length
    while (isUnreached && isSameHost(places[current], place))
  }

  class Client extends pg.Client {
    readonly #place: Place

    constructor(config?: pg.ClientConfig) {
      const place = places[current] ?? { host: 'localhost', port: 5432, tls: undefined }
      // A pool hides the password of its settings, so that it is said here.
      const { host, port, tls } = place
      const own = { user, password, database, host, port, ssl: tls ?? false, connectionTimeoutMillis: timeoutMs }
      super({ ...config, ...own })
      this.#place = place
    }

    override connect(): Promise<pg.Client>
    override connect(callback: Connected): void
    override connect(callback?: Connected): Promise<pg.Client> | undefined {
      const connected = this.#connect()
      if (callback === undefined) return connected
      connected.then(
        (client) => (callback as (error: null, client: pg.Client) => void)(null, client),
        callback as (error: Error) => void,
      )
      return undefined
    }

    async #connect(): Promise<pg.Client> {
      try {
        await super.connect()
      } catch (error) {
        leave(this.#place, !isOfThePlace(error))
        throw new ConnectFailure(tell(error as Error, this.#place, address), codeOf(error))
      }
      if (wantsWritable && (await this.#isReadOnly())) {
        leave(this.#place, true)
        await this.end()
        throw new ConnectFailure(`${showHost(this.#place.host, this.#place.port)} takes no writes`, '25006')
      }
      return this
    }

    async #isReadOnly(): Promise<boolean> {
      try {
        const { rows } = await this.query("select current_setting('transaction_read_only') = 'on' as is")
        return rows[0]?.is === true
      } catch (error) {
        leave(this.#place, true)
        await this.end()
        throw new ConnectFailure(tell(error as Error, this.#place, address), codeOf(error))
      }
    }
  }

  return {
    Client,
    settings: {
      options: address.options,
      enableChannelBinding: bindsChannel,
      // Of a pool: also how long to wait for one that is free.
      connectionTimeoutMillis: timeoutMs + freeTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5000,
      application_name: 'rollcall',
    } as pg.ClientConfig,
    async inTurn(connect) {
      const said = new Map<string, Error>()
      for (let tries = 0; tries < places.length; tries++) {
        const before = current
        try {
          return await connect()
        } catch (error) {
          if (!isUnavailable(error)) throw error
          const { message } = error as Error
          said.set(message, error as Error)
          if (current === before) break
        }
      }
      const failures = [...said.values()]
      // That it speaks no TLS is of no use to whoever is refused without.
      const told = failures.filter(({ message }) => !lacksTls.test(message))
      throw new ConnectFailure(
        (told.length > 0 ? told : failures).map(({ message }) => message).join('; '),
        codeOf(failures.at(-1)),
      )
    },
    moveOn: () => leave(places[current] as Place, true),
  }
}

/** A connection of its own. Rejects with a `ConnectFailure`. */
export function connectAlone(connections: Connections, settings: pg.ClientConfig = {}): Promise<pg.Client> {
  return connections.inTurn(async () => {
    const client = new connections.Client({ ...connections.settings, ...settings })
    // Its end is told by `end`, and whatever is asked of it by then fails.
    client.on('error', () => {})
    await client.connect()
    return client
  })
}

const lacksTls = /does not support SSL/

function isSameHost(one: Place | undefined, other: Place): boolean {
  return one?.host === other.host && one.port === other.port
}

/** The place answered, and refused: with TLS or without it, it may not. */
function isOfThePlace(error: unknown): boolean {
  return !/^(E[A-Z]+)$/.test(codeOf(error)) && !/timeout/i.test(String(error))
}

/** In words that hold nothing of the address but host and database: PostgreSQL repeats the user. */
function tell(error: Error, { host, port }: Place, { user, password, database }: Address): string {
  const where = showHost(host, port)
  const code = codeOf(error)
  if (code === '28P01') return `${where} does not take this user with this password`
  if (code === '28000') return `${where} lets nobody in as this user from here in this way: see its pg_hba.conf`
  let text = error.message.replaceAll(/\b(user|role|username)(\W{0,3})"[^"]*"/gi, '$1$2"…"')
  for (const secret of [password, user]) {
    if (secret !== undefined && secret.length > 2 && secret !== database && secret !== host)
      text = text.replaceAll(secret, '…')
  }
  return `${where}: ${text === '' ? code : text}`
}
