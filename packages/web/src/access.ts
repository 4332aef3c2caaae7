import { Rollcall, signToken } from '@rollcall/client'
import type { SignIn } from '@rollcall/protocol'
import { serverUrl } from './base.ts'

/** How long a token is good that is signed here with a key and its secret, in seconds. The secret is not kept. */
const signedSeconds = 12 * 3600
/** How often a read is tried before a page says that it failed: the page asks again by itself. */
const triesMax = 2
const kept = 'rollcall.token'

/** The token of whoever is signed in, in this tab and no other. */
export function readToken(): string | undefined {
  return sessionStorage.getItem(kept) ?? undefined
}

export function keepToken(token: string): void {
  sessionStorage.setItem(kept, token)
}

export function forgetToken(): void {
  sessionStorage.removeItem(kept)
}

export function createClient(token: string): Rollcall {
  return new Rollcall({ url: serverUrl, token, tries: triesMax })
}

export function hasCode(): boolean {
  return readCode() !== undefined
}

function readCode(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get('code') ?? undefined
}

/** The code of the link that brought us here. It is taken out of the address at once. */
export function takeCode(): string | undefined {
  const code = readCode()
  if (code === undefined) return undefined
  history.replaceState(null, '', location.pathname + location.search)
  return code
}

/** For another try of the link, when the page is loaded again. */
export function putCodeBack(code: string): void {
  history.replaceState(null, '', `#${new URLSearchParams({ code })}`)
}

/** Whose a token is, as it says itself; undefined of what is no token. */
export function apiKeyOf(token: string): string | undefined {
  const claims = token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/')
  return claims === undefined ? undefined : JSON.parse(atob(claims)).apikey
}

/** Exchanges a link's code for a token. Throws an error that says what was wrong. */
export async function redeemCode(code: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${serverUrl}/v2/links/redeem`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ code }),
  })
  const body = (await answer.json()) as SignIn & { error?: string }
  if (!answer.ok) throw new Error(body.error ?? `The server answered ${answer.status}`)
  return body.token
}

/** A token that is pasted, with or without what surrounds it in a header. Throws where the server does not take it. */
export async function proveToken(text: string): Promise<string> {
  const token = text.trim().replace(/^(Authorization:\s*)?(Bearer\s+)?/i, '')
  await createClient(token).usage({ from: Date.now() - 1000, to: Date.now(), groupBy: 'room' })
  return token
}

export async function signWithKey(apiKey: string, secret: string): Promise<string> {
  const key = { apiKey: apiKey.trim(), secret: secret.trim() }
  return proveToken(await signToken(key, { roles: ['crawler'] }, { expiresInSeconds: signedSeconds }))
}
