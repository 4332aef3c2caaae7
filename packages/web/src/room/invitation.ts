import type { OpenedInvite, Permission } from '@rollcall/client'
import { prefix, serverUrl } from '../base.ts'
import type { Begin } from './peer.ts'

/** Who comes by the link that the page was opened with. */
export type Invitation = {
  roomId: string
  /** What its owner calls the room; null where the link does not say. */
  roomName: string | null
  token: string
  name: string
  /** The link says the name: nobody types another. */
  isNamed: boolean
  participantId: string
  permissions: Set<Permission>
}

/** Why a link brings nobody in. */
export type LinkFault = 'not whole' | 'not good' | 'unreachable'

const idLength = 12
const lastName = 'rollcall.name'
const nameIn = (roomId: string) => `rollcall.name.${roomId}`

/** What the address of the page says: the code of a link, or a room with its token and a name. */
export async function readInvitation(): Promise<Invitation | LinkFault> {
  const path = location.pathname.slice(prefix.length).split('/')
  const said = location.hash.slice(1)
  if (path[1] === 'j') return said === '' ? 'not whole' : openLink(said)
  const roomId = decodeURIComponent(path[2] ?? '')
  const fragment = new URLSearchParams(said)
  const token = fragment.get('token')
  if (roomId === '' || token === null) return 'not whole'
  return toInvitation({ roomId, roomName: null, token }, fragment.get('name'))
}

async function openLink(code: string): Promise<Invitation | LinkFault> {
  let answer: Response
  try {
    answer = await fetch(`${serverUrl}/v2/invites/open`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    })
  } catch {
    return 'unreachable'
  }
  if (!answer.ok) return answer.status === 404 || answer.status === 400 ? 'not good' : 'unreachable'
  const opened = (await answer.json()) as OpenedInvite
  const token = opened.isForMany ? keepToken(opened) : opened.token
  return toInvitation({ roomId: opened.roomId, roomName: opened.roomName, token })
}

/** By a link for many each browser is one person: the token that it got first, as long as it is good. */
function keepToken({ id, token, expiresAt }: OpenedInvite): string {
  const name = `rollcall.invite.${id}`
  const kept = localStorage.getItem(name)
  if (kept !== null && (readClaims(kept).exp ?? 0) * 1000 > Date.now()) return kept
  if (Date.parse(expiresAt) > Date.now()) localStorage.setItem(name, token)
  return token
}

/** The token that was kept of a link for many may be good no more, though the link is: the next one is another. */
export function forgetToken({ token }: Invitation): void {
  const { invite } = readClaims(token)
  if (invite !== undefined) localStorage.removeItem(`rollcall.invite.${invite}`)
}

function toInvitation(
  { roomId, roomName, token }: Pick<Invitation, 'roomId' | 'roomName' | 'token'>,
  suggestion: string | null = null,
): Invitation {
  const claims = readClaims(token)
  const given = claims.permissions ?? ['allow_join', 'allow_mod']
  const typed = sessionStorage.getItem(nameIn(roomId)) ?? suggestion ?? localStorage.getItem(lastName) ?? ''
  return {
    ...{ roomId, roomName, token },
    name: claims.name ?? typed,
    isNamed: claims.name !== undefined,
    participantId: claims.participantId ?? keepParticipantId(roomId),
    permissions: new Set((typeof given === 'string' ? [given] : given) as Permission[]),
  }
}

/** The same person after a reload: a tab keeps its id. */
function keepParticipantId(roomId: string): string {
  const name = `rollcall.participant.${roomId}`
  const kept = sessionStorage.getItem(name)
  if (kept !== null) return kept
  const made = crypto.getRandomValues(new Uint8Array(idLength)).reduce((id, byte) => id + (byte % 36).toString(36), '')
  sessionStorage.setItem(name, made)
  return made
}

type Claims = {
  participantId?: string
  name?: string
  invite?: string
  permissions?: string | string[]
  exp?: number
}

/** What the token says is for the server to judge: here it only decides which buttons there are. */
function readClaims(token: string): Claims {
  try {
    const part = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (char) => char.charCodeAt(0)))) as Claims
  } catch {
    return {}
  }
}

/** The name that somebody chose: here, and where no invitation names another. */
export function keepName(roomId: string, name: string): void {
  sessionStorage.setItem(nameIn(roomId), name)
  localStorage.setItem(lastName, name)
}

// Whoever was inside when the page was loaded again goes back in without being asked, and no more seen and heard than before.

const insideName = (roomId: string) => `rollcall.inside.${roomId}`

/** What was on of whoever was inside; undefined where nobody was. */
export function readInside(roomId: string): Begin | undefined {
  const kept = sessionStorage.getItem(insideName(roomId))
  return kept === null ? undefined : (JSON.parse(kept) as Begin)
}

export function noteInside(roomId: string, { audio, video }: Begin): void {
  sessionStorage.setItem(insideName(roomId), JSON.stringify({ audio, video }))
}

export function noteOutside(roomId: string): void {
  sessionStorage.removeItem(insideName(roomId))
}
