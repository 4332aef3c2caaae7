import type { IncomingHttpHeaders } from 'node:http'
import { Refusal } from '../../error.ts'
import { isSame } from './reported.ts'

/** For senders that can say no more than one fixed header. Throws a `Refusal` where it is not `Authorization: Bearer <secret>`. */
export function requireBearer({ authorization }: IncomingHttpHeaders, secret: string | undefined): void {
  const [, given] = /^Bearer +(.+)$/i.exec(authorization ?? '') ?? []
  if (secret !== undefined && given !== undefined && isSame(given, secret)) return
  throw new Refusal('SIGNATURE_INVALID', 'This takes `Authorization: Bearer …` with the secret of this source')
}
