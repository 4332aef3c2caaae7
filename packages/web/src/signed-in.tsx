import type { Rollcall } from '@rollcall/client'
import { createContext, useContext } from 'react'

/** The server as whoever is signed in sees it. */
export type SignedIn = { rollcall: Rollcall; token: string; signOut: (why?: string) => void }

const Context = createContext<SignedIn | undefined>(undefined)
export const SignedInProvider = Context.Provider

export function useSignedIn(): SignedIn {
  const signedIn = useContext(Context)
  if (signedIn === undefined) throw new Error('nobody is signed in here')
  return signedIn
}
