import { createApi } from './api.ts'
import { parseBaseUrl } from './base-url.ts'
import { createRooms, type Rooms } from './rooms.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createOwnTokens, type KeyPair, readToken, type TokenSource } from './token.ts'

/**
 * A server's address, and either a key, with which the client signs its own tokens (role `crawler`, good for ten minutes,
 * renewed in time), or a token, or a function that is asked for one at each request.
 */
export type RollcallOptions = { url: string } & (KeyPair | { token: TokenSource })

/**
 * Reads the record of a Rollcall server: its sessions and its rooms.
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

  /** @throws TypeError where `url` is no http or https address, or there is neither a key nor a token */
  constructor(options: RollcallOptions) {
    const api = createApi(parseBaseUrl(options.url), toTokens(options))
    this.sessions = createSessions(api)
    this.rooms = createRooms(api)
  }
}

function toTokens(options: RollcallOptions): () => Promise<string> {
  if ('token' in options) return () => readToken(options.token)
  if (options.apiKey && options.secret) return createOwnTokens(options)
  throw new TypeError('Rollcall takes { url, apiKey, secret } or { url, token }')
}
