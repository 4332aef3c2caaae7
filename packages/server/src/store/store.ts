import type {
  Session as ApiSession,
  AutoCloseConfig,
  DeliveryState,
  NumberedChange,
  QualityOrigin,
  RoomWebhook,
  SourceType,
} from '@rollcall/protocol'
import type { Mark, Participant, Session } from '../ledger/state.ts'
import type { Measured } from './quality.ts'
import type { Key, Room, Source, WebhookDelivery, WebhookEndpoint } from './rows.ts'

/** What `GET /v2/sessions` may ask for. Times are epoch milliseconds, both ends included. */
export type SessionFilter = {
  roomId?: string
  customRoomId?: string
  /** Exact roomId or customRoomId. */
  query?: string
  status?: 'ongoing' | 'ended'
  startFrom?: number
  startTo?: number
  participantId?: string
  /** Somebody was inside then. */
  activeAt?: number
  /** Milliseconds from start to end; of a session that runs, to `now`. */
  minDurationMs?: number
}

/** A page by its number, or what follows a session. */
export type ListPage = Page | { after: Cursor; perPage: number }

export type RoomFilter = {
  roomId?: string
  /** Exact roomId or customRoomId. */
  anyId?: string
}

export type Page = { page: number; perPage: number }

/** A session with what it takes to show it. */
export type SessionRecord = {
  session: Session & { startAt: number }
  customRoomId: string | null
  /** In order of first join; `marks` belong to them. */
  participants: Participant[]
  marks: Mark[]
  /** More people were in it than `participants` holds: a part of a record shows a part of its people. */
  truncated: boolean
}

/**
 * An ended session's JSON, in three parts: before its `links`, from there to its `webhook`, and after that. Nothing of a
 * request is in it.
 */
export type SealedText = { head: string; middle: string; tail: string }

/** One session of a list: as it was sealed, or with what it takes to show it. */
export type ListedSession = { sealed: SealedText & { id: string; roomId: string } } | { record: SessionRecord }

/** A place in a list, newest start first, then id: what comes after this session. */
export type Cursor = { startAt: number; id: string }

export type FoundSessions = {
  sessions: ListedSession[]
  total: number
  /** There are more than `total`: some filters count no further than 10,000. */
  totalCapped: boolean
  /** Where the next page goes on; undefined at the end. */
  next: Cursor | undefined
}

/** A time, from `from` inclusive to `to` exclusive, in epoch milliseconds; of one room, or all. */
export type Period = { from: number; to: number; roomId?: string }

/** PKCS#1 PEM, both halves. */
export type SigningKey = { publicPem: string; privatePem: string }

export type SessionToClose = {
  keyId: number
  roomId: string
  sessionId: string
  /** The room is disabled too. */
  deactivates: boolean
}

export type NewRoom = {
  customRoomId?: string
  webhook?: RoomWebhook
  autoClose?: AutoCloseConfig
  allowedParticipantIds?: string[]
}

/** What came of what a source sent; times are epoch milliseconds, by our clock. */
export type SourceHealth = {
  lastFactAt: number | null
  recorded: number
  duplicate: number
  ignored: number
  refused: number
  /** How far its clock is behind ours, by its last delivery. */
  skewMs: number | null
  lastError: string | null
  lastErrorAt: number | null
}

/** News of a source's health: numbers are added, and what is not null stands in place of what was known. */
export type SourceNote = { id: string } & SourceHealth

/** One life of a room, as its source names it. */
export type Life = {
  sessionId: string
  sessionKey: string
  startAt: number
  /** When it ended, if it did. */
  endAt: number | null
  /** The end that was reported; null where none was. */
  endedAt: number | null
  /** The latest evidence of it. */
  lastAt: number
  revision: number
}

/** What became of the webhooks about a session. */
export type WebhookSummary = ApiSession['webhook']

/** Of one endpoint. Times are epoch milliseconds, of when a delivery was due first: from inclusive, to exclusive. */
export type DeliveryFilter = {
  endpointId: string
  id?: string
  state?: DeliveryState
  /** Was sent, and never taken. */
  isFailing?: boolean
  from?: number
  to?: number
}

export type DueDelivery = { delivery: WebhookDelivery; endpoint: WebhookEndpoint }

/** How many deliveries were planned, and whether there are changes of which none are yet. */
export type Planned = { deliveries: number; isMore: boolean }

/** How an attempt to deliver went. */
export type Attempt = {
  attemptedAt: number
  durationMs: number
  /** What was answered; null where no answer came. */
  status: number | null
  /** The beginning of its body; null likewise. */
  answer: string | null
  /** Null: it was taken. */
  error: string | null
  /** When the receiver asks for another, in milliseconds after this one. */
  retryAfterMs: number
}

