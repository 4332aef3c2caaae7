import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Context } from '../context.ts'
import type { SigningKey } from '../store/signing-keys.ts'

/** The header of a webhook that says which record it tells of: all servers before one database have the same. */
export const originHeader = 'rollcall-origin'

/** Made of what anybody may know, so that it gives nothing away. */
export function originOf({ publicPem }: Pick<SigningKey, 'publicPem'>): string {
  return createHash('sha256').update(publicPem).digest('base64url')
}

/** Whether a delivery is a webhook of this record: to record it would make a webhook again, without end. */
export async function isOwnWebhook({ reads }: Pick<Context, 'reads'>, headers: IncomingHttpHeaders): Promise<boolean> {
  const origin = headers[originHeader]
  if (origin === undefined) return false
  const signingKey = await reads.signingKeys.find()
  return signingKey !== undefined && originOf(signingKey) === origin
}
