import type { Permission } from '@rollcall/client'
import { prefix } from '../base.ts'
import type { Begin } from './peer.ts'

/** What the address of the page says: which room, and in its fragment the token and a name. */
export type Invitation = {
  roomId: string
  token: string
  name: string
  participantId: string
  permissions: Set<Permission>
}

const idLength = 12
const lastName = 'rollcall.name'
const nameIn = (roomId: string) => `rollcall.name.${roomId}`

/** Undefined where the address holds no token. */
export function readInvitation(): Invitation | undefined {
  const roomId = decodeURIComponent(location.pathname.slice(prefix.length).split('/')[2] ?? '')
  const fragment = new URLSearchParams(location.hash.slice(1))
  const token = fragment.get('token')
  if (roomId === '' || token === null) return undefined
  const claims = readClaims(token)
  const given = claims.permissions ?? ['allow_join', 'allow_mod']
  return {
    roomId,
    token,
    name: sessionStorage.getItem(nameIn(roomId)) ?? fragment.get('name') ?? localStorage.getItem(lastName) ?? '',
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

type Claims = { participantId?: string; permissions?: string | string[] }

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
