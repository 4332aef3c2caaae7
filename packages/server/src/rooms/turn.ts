import { createHmac } from 'node:crypto'
import type { TurnServers } from '../config.ts'

/** How long a TURN server takes them: it asks for them again every few minutes of a call, so they outlast a day's. */
const validMs = 24 * 3_600_000

/**
 * An ICE server with credentials of one connection, which end by themselves, as coturn takes them with `use-auth-secret`
 * (https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00): the name is the second it ends and who it is for,
 * the password its HMAC. It is for the connection's id, as a TURN server's log need not say who somebody is.
 */
export function toTurnServer({ urls, secret }: TurnServers, connectionId: string, now: number): object {
  const username = `${Math.floor((now + validMs) / 1000)}:${connectionId}`
  return { urls, username, credential: createHmac('sha1', secret).update(username).digest('base64') }
}
