import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Refusal } from '../error.ts'
import type { SigningKey } from '../store/signing-keys.ts'
import type { Source } from '../store/sources.ts'
import type { Reads, Writes } from './nouns.ts'

/**
 * The header of a webhook that says which records it comes from: the one that sends it, and those whose webhooks that one
 * recorded before it. All servers before one database have the same.
 */
export const originsHeader = 'rollcall-origin'
/** Most records that a webhook comes from. */
export const originsMax = 16

/** Made of what anybody may know, so that it gives nothing away. */
export function originOf({ publicPem }: Pick<SigningKey, 'publicPem'>): string {
  return createHash('sha256').update(publicPem).digest('base64url')
}

/** The records that a delivery comes from, whoever sends it first; none where it is no webhook of a Rollcall. */
export function readOrigins(headers: IncomingHttpHeaders): string[] {
  const listed = headers[originsHeader]
  if (listed === undefined) return []
  return String(listed)
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}

export function writeOrigins(own: string, before: string[]): string {
  return [own, ...before].join(', ')
}

/** Throws a `Refusal` FORBIDDEN where this record is among the origins, or they are too many: webhooks would make webhooks without end. */
export async function refuseLoop(reads: Pick<Reads, 'signingKeys'>, origins: string[]): Promise<void> {
  if (origins.length === 0) return
  const key = await reads.signingKeys.find()
  const at = key === undefined ? -1 : origins.indexOf(originOf(key))
  if (at === 0) {
    throw new Refusal('FORBIDDEN', 'This is a webhook of this server itself: its endpoint must be another address')
  }
  if (at > 0) {
    throw new Refusal(
      'FORBIDDEN',
      `This webhook is of what this server told others itself: it came back by ${at} other${at > 1 ? 's' : ''}, of which the last has to send it elsewhere`,
    )
  }
  if (origins.length > originsMax) {
    throw new Refusal('FORBIDDEN', `This webhook comes from ${origins.length} servers: it may be ${originsMax} at most`)
  }
}

/**
 * Remembers which records' webhooks a source brings, before they are recorded: webhooks of what it reports then name them. Throws
 * a `Refusal` FORBIDDEN where these are too many for one source.
 */
export async function noteOrigins(
  writes: Pick<Writes, 'sources'>,
  { keyId, id, origins: known }: Source,
  origins: string[],
): Promise<void> {
  if (origins.every((one) => known.includes(one))) return
  const isNoted = await writes.sources.noteOrigins({ keyId, id, origins, most: originsMax - 1 })
  if (isNoted) return
  throw new Refusal(
    'FORBIDDEN',
    `This source brings webhooks that come from ${originsMax - 1} servers already, which is as many as it may: each server should have a source of its own`,
  )
}
