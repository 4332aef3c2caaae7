import { compactVerify, decodeJwt, errors } from 'jose'
import type { Clock } from '../../runtime/clock.ts'
import type { Source } from '../../store/sources.ts'

/** How far the clock of whoever signs may be from ours, in seconds: LiveKit's servers take as much. */
const leewaySeconds = 60
/** A longer token is refused unread. */
const tokenMaxBytes = 8 * 1024
/** Most verified tokens that are remembered, so that a client's every call costs no signature. */
const rememberedMax = 2000

/** What a LiveKit token says: `iss` is the API key, `sub` and most else may be missing. */
export type LivekitClaims = { iss?: unknown; exp?: unknown; nbf?: unknown; video?: { roomList?: unknown } }

/** Checks tokens by the API key and secret of a LiveKit source, as LiveKit's own SDKs sign them. */
export type LivekitTokens = {
  /** What the token says where a source's credentials signed it, or those before a rotation; undefined where none did. */
  verify(token: string, source: Source): Promise<LivekitClaims | undefined>
  /** Whether it is good now, by its own times. */
  isTimely(claims: LivekitClaims): boolean
}

export function createLivekitTokens(clock: Clock): LivekitTokens {
  const remembered = new Map<string, { secret: string; claims: LivekitClaims }>()

  return {
    async verify(token, source) {
      if (Buffer.byteLength(token) > tokenMaxBytes) return undefined
      for (const { apiKey, secret } of credentialsOf(source)) {
        const claims = await read(token, secret)
        if (claims !== undefined && claims.iss === apiKey) return claims
      }
      return undefined
    },
    isTimely({ exp, nbf }) {
      const now = clock.now() / 1000
      const isOver = typeof exp === 'number' && now > exp + leewaySeconds
      const isToCome = typeof nbf === 'number' && now < nbf - leewaySeconds
      return !isOver && !isToCome
    },
  }

  function credentialsOf({ settings, previous }: Source): { apiKey: string | undefined; secret: string }[] {
    const all = [settings]
    if (previous !== undefined && clock.now() < previous.until) all.push({ ...settings, ...previous.settings })
    return all.map(({ apiKey, secret = '' }) => ({ apiKey, secret }))
  }

  async function read(token: string, secret: string): Promise<LivekitClaims | undefined> {
    const known = remembered.get(token)
    if (known?.secret === secret) return known.claims
    try {
      await compactVerify(token, Buffer.from(secret), { algorithms: ['HS256'] })
      const claims = decodeJwt(token) as LivekitClaims
      const [oldest] = remembered.keys()
      if (remembered.size >= rememberedMax && oldest !== undefined) remembered.delete(oldest)
      remembered.set(token, { secret, claims })
      return claims
    } catch (error) {
      // It is signed otherwise, or is no JWT: whoever asks says so.
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined
      throw error
    }
  }
}
