import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createClient, forgetToken, hasCode, keepToken, readToken, redeemCode, takeCode } from './access.ts'
import { ChangesProvider } from './changes.tsx'
import { router } from './router.tsx'
import { SignIn } from './sign-in.tsx'
import { SignedInProvider } from './signed-in.tsx'
import { Theme } from './theme.tsx'

// A link that is opened where the page is open already does not load it again.
window.addEventListener('hashchange', () => {
  if (hasCode()) location.reload()
})
const failure = await signInByLink()
const root = document.getElementById('root')
if (root === null) throw new Error('the page has no root')
createRoot(root).render(
  <StrictMode>
    <Theme>
      <QueryClientProvider client={new QueryClient()}>
        <Dashboard why={failure} />
      </QueryClientProvider>
    </Theme>
  </StrictMode>,
)

/** @returns why the link that brought us here signs nobody in, where it does not */
async function signInByLink(): Promise<string | undefined> {
  const code = takeCode()
  if (code === undefined) return undefined
  try {
    keepToken(await redeemCode(code))
  } catch (error) {
    // Whoever is signed in already stays so: a link that is opened again is no reason to leave.
    if (readToken() === undefined) return (error as Error).message
  }
  return undefined
}

function Dashboard({ why: first }: { why: string | undefined }) {
  const [token, setToken] = useState(readToken)
  const [why, setWhy] = useState(first)
  const signedIn = useMemo(() => {
    if (token === undefined) return undefined
    const signOut = (reason?: string) => {
      forgetToken()
      setWhy(reason)
      setToken(undefined)
    }
    return { token, rollcall: createClient(token), signOut }
  }, [token])

  if (signedIn === undefined) {
    const signIn = (fresh: string) => {
      keepToken(fresh)
      setToken(fresh)
    }
    return <SignIn why={why} onToken={signIn} />
  }
  return (
    <SignedInProvider value={signedIn}>
      <ChangesProvider>
        <RouterProvider router={router} />
      </ChangesProvider>
    </SignedInProvider>
  )
}
