import { Modal } from '@mantine/core'
import { RollcallError } from '@rollcall/client'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode, useCallback, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import {
  apiKeyOf,
  createClient,
  forgetToken,
  hasCode,
  keepToken,
  putCodeBack,
  readToken,
  redeemCode,
  takeCode,
} from './access.ts'
import { ChangesProvider } from './changes.tsx'
import { heardMs } from './live.ts'
import { router } from './router.tsx'
import { SignIn } from './sign-in.tsx'
import { SignedInProvider } from './signed-in.tsx'
import { Theme } from './theme.tsx'

/** Above whatever dialog is open when the token ends. */
const topmost = 1000

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
      <Dashboard why={failure} />
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
    if (readToken() !== undefined) return undefined
    if (!(error instanceof TypeError)) return (error as Error).message
    putCodeBack(code)
    return 'The server does not answer. The link is still good: load this page again to try it once more.'
  }
  return undefined
}

/** Whoever is signed in, or was until their token ended: then what they had before them waits until they are back. */
type Session = { token: string; isExpired: boolean; round: number }

function Dashboard({ why: first }: { why: string | undefined }) {
  const [session, setSession] = useState(begin)
  const [why, setWhy] = useState(first)
  const expire = useCallback(() => {
    forgetToken()
    setWhy('Your token is no longer good. Sign in again, and go on where you were.')
    setSession((now) => now && { ...now, isExpired: true })
  }, [])
  const [queries] = useState(() => createQueries(expire))
  const { token, isExpired = false, round } = session ?? {}
  const signedIn = useMemo(() => {
    if (token === undefined) return undefined
    const signOut = () => {
      forgetToken()
      setWhy(undefined)
      setSession(undefined)
      queries.clear()
    }
    return { token, isExpired, rollcall: createClient(token), signOut, expire }
  }, [token, isExpired, expire, queries])

  const signIn = (fresh: string) => {
    keepToken(fresh)
    // Somebody else does not find what was before the one who left.
    const isSame = token !== undefined && apiKeyOf(fresh) === apiKeyOf(token)
    if (!isSame) queries.clear()
    setSession({ token: fresh, isExpired: false, round: (round ?? 0) + (isSame ? 0 : 1) })
  }
  if (signedIn === undefined) return <SignIn why={why} onToken={signIn} />
  return (
    <QueryClientProvider client={queries}>
      <SignedInProvider value={signedIn} key={round}>
        <ChangesProvider>
          <RouterProvider router={router} />
        </ChangesProvider>
      </SignedInProvider>
      <Modal.Root opened={isExpired} onClose={expire} fullScreen zIndex={topmost} closeOnEscape={false}>
        <Modal.Content aria-label="Sign in again">
          <SignIn why={why} onToken={signIn} />
        </Modal.Content>
      </Modal.Root>
    </QueryClientProvider>
  )
}

function begin(): Session | undefined {
  const token = readToken()
  return token === undefined ? undefined : { token, isExpired: false, round: 0 }
}

/** What failed is asked again until it is answered; that the token is no longer good is told wherever it is noticed. */
function createQueries(onExpired: () => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError(error, { queryKey: [token] }) {
        // What was asked with a token before this one says nothing of it.
        if (error instanceof RollcallError && error.statusCode === 401 && token === readToken()) onExpired()
      },
    }),
    defaultOptions: {
      queries: {
        retry: false,
        // A server may well be reached without what a browser takes for the network.
        networkMode: 'always',
        refetchInterval: ({ state }) => (state.status === 'error' ? heardMs : false),
      },
    },
  })
}
