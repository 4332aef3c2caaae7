import type { Account, Rollcall } from '@rollcall/client'
import { createContext, useContext } from 'react'

/** The server as whoever is signed in sees it. */
export type SignedIn = {
  rollcall: Rollcall
  account: Account
  /** Tells what was read as one from what is read as the next. */
  signInId: string
  /** The sign-in is no longer good, and another is asked for: nothing is read meanwhile. */
  isExpired: boolean
  signOut: () => Promise<void>
  /** Asks for another sign-in, over what is shown. */
  expire: () => void
  /** Looks at another key's record from now on. */
  switchKey: (apiKey: string) => Promise<void>
}

const Context = createContext<SignedIn | undefined>(undefined)
export const SignedInProvider = Context.Provider

export function useSignedIn(): SignedIn {
  const signedIn = useContext(Context)
  if (signedIn === undefined) throw new Error('nobody is signed in here')
  return signedIn
}

/** What a role lets one do, beside reading. The server decides; this is what is offered. */
export function useMay(): { run: boolean; administer: boolean; seeAll: boolean } {
  const { role } = useSignedIn().account
  const administer = role === 'administrator'
  return { run: administer || role === 'host', administer, seeAll: role !== 'host' }
}
