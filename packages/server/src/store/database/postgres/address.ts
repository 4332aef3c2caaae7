import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { StartRefusal } from '../../../error.ts'

// The address of a PostgreSQL service, in the words of libpq:
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
// Whatever is wrong with it is told without repeating it: a password may stand anywhere in what was mistyped.

/** Where a connection may go to. `tls`: how it is made safe; undefined: it is not. */
export type Place = { host: string; port: number; tls: ConnectionOptions | undefined }

export type Address = {
  /** In the order in which they are tried. */
  places: Place[]
  user: string | undefined
  password: string | undefined
  database: string | undefined
  /** A place that takes no writes is passed by. */
  wantsWritable: boolean
  /** SCRAM is bound to the TLS connection, where the service offers that. */
  bindsChannel: boolean
  /** What each connection is to be set to from its start. */
  options: string | undefined
  /** How long to wait for one connection, in milliseconds; undefined: the default. */
  connectTimeoutMs: number | undefined
}

const tlsModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
type TlsMode = (typeof tlsModes)[number]

/** What an address may say after its `?`. */
const parameters = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'channel_binding',
  'target_session_attrs',
  'connect_timeout',
  'options',
] as const
type Parameter = (typeof parameters)[number]
type Parameters = Partial<Record<Parameter, string>>
/** What other programs say in it, and means nothing here. */
const ignored = ['application_name', 'uselibpqcompat', 'gssencmode', 'keepalives', 'pgbouncer']

const form = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i
const defaultPort = 5432

/**
 * Reads an address such as `postgres://user:password@one,two:5433/rollcall?sslmode=verify-full`. Throws a `StartRefusal`.
 * @param name what the address is called where it was given
 */
export function readAddress(text: string, name = 'DATABASE_URL'): Address {
  const refuse = (why: string): never => {
    throw new StartRefusal(`${name} is not understood: ${why}`)
  }
  const [, login = '', hosts = '', path = '', query = ''] =
    form.exec(text) ??
    refuse(
      'it takes an address such as postgres://user:password@host:5432/rollcall, in which / ? # and @ of a password are written %2F %3F %23 and %40',
    )
  if (query.includes('@')) refuse('an @ stands after its ?: write ? as %3F and @ as %40 in a password')
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part)
    } catch {
      return refuse('it has a % that is not followed by two hex digits: write it as %25')
    }
  }
  const given = readParameters(query, refuse)
  const [user, password] = splitOnce(login, ':').map(decode)
  const tls = readTls(given, refuse)
  const places = readHosts(given.host ?? decode(hosts), given.port, refuse)
  const target = oneOf(given, 'target_session_attrs', ['any', 'read-write', 'primary'], refuse) ?? 'any'
  return {
    places: places.flatMap(({ host, port }) =>
      (host.startsWith('/') ? [undefined] : tls).map((one) => ({ host, port, tls: one })),
    ),
    user: given.user ?? orNothing(user),
    password: given.password ?? orNothing(password),
    database: given.dbname ?? orNothing(decode(path)),
    // A server writes: of several places it is of use where one takes that.
    wantsWritable: target !== 'any' || places.length > 1,
    bindsChannel: (oneOf(given, 'channel_binding', ['disable', 'prefer', 'require'], refuse) ?? 'prefer') !== 'disable',
    options: given.options,
    connectTimeoutMs: readSeconds(given.connect_timeout, refuse),
  }
}

/** What of an address may be shown: its hosts and its database. */
export function showAddress({ places, database = '' }: Address): string {
  const hosts = new Set(places.map(({ host, port }) => showHost(host, port)))
  return `postgres://${[...hosts].join(',')}/${database}`
}

export function showHost(host: string, port: number): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === defaultPort ? name : `${name}:${port}`
}

/** Always throws, with what is wrong. */
type Refuse = (why: string) => never

function readParameters(query: string, refuse: Refuse): Parameters {
  const given: Parameters = {}
  for (const [name, value] of new URLSearchParams(query.replaceAll('+', '%2B'))) {
    // As libpq takes it, for those who know it from JDBC.
    if (name === 'ssl' && value === 'true') given.sslmode = 'require'
    else if (parameters.includes(name as Parameter)) given[name as Parameter] = value
    else if (!ignored.includes(name)) refuse(`it has a parameter that is none of ${parameters.join(', ')}`)
  }
  return given
}

function readHosts(hosts: string, ports: string | undefined, refuse: Refuse): { host: string; port: number }[] {
  const given = ports?.split(',') ?? []
  return hosts.split(',').map((text, i) => {
    const [, v6, name = '', ownPort] =
      /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(text) ?? refuse('it names a host that is none')
    const port = Number((ownPort || given[i] || given[0]) ?? defaultPort)
    if (!Number.isInteger(port) || port < 1 || port > 65_535) refuse('a port is a number from 1 to 65535')
    return { host: v6 ?? (name === '' ? 'localhost' : name), port }
  })
}

/** How each host is tried, in turn. */
function readTls(given: Parameters, refuse: Refuse): (ConnectionOptions | undefined)[] {
  const mode: TlsMode = oneOf(given, 'sslmode', tlsModes, refuse) ?? 'prefer'
  const isVerified = mode === 'verify-ca' || mode === 'verify-full'
  const isSystem = given.sslrootcert === 'system'
  if (isSystem && mode !== 'verify-full') refuse('sslrootcert=system takes sslmode=verify-full')
  if (mode === 'verify-ca' && given.sslrootcert === undefined) {
    refuse('sslmode=verify-ca takes an sslrootcert: anybody can have a certificate of a public authority')
  }
  if ((given.sslcert === undefined) !== (given.sslkey === undefined)) refuse('sslcert and sslkey go together')
  const file = (name: 'sslrootcert' | 'sslcert' | 'sslkey') => {
    const path = given[name]
    return path === undefined || mode === 'disable' ? undefined : readPem(name, path, refuse)
  }
  const ca = isSystem ? undefined : file('sslrootcert')
  const [cert, key] = [file('sslcert'), file('sslkey')]
  const tls: ConnectionOptions = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(given.sslpassword !== undefined && { passphrase: given.sslpassword }),
    // With a root certificate `require` is `verify-ca`, as in libpq.
    rejectUnauthorized: isVerified || (mode === 'require' && ca !== undefined),
    ...(mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  }
  switch (mode) {
    case 'disable':
      return [undefined]
    case 'allow':
      return [undefined, tls]
    case 'prefer':
      return [tls, undefined]
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return [tls]
    default:
      return mode satisfies never
  }
}

function readPem(name: string, path: string, refuse: Refuse): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    return refuse(`the file of its ${name} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function readSeconds(text: string | undefined, refuse: Refuse): number | undefined {
  if (text === undefined) return undefined
  const seconds = Number(text)
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 300) refuse('connect_timeout is seconds, from 1 to 300')
  return seconds * 1000
}

function oneOf<Value extends string>(
  given: Parameters,
  name: Parameter,
  allowed: readonly Value[],
  refuse: Refuse,
): Value | undefined {
  const value = given[name]
  if (value === undefined) return undefined
  return allowed.find((one) => one === value) ?? refuse(`${name} takes ${allowed.join(', ')}`)
}

function splitOnce(text: string, at: string): [string, string] {
  const [first = '', ...rest] = text.split(at)
  return [first, rest.join(at)]
}

function orNothing(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
