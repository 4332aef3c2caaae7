import { hash, randomBytes } from 'node:crypto'
import { toIso } from '@rollcall/protocol'
import type { Reads, Writes } from '../../record/nouns.ts'
import type { Clock } from '../../runtime/clock.ts'
import { isOver, type Key } from '../../store/keys/key.ts'
import { signToken } from './token.ts'

/** How long a link's code is good, in milliseconds. It works once. */
export const linkLifetimeMs = 10 * 60_000
/** How long whoever opened the link stays signed in, in milliseconds. */
export const signInMs = 12 * 3600 * 1000

type Parts = { reads: Pick<Reads, 'keys'>; writes: Pick<Writes, 'links' | 'audit'>; clock: Clock }

/** An address that opens the dashboard signed in. The code is behind the `#`: no server and no proxy on the way logs it. */
export async function createLink(
  { keyId, apiKey }: Pick<Key, 'keyId' | 'apiKey'>,
  base: string,
  { writes, clock }: Parts,
): Promise<string> {
  const code = randomBytes(16).toString('base64url')
  await writes.links.add({ keyId, apiKey, digest: digestOf(code), expiresAt: clock.now() + linkLifetimeMs })
  return `${base}/#code=${code}`
}

/** What the code is exchanged for; undefined where it is not known, was used, or is too old. */
export async function redeemLink(code: string, { reads, writes, clock }: Parts) {
  const link = await writes.links.take({ digest: digestOf(code) })
  if (link === undefined) return undefined
  const key = link.apiKey === null ? await reads.keys.getFirst(link.keyId) : await reads.keys.find(link.apiKey)
  if (key === undefined || isOver(key, clock.now())) return undefined
  const now = Math.floor(clock.now() / 1000) * 1000
  const token = await signToken(key, { roles: ['crawler'] }, { now, lifetimeMs: signInMs })
  const { keyId, apiKey } = key
  await writes.audit.add({ keyId, action: 'redeemLink', apiKey, asParticipant: null, about: {}, participantId: null })
  return { token, expiresAt: toIso(now + signInMs) }
}

/** The table holds no code that somebody who reads it could use. */
function digestOf(code: string): string {
  return hash('sha256', code)
}
