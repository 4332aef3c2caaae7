import { accessSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { hostedSource } from '@rollcall/protocol'
import { StartRefusal } from './error.ts'
import type { Rules } from './ledger/state.ts'

/** Everything that can be set. Durations carry their unit in the name. */
export type Config = {
  /** 0 takes any free port. */
  port: number
  host: string
  /** The folder of the SQLite file and the master key. */
  dataFolder: string
  /** A PostgreSQL service, in place of the SQLite file. */
  databaseUrl: string | undefined
  /** A replica of it, from which lists and reports are read that may be `maxAgeMs` old; undefined: none. */
  readReplica: { url: string; maxAgeMs: number } | undefined
  /** 32 bytes; undefined: a file of mode 600 in the data folder, made at the first start. */
  masterKey: Buffer | undefined
  /** The address that `links` are built on; undefined: the request's own host. */
  publicUrl: string | undefined
  /** Where this process alone is reached, where there are several; undefined: where it listens. */
  processUrl: string | undefined
  /** Whose X-Forwarded-* is believed: nobody's, that of whoever connects, or that of these addresses and networks. */
  trustProxy: boolean | string[]
  /** The first key; undefined: made at the first start and kept. */
  firstKey: { apiKey: string; secret: string } | undefined
  /** A room that emptied is over when nobody came back within this. */
  graceMs: number
  /** Most sockets in one hosted room. */
  roomSocketsMax: number
  /** Requests a second that one key may make; 0: any number. */
  keyRequestsPerSecond: number
  /** For `new RTCPeerConnection({ iceServers })`. */
  iceServers: unknown[]
  /** TURN servers that take credentials made of a secret they share with us; undefined: none. */
  turn: TurnServers | undefined
  tls: { cert: Buffer; key: Buffer } | undefined
  /** Who else says who signs in to the dashboard; undefined: nobody. */
  oidc: OidcProvider | undefined
  /** A token without roles may only join, not call the API. */
  strictRoles: boolean
  /** How LiveKit's Analytics API rounds connection minutes: see `api/livekit/minutes.ts`. */
  livekitMinutes: string
  /** Addresses that users give may lie on this machine and its network: see `guarded-fetch.ts`. */
  allowPrivateAddresses: boolean
  /** The raw log is kept for this, in milliseconds. */
  logMs: number
  /** Ended sessions are kept for this, in milliseconds; undefined: for ever. */
  retentionMs: number | undefined
  logLevel: string
  /** Where traces are sent to, below `/v1/traces`; undefined: nothing is traced. */
  otlpEndpoint: string | undefined
}

/** `urls` as RFC 7065 writes them, such as `turn:turn.example.org:3478`. */
export type TurnServers = { urls: string[]; secret: string }

/** `roleClaim`: which of its claims names the role of whoever signs in; undefined: none, and users are added here alone. */
export type OidcProvider = { issuer: string; clientId: string; clientSecret: string; roleClaim: string | undefined }

const dayMs = 86_400_000

type Env = { [name: string]: string | undefined }

/** Settings that may hold a secret: the path of a file with it may be given in their place, as NAME_FILE. */
const secretSettings = [
  'ROLLCALL_SECRET',
  'ROLLCALL_API_KEY',
  'ROLLCALL_MASTER_KEY',
  'DATABASE_URL',
  'DATABASE_READ_URL',
  'ROLLCALL_ICE_SERVERS',
  'ROLLCALL_TURN_SECRET',
  'ROLLCALL_OIDC_CLIENT_SECRET',
]

/** Reads every setting once. Throws a `StartRefusal` that names the setting, its value and what it takes. */
export function readConfig(given: Env): Config {
  const env = withSecretFiles(given)
  const logDays = integer(env, 'ROLLCALL_LOG_DAYS', 30, 1, 36_500)
  const retentionDays = integerOrOff(env, 'ROLLCALL_RETENTION_DAYS', 1, 36_500)
  return {
    port: integer(env, 'PORT', 4000, 0, 65535),
    host: text(env, 'HOST') ?? '127.0.0.1',
    dataFolder: text(env, 'ROLLCALL_DATA') ?? './data',
    databaseUrl: databaseUrl(env, 'DATABASE_URL'),
    readReplica: readReplica(env),
    masterKey: masterKey(env),
    publicUrl: address(env, 'ROLLCALL_PUBLIC_URL'),
    processUrl: address(env, 'ROLLCALL_PROCESS_URL'),
    trustProxy: trustProxy(env),
    firstKey: firstKey(env),
    graceMs: integer(env, 'ROLLCALL_GRACE_SECONDS', 20, 0, 86_400) * 1000,
    roomSocketsMax: integer(env, 'ROLLCALL_ROOM_MAX', 100, 1, 100_000),
    keyRequestsPerSecond: integer(env, 'ROLLCALL_RATE_LIMIT', 1000, 0, 1_000_000),
    iceServers: jsonArray(env, 'ROLLCALL_ICE_SERVERS'),
    turn: turn(env),
    tls: tls(env),
    oidc: oidc(env),
    strictRoles: onOff(env, 'ROLLCALL_STRICT_ROLES', false),
    livekitMinutes: oneOf(env, 'ROLLCALL_LIVEKIT_MINUTES', 'by-second', ['by-second', 'by-minute']),
    allowPrivateAddresses: onOff(env, 'ROLLCALL_ALLOW_PRIVATE_ADDRESSES', false),
    // What is erased is not in the log either.
    logMs: Math.min(logDays, retentionDays ?? logDays) * dayMs,
    retentionMs: retentionDays === undefined ? undefined : retentionDays * dayMs,
    otlpEndpoint: address(env, 'OTEL_EXPORTER_OTLP_ENDPOINT'),
    logLevel: oneOf(env, 'LOG_LEVEL', 'info', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  }
}

function withSecretFiles(given: Env): Env {
  const env = { ...given }
  for (const name of secretSettings) {
    const path = text(given, `${name}_FILE`)
    if (path === undefined) continue
    if (text(given, name) !== undefined) {
      throw new StartRefusal(`${name} and ${name}_FILE say the same: set one of them`)
    }
    env[name] = file(`${name}_FILE`, path).toString()
    if (text(env, name) === undefined) throw new StartRefusal(`${name}_FILE=${path} is empty`)
  }
  return env
}

function refuse(name: string, value: string, takes: string): never {
  throw new StartRefusal(`${name}=${value} is not understood: it takes ${takes}`)
}

function text(env: Env, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === undefined || value === '' ? undefined : value
}

function integer(env: Env, name: string, fallback: number, min: number, max: number): number {
  const value = text(env, name)
  if (value === undefined) return fallback
  const number = Number(value)
  if (!Number.isInteger(number) || number < min || number > max) {
    refuse(name, value, `a whole number from ${min} to ${max}`)
  }
  return number
}

function integerOrOff(env: Env, name: string, min: number, max: number): number | undefined {
  return /^off$/i.test(text(env, name) ?? 'off') ? undefined : integer(env, name, min, min, max)
}

function onOff(env: Env, name: string, fallback: boolean): boolean {
  const value = text(env, name)
  return value === undefined ? fallback : (readOnOff(value) ?? refuse(name, value, 'on or off'))
}

function readOnOff(value: string): boolean | undefined {
  if (/^(on|true|1|yes)$/i.test(value)) return true
  if (/^(off|false|0|no)$/i.test(value)) return false
  return undefined
}

function trustProxy(env: Env): Config['trustProxy'] {
  const name = 'ROLLCALL_TRUST_PROXY'
  const value = text(env, name)
  if (value === undefined) return false
  const networks = value.split(',').map((one) => one.trim())
  const takes = 'on, off, or addresses and networks with commas between, such as 127.0.0.1,10.0.0.0/8'
  return readOnOff(value) ?? (networks.every(isNetwork) ? networks : refuse(name, value, takes))
}

/** An IP address, alone or with the length of its network's prefix. */
function isNetwork(text: string): boolean {
  const [, address = '', prefix = '1'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  return version !== 0 && Number(prefix) >= 1 && Number(prefix) <= (version === 4 ? 32 : 128)
}

function oneOf(env: Env, name: string, fallback: string, allowed: string[]): string {
  const value = text(env, name) ?? fallback
  return allowed.includes(value) ? value : refuse(name, value, `one of ${allowed.join(', ')}`)
}

function address(env: Env, name: string): string | undefined {
  const value = text(env, name)
  if (value === undefined) return undefined
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    refuse(name, value, 'an http or https address, such as https://rooms.example.org')
  }
  const { origin, pathname, search, hash, username, password } = new URL(value)
  // What may be a password is not repeated.
  if (username !== '' || password !== '')
    refuse(name, '…', 'an address without a user and password: it is shown to everybody')
  if (search !== '' || hash !== '' || /[?#]/.test(value)) {
    refuse(name, value, 'an address with no ? and no #: paths are put after it')
  }
  // Such a path is not what a browser makes of it.
  if (!/^(\/[\w.~-]+)*\/*$/.test(pathname)) {
    refuse(
      name,
      value,
      'an address whose path has letters, digits and - . _ ~ alone, such as https://example.org/rooms',
    )
  }
  return (origin + pathname).replace(/\/+$/, '')
}

function databaseUrl(env: Env, name: string): string | undefined {
  const value = text(env, name)
  // What else it says is read where it is used.
  if (value === undefined || /^postgres(ql)?:\/\//i.test(value)) return value
  // It may hold a password: it is not repeated in the message.
  return refuse(name, '…', 'an address such as postgres://user:password@host:5432/rollcall')
}

function readReplica(env: Env): Config['readReplica'] {
  const url = databaseUrl(env, 'DATABASE_READ_URL')
  const maxAgeMs = integer(env, 'DATABASE_READ_MAX_AGE_SECONDS', 5, 2, 3600) * 1000
  if (url === undefined) return undefined
  if (text(env, 'DATABASE_URL') === undefined) {
    throw new StartRefusal(
      'DATABASE_READ_URL is set, so DATABASE_URL has to be: it names the database of which that is a replica',
    )
  }
  return { url, maxAgeMs }
}

function jsonArray(env: Env, name: string): unknown[] {
  const value = text(env, name)
  if (value === undefined) return []
  const takes = 'a JSON array, such as [{"urls":"stun:stun.example.org"}]'
  let parsed: unknown
  try {
    parsed = JSON.parse(value)
  } catch {
    refuse(name, value, takes)
  }
  return Array.isArray(parsed) ? parsed : refuse(name, value, takes)
}

function masterKey(env: Env): Buffer | undefined {
  const value = text(env, 'ROLLCALL_MASTER_KEY')
  if (value === undefined) return undefined
  const key = /^[0-9a-f]{64}$/i.test(value) ? Buffer.from(value, 'hex') : Buffer.from(value, 'base64')
  // The value is a secret: it is not repeated in the message.
  return key.length === 32 ? key : refuse('ROLLCALL_MASTER_KEY', '…', '32 bytes, as 64 hex digits or in base64')
}

function firstKey(env: Env): Config['firstKey'] {
  const apiKey = text(env, 'ROLLCALL_API_KEY')
  const secret = text(env, 'ROLLCALL_SECRET')
  if (apiKey === undefined && secret === undefined) return undefined
  if (apiKey === undefined || secret === undefined) {
    throw new StartRefusal('ROLLCALL_API_KEY and ROLLCALL_SECRET go together: set both, or neither')
  }
  return { apiKey, secret }
}

function turn(env: Env): Config['turn'] {
  const name = 'ROLLCALL_TURN_URLS'
  const urls = text(env, name)
  const secret = text(env, 'ROLLCALL_TURN_SECRET')
  if (urls === undefined && secret === undefined) return undefined
  if (urls === undefined || secret === undefined) {
    throw new StartRefusal(`${name} and ROLLCALL_TURN_SECRET go together: set both, or neither`)
  }
  const list = urls.split(',').map((url) => url.trim())
  const isTurn = (url: string) => /^turns?:[^\s/?@]+(\?transport=(udp|tcp))?$/.test(url)
  if (!list.every(isTurn))
    refuse(name, urls, 'turn: and turns: addresses with commas between, such as turn:turn.example.org:3478')
  return { urls: list, secret }
}

function oidc(env: Env): Config['oidc'] {
  const issuer = text(env, 'ROLLCALL_OIDC_ISSUER')
  const clientId = text(env, 'ROLLCALL_OIDC_CLIENT_ID')
  const clientSecret = text(env, 'ROLLCALL_OIDC_CLIENT_SECRET')
  const roleClaim = text(env, 'ROLLCALL_OIDC_ROLE_CLAIM')
  if ([issuer, clientId, clientSecret, roleClaim].every((one) => one === undefined)) return undefined
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) {
    throw new StartRefusal(
      'ROLLCALL_OIDC_ISSUER, ROLLCALL_OIDC_CLIENT_ID and ROLLCALL_OIDC_CLIENT_SECRET go together: set all, or none',
    )
  }
  address(env, 'ROLLCALL_OIDC_ISSUER')
  // As the provider calls itself: with a slash at the end or without.
  return { issuer, clientId, clientSecret, roleClaim }
}

function tls(env: Env): Config['tls'] {
  const cert = text(env, 'ROLLCALL_TLS_CERT')
  const key = text(env, 'ROLLCALL_TLS_KEY')
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    throw new StartRefusal('ROLLCALL_TLS_CERT and ROLLCALL_TLS_KEY go together: set both, or neither')
  }
  return { cert: file('ROLLCALL_TLS_CERT', cert), key: file('ROLLCALL_TLS_KEY', key) }
}

function file(name: string, path: string): Buffer {
  try {
    accessSync(path)
    return readFileSync(path)
  } catch (error) {
    throw new StartRefusal(`${name}=${path} cannot be read: ${(error as Error).message}`)
  }
}

/** Where somebody on this machine reaches a server that listens so, without a slash at the end. */
export function addressOf({ host, port, tls }: Pick<Config, 'host' | 'port' | 'tls'>): string {
  const everywhere = host === '0.0.0.0' || host === '::'
  const name = everywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `${tls ? 'https' : 'http'}://${name}:${port}`
}

/** An empty named session is over when it was silent for this, in milliseconds. */
const silenceMs = 600_000
/** Whoever a source left inside is gone when it was silent for this, in milliseconds. */
const maxSilenceMs = 24 * 3_600_000

/** What the ledger goes by, from the settings. */
export function toRules({ graceMs }: Pick<Config, 'graceMs'>): Rules {
  return { graceMs, silenceMs, maxSilenceMs, leasedSource: hostedSource }
}
