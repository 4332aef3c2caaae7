import type { ImportStep, NewSource, Source, SourceChanges, SourceList, Usage } from '@rollcall/protocol'
import { type Api, createApi } from './api.ts'
import { parseBaseUrl } from './base-url.ts'
import { type ChangeOptions, type FollowedChange, followChanges } from './changes.ts'
import { type ImportOptions, importFile } from './imports.ts'
import { createKeys, type Keys } from './keys.ts'
import { createPeople, type People } from './people.ts'
import { createReporter, type Reporter, type ReportOptions } from './report.ts'
import { createRetention, type RetentionSettings } from './retention.ts'
import { createRooms, type Rooms } from './rooms.ts'
import { createSchedules, type Schedules } from './schedules.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createShares, type Shares } from './shares.ts'
import { createOwnTokens, type KeyPair, readToken, type TokenSource } from './token.ts'
import { createUsers, type Users } from './users.ts'
import { createWebhooks, type Webhooks } from './webhooks.ts'

/**
 * A server's address, and either a key, with which the client signs its own tokens (role `crawler`, good for ten minutes,
 * renewed in time), or a token, or a function that is asked for one at each request; or, in a page of the server itself, the
 * cookie of whoever is signed in in the browser.
 */
export type RollcallOptions = {
  url: string
  /** How often a read is tried in all; without it, up to five times. */
  tries?: number
} & (KeyPair | { token: TokenSource } | { cookie: true })

/** Which usage, and as what rows. */
export type UsageOptions = {
  /** The beginning, inclusive; without it, 30 days before the end. */
  from?: Date | number | string
  /** The end, exclusive; without it, now. */
  to?: Date | number | string
  /** What a row is; without it, a day. */
  groupBy?: Usage['groupBy']
  /** An IANA time zone, whose days are meant; without it, UTC. */
  tz?: string
  /** One room's roomId or customRoomId. */
  roomId?: string
}

/**
 * Reads the record of a Rollcall server, its sessions and its rooms, and reports to it.
 *
 * What the network or a busy server refused is asked for again, up to five times, as long as it only reads. Every error is a
 * `RollcallError`.
 *
 * @example
 * const rollcall = new Rollcall({ url: 'http://localhost:4000', apiKey, secret })
 * for await (const session of rollcall.sessions.list({ status: 'ongoing' })) console.log(session.roomId)
 */
export class Rollcall {
  readonly sessions: Sessions
  readonly rooms: Rooms
  readonly webhooks: Webhooks
  readonly people: People
  readonly schedules: Schedules
  readonly keys: Keys
  readonly users: Users
  readonly shares: Shares
  readonly retention: RetentionSettings
  readonly #api: Api

  /** @throws TypeError where `url` is no http or https address, or there is neither a key nor a token */
  constructor(options: RollcallOptions) {
    const api = createApi(parseBaseUrl(options.url), toTokens(options), options.tries)
    this.sessions = createSessions(api)
    this.rooms = createRooms(api)
    this.webhooks = createWebhooks(api)
    this.people = createPeople(api)
    this.schedules = createSchedules(api)
    this.keys = createKeys(api)
    this.users = createUsers(api)
    this.shares = createShares(api)
    this.retention = createRetention(api)
    this.#api = api
  }

  /**
   * Gives how much the rooms were used: sessions, people, minutes, and the most at one moment.
   *
   * @throws RollcallError with code `BAD_REQUEST`, whose message names what was wrong and what it takes
   * @example
   * const { total, data } = await rollcall.usage({ from: '2026-01-01', to: '2026-02-01', groupBy: 'room' })
   */
  usage(options: UsageOptions = {}): Promise<Usage> {
    return this.#api.get<Usage>('/v2/usage', options)
  }

