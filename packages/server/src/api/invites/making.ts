import { hash, randomInt } from 'node:crypto'
import { type Invite, isCleanId, type Permission, toCleanText } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import { lookOf } from '../../runtime/look.ts'
import { randomLetters } from '../../store/database/ids.ts'
import { invitesMax } from '../../store/keys/invites.ts'
import type { Key } from '../../store/keys/key.ts'
import type { Room } from '../../store/rooms.ts'
import { signToken } from '../auth/token.ts'
import { inviteSecondsDefault } from '../limits.ts'
import { toClaims, toListedInvite } from './view.ts'

/** What an invite may say; nothing of it has to be there. */
export type GivenInvite = {
  name?: string
  participantId?: string
  permissions?: Permission[]
  expiresInSeconds?: number
}

/** The letters of a code: none looks like another. */
const codeLetters = 'abcdefghjkmnpqrstuvwxyz23456789'
/** So that nobody guesses one: 69 bits. */
const codeLength = 14

/** Makes an invite, with the link that is shown this once. */
export async function makeInvite(
  { writes, clock }: Pick<Context, 'clock'> & { writes: Pick<Context['writes'], 'invites'> },
  { key, room: { roomId, disabled }, base }: { key: Key; room: Room; base: string },
  given: GivenInvite,
): Promise<Invite> {
  if (disabled) throw new Refusal('CONFLICT', `Room ${roomId} is disabled: nobody can join it`)
  const { permissions = ['allow_join'], expiresInSeconds = inviteSecondsDefault } = given
  // In whole seconds, as the token's own claims.
  const now = Math.floor(clock.now() / 1000) * 1000
  const lifetimeMs = expiresInSeconds * 1000
  const code = newCode()
  const about = { keyId: key.keyId, roomId, apiKey: key.apiKey, permissions, expiresAt: now + lifetimeMs }
  const invite = await writes.invites.add({ ...about, ...toGuest(given), digest: digestOf(code) })
  if (invite === undefined) {
    throw new Refusal('CONFLICT', `Room ${roomId} has ${invitesMax} invites: more only when some of them are over`)
  }
  const token = await signToken(key, toClaims(invite), { now, lifetimeMs })
  // Behind the `#`, so that no server and no proxy on the way writes the code into its log.
  return { url: `${base}/j#${code}`, token, ...toListedInvite(invite) }
}

/** The table holds no code that somebody who reads it could use. */
export function digestOf(code: string): string {
  return hash('sha256', code)
}

function newCode(): string {
  return Array.from({ length: codeLength }, () => codeLetters[randomInt(codeLetters.length)]).join('')
}

/** Who comes by a new invite. An empty text is nothing given, as in claims. */
function toGuest({ name: givenName = '', participantId: givenId = '' }: GivenInvite) {
  if (!isCleanId(givenId)) {
    throw new Refusal(
      'BAD_REQUEST',
      `participantId=${quote(givenId)} is not understood: it takes no control characters`,
    )
  }
  const name = givenName.trim() === '' ? null : toCleanText(givenName)
  const participantId = givenId !== '' ? givenId : name === null ? null : randomLetters(12)
  return { participantId, name, look: name === null ? null : lookOf(name) }
}
