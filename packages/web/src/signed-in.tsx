import type { Rollcall } from '@rollcall/client'
import { createContext, useContext } from 'react'

/** The server as whoever is signed in sees it. */
export type SignedIn = {
  rollcall: Rollcall
  token: string
  /** The token is no longer good, and another is asked for: nothing is read meanwhile. */
  isExpired: boolean
  signOut: () => void
  /** Asks for another token, over what is shown. */
  expire: () => void
}

const Context = createContext<SignedIn | undefined>(undefined)
export const SignedInProvider = Context.Provider

export function useSignedIn(): SignedIn {
  const signedIn = useContext(Context)
  if (signedIn === undefined) throw new Error('nobody is signed in here')
  return signedIn
}