/** Reading: everything is of one key, named first. A missing thing is undefined. */
export type Reads = {
  /** The key with this API key, also when disabled: the caller judges. */
  findKey(apiKey: string): Promise<Key | undefined>
  listKeys(): Promise<Key[]>
  /** By roomId, customRoomId or id. */
  findRoom(keyId: number, anyId: string): Promise<Room | undefined>
  /** The roomIds of the rooms that there are, each under the roomId or customRoomId that was given. */
  findRoomIds(keyId: number, givenIds: string[]): Promise<Map<string, string>>
  /** Newest first. */
  listRooms(keyId: number, filter: RoomFilter, page: Page): Promise<{ rooms: Room[]; total: number }>
  /** Newest start first, then id; at most `participantsMax` people a session. Each page costs the same, the first and the last. */
  listSessions(keyId: number, filter: SessionFilter, page: ListPage, participantsMax: number): Promise<FoundSessions>
  /** The newest that run in a room, without their people. */
  listRunningInRoom(keyId: number, roomId: string, limit: number): Promise<Session[]>
  getSession(keyId: number, sessionId: string): Promise<SessionRecord | undefined>
  /** A session with one of its people alone, whatever its size; undefined where they were never inside. */
  getParticipant(keyId: number, sessionId: string, participantId: string): Promise<SessionRecord | undefined>
  /** A session with one page of its people; undefined where there is no such session. */
  listParticipants(keyId: number, sessionId: string, page: Page): Promise<SessionRecord | undefined>
  /** The quality of one participant's media, or of everybody's together, in order of time: at most `qualityPointsMax` points. */
  listQuality(keyId: number, sessionId: string, participantId?: string): Promise<Measured[]>
  /** Where a participant's quality was measured, as far as anybody said. */
  findQualityOrigin(keyId: number, sessionId: string, participantId: string): Promise<QualityOrigin>
  /** The ids of the sessions that were running at some time of the period, in order of their starts. */
  sessionsDuring(keyId: number, period: Period): AsyncIterable<string>
  /** Running sessions, of all keys, whose room's `autoCloseConfig` ends them by `now`. */
  listSessionsToClose(now: number, limit: number): Promise<SessionToClose[]>
  /** Sessions that run, of all keys. */
  countRunning(): Promise<number>
  /** The server's own RSA key, of no API key; undefined before the first was made. */
  findSigningKey(): Promise<SigningKey | undefined>
  changesAfter(keyId: number, seq: number, limit: number): Promise<NumberedChange[]>
  /** The first and the last number of its changes that are kept; where nothing is, the first is the one that comes next. */
  changeRange(keyId: number): Promise<{ first: number; last: number }>
  /** Oldest first. */
  listSources(keyId: number): Promise<(Source & { health: SourceHealth })[]>
  /** Of all keys that are not disabled. */
  listAllSources(): Promise<(Source & { health: SourceHealth })[]>
  /** The sessions of a source, or of one of its reporters, that run, and what their rooms may be called there. */
  listRunningOf(keyId: number, source: string): Promise<(Session & { customRoomId: string | null })[]>
  /** All that is known of everybody who is inside a session. */
  listMarksOfInside(keyId: number, sessionId: string): Promise<Mark[]>
  /** By its id alone, whichever key it is of; undefined also where that key is disabled. */
  findSource(id: string): Promise<Source | undefined>
  /** Named sessions of a source in a room: newest start first. */
  listLives(keyId: number, source: string, roomId: string, limit: number): Promise<Life[]>
  /** Who joined under this connection in a named session of a source: a scan of all who were in it. */
  findConnected(
    keyId: number,
    source: string,
    roomId: string,
    sessionKey: string,
    connectionId: string,
  ): Promise<string | undefined>
  /** Keys that have or had an endpoint for webhooks: known without a look at the database. */
  webhookKeys(): Iterable<number>
  /** Newest first. */
  listWebhooks(
    keyId: number,
    filter: { roomId?: string },
    page: Page,
  ): Promise<{ endpoints: WebhookEndpoint[]; total: number }>
  findWebhook(keyId: number, id: string): Promise<WebhookEndpoint | undefined>
  countWebhooks(keyId: number): Promise<number>
  /** Newest first. */
  listDeliveries(
    keyId: number,
    filter: DeliveryFilter,
    page: Page,
  ): Promise<{ deliveries: WebhookDelivery[]; total: number }>
  /** There are changes whose webhooks are not planned. */
  isAnythingToPlan(keyId: number): Promise<boolean>
  /** The first endpoint after this one from which something is to be sent at some time, and when that is. */
  findWaitingEndpoint(keyId: number, after: string): Promise<{ endpointId: string; at: number } | undefined>
  /** Of an enabled endpoint those whose time has come, the longest due first. */
  listDue(keyId: number, endpointId: string, at: number, limit: number): Promise<DueDelivery[]>
  /** Of sessions about which there were webhooks; without a look at the database where the key never had any. */
  summariseWebhooks(keyId: number, sessionIds: string[]): Promise<Map<string, WebhookSummary>>
  /** Differs from before when anything of the key may have been written since: what was read then may be old. */
  versionOf(keyId: number): number
}