  /**
   * Gives the media servers that report, with how that goes.
   *
   * @throws RollcallError
   * @example
   * for (const { name, health } of await rollcall.sources()) console.log(name, health.lastFactAt)
   */
  async sources(): Promise<SourceList['data']> {
    return (await this.#api.get<SourceList>('/v2/sources')).data
  }

  /**
   * Adds a media server. Its `setup` has the lines to paste into its configuration; a secret that was made for it is in them
   * this once.
   *
   * @throws RollcallError with code `BAD_REQUEST`, whose message names the setting that is missing or wrong
   * @example
   * const { setup } = await rollcall.createSource({ type: 'jitsi', name: 'meet.example.org' })
   */
  createSource(source: NewSource): Promise<Source> {
    return this.#api.post<Source>('/v2/sources', source)
  }

  /**
   * Changes the name and the settings of a source: what is not named stays.
   *
   * @throws RollcallError with code `SOURCE_NOT_FOUND` or `BAD_REQUEST`
   */
  updateSource(id: string, changes: SourceChanges): Promise<Source> {
    return this.#api.patch<Source>(`/v2/sources/${encodeURIComponent(id)}`, changes)
  }

  /**
   * Takes a source away: what it sends is not taken any more, what it sent stays.
   *
   * @throws RollcallError with code `SOURCE_NOT_FOUND`
   */
  deleteSource(id: string): Promise<Source> {
    return this.#api.delete<Source>(`/v2/sources/${encodeURIComponent(id)}`)
  }

  /**
   * Follows what changes in the record, in order and without a gap, for as long as it is walked. It connects again by itself
   * and goes on where it was; keep the `seq` of the last change, and `after` goes on there after a restart of yours too. The
   * token has to name the role `crawler`, as those do that the client signs.
   *
   * @throws RollcallError while it is walked, where the server refuses it for good: `TOKEN_INVALID`, `ROOM_NOT_FOUND`
   * @example
   * for await (const change of rollcall.changes({ after: lastSeq })) {
   *   if (change.type === 'participant.joined') console.log(change.name, 'is in', change.roomId)
   *   lastSeq = change.seq
   * }
   */
  changes(options: ChangeOptions = {}): AsyncGenerator<FollowedChange, void, undefined> {
    return followChanges(this.#api, options)
  }

  /**
   * Imports a file of another system, and gives what becomes of it as it happens: what was not taken and why, how far it is,
   * and at the end the report. The same file again changes nothing.
   *
   * @throws RollcallError while it is walked, with code `BAD_REQUEST` where the file cannot be read, or does not say something
   * @example
   * for await (const step of rollcall.import(file, { format: 'zoom', tz: 'Europe/Berlin' })) {
   *   if (step.type === 'untaken') console.log(step.where, step.reason)
   * }
   */
  import(file: Blob | string, options: ImportOptions): AsyncGenerator<ImportStep, void, undefined> {
    return importFile(this.#api, file, options)
  }

  /**
   * Reports what happens in a media server of your own: batched, in order, and again until it is in the record. The token
   * has to name the role `crawler`, as those do that the client signs.
   *
   * @example
   * const reporter = rollcall.report({ source: 'sfu-eu-1' })
   * const anna = { roomId: 'standup', sessionKey: router.id, participantId: 'anna', connectionId: transport.id }
   * await reporter.add({ ...anna, id: `${transport.id}:in`, type: 'participant-joined', at: Date.now() })
   * await reporter.add({ ...anna, id: `${transport.id}:out`, type: 'participant-left', at: Date.now() })
   * await reporter.close()
   */
  report(options: ReportOptions = {}): Reporter {
    return createReporter(this.#api, options)
  }
}

function toTokens(options: RollcallOptions): () => Promise<string | undefined> {
  if ('cookie' in options) return async () => undefined
  if ('token' in options) return () => readToken(options.token)
  if (options.apiKey && options.secret) return createOwnTokens(options)
  throw new TypeError('Rollcall takes { url, apiKey, secret } or { url, token }')
}
