import { type Account, Rollcall, RollcallError, type SharedReport, signToken } from '@rollcall/client'
import { serverUrl } from './base.ts'

/** How long a token is good that is signed here with a key and its secret, in seconds. The secret is not kept. */
const signedSeconds = 12 * 3600
/** How often a read is tried before a page says that it failed: the page asks again by itself. */
const triesMax = 2

/** The server as whoever is signed in in this browser sees it: what is kept for that no script reads. */
export function createClient(): Rollcall {
  return new Rollcall({ url: serverUrl, cookie: true, tries: triesMax })
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

/** What somebody signs in with. */
export type Given = { name: string; password: string } | { code: string } | { token: string }

/** Signs this browser in. Throws an error that says what was wrong. */
export function signIn(given: Given): Promise<Account> {
  return post<Account>('/v2/sign-in', given)
}

/** @returns where to go on to, where one is to be signed out of a provider too */
export async function signOut(): Promise<string | undefined> {
  return (await post<{ continueAt?: string }>('/v2/sign-out', {})).continueAt
}

/** Whether there is a provider of sign-ins, and why it refused this browser just now. */
export async function readWays(): Promise<{ oidcUrl: string | null; refused: string | null }> {
  return (await fetch(`${serverUrl}/v2/sign-in`)).json()
}

/** Who is signed in in this browser; undefined where nobody is. */
export async function readAccount(): Promise<Account | undefined> {
  try {
    return await createClient().users.me()
  } catch (error) {
    if (error instanceof RollcallError && error.statusCode === 401) return undefined
    throw error
  }
}

/** The secret stays in this page: a token is signed with it, and that is sent. */
export async function signInWithKey(apiKey: string, secret: string): Promise<Account> {
  const key = { apiKey: apiKey.trim(), secret: secret.trim() }
  return signIn({ token: await signToken(key, { roles: ['crawler'] }, { expiresInSeconds: signedSeconds }) })
}

/** What a link shares. Throws an error that says why it opens nothing. */
export function openShare(code: string): Promise<SharedReport> {
  return post<SharedReport>('/v2/shares/open', { code })
}

async function post<Body>(path: string, body: object): Promise<Body> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(serverUrl + path, { method: 'POST', headers, body: JSON.stringify(body) })
  const told = (await answer.json()) as Body & { error?: string }
  if (!answer.ok) throw new Error(told.error ?? `The server answered ${answer.status}`)
  return told
}