/** Writing, apart from facts: each is durable when its promise resolves. */
export type Writes = {
  addKey(input: { name: string | null; email: string | null; apiKey?: string; secret?: string }): Promise<Key>
  /** The same of a key that there is to be in any case, whichever process is first. Where no API key is named: unless there is any. */
  addFirstKey(input: { apiKey?: string; secret?: string }): Promise<Key>
  /** The old secret stays good until `previousUntil`. Undefined where no such key is. */
  rotateKey(input: { apiKey: string; previousUntil: number }): Promise<Key | undefined>
  disableKey(input: { apiKey: string }): Promise<Key | undefined>
  /** Removes a key with all that belongs to it. False where no such key is. */
  removeKey(input: { apiKey: string }): Promise<boolean>
  /** With a `customRoomId` that exists: that room, unchanged. */
  createRoom(input: { keyId: number } & NewRoom): Promise<Room>
  /**
   * The roomIds of all these rooms, each under the roomId or customRoomId that was given. A room that is not there is
   * made: with that roomId where the given id has the form of one, else with that customRoomId.
   */
  ensureRooms(input: { keyId: number; givenIds: string[] }): Promise<Map<string, string>>
  /** The key that is kept: this one, or the one that was there before. */
  keepSigningKey(input: SigningKey): Promise<SigningKey>
  setRoomDisabled(input: { keyId: number; roomId: string; disabled: boolean }): Promise<Room | undefined>
  addSource(input: { keyId: number; type: SourceType; name: string; settings: Source['settings'] }): Promise<Source>
  /** What is not named stays. Undefined where the key has no such source. */
  updateSource(input: {
    keyId: number
    id: string
    name?: string
    settings?: Source['settings']
  }): Promise<Source | undefined>
  /** False where the key has no such source. What it reported stays. */
  deleteSource(input: { keyId: number; id: string }): Promise<boolean>
  noteSources(input: { keyId: number; notes: SourceNote[] }): Promise<void>
  /** Keeps a code that signs in once, by its digest; those that are too old are forgotten. */
  addLink(input: { keyId: number; digest: string; expiresAt: number }): Promise<void>
  /** The key that the code is for: it is gone with that. Undefined where there is none, or it is too old. */
  takeLink(input: { digest: string }): Promise<number | undefined>
  /** This process holds sockets from now on; `address` is where others send those who want to join its rooms. */
  takeLease(input: { holder: string; address: string | null; at: number }): Promise<void>
  /** It still does at `at`. False where the lease was taken from it: its rooms are others' now. */
  renewLease(input: { holder: string; address: string | null; at: number }): Promise<boolean>
  /** The process is gone, and said so: nothing is to be concluded from its lease. */
  releaseLease(input: { holder: string }): Promise<void>
  /** It hears of what happens from then on. */
  addWebhook(input: { keyId: number; endPoint: string; events: string[] }): Promise<WebhookEndpoint>
  /** What is not named stays. Undefined where the key has no such endpoint. */
  updateWebhook(input: {
    keyId: number
    id: string
    endPoint?: string
    events?: string[]
    enabled?: boolean
  }): Promise<WebhookEndpoint | undefined>
  /** Webhooks are signed with the old secret too until `previousUntil`. Undefined where the key has no such endpoint. */
  rotateWebhookSecret(input: { keyId: number; id: string; previousUntil: number }): Promise<WebhookEndpoint | undefined>
  /** False where the key has no such endpoint. */
  deleteWebhook(input: { keyId: number; id: string }): Promise<boolean>
  /** Erases ended sessions from before, some at a time, with all that is theirs. Gives how many. */
  eraseSessions(input: { before: number }): Promise<number>
  /** Drops what the log has from before, and the webhooks that are done with, some at a time. Gives how many. */
  dropLog(input: { before: number }): Promise<number>
  /** Turns changes that came into deliveries, about as many as `most`. */
  planWebhooks(input: { keyId: number; most: number }): Promise<Planned>
  /** Notes an attempt, and what follows from it. */
  settleDelivery(input: { keyId: number; id: string; attempt: Attempt }): Promise<void>
  /** Sends deliveries again, as if they were new. Gives how many. */
  replayDeliveries(input: { keyId: number; filter: DeliveryFilter }): Promise<number>
  /** Undefined where the key has no such endpoint. */
  testWebhook(input: { keyId: number; id: string }): Promise<WebhookDelivery | undefined>
}
