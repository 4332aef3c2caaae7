import { Modal } from '@mantine/core'
import { type Account, RollcallError } from '@rollcall/client'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { lazy, StrictMode, Suspense, useCallback, useMemo, useRef, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createClient, hasCode, putCodeBack, readAccount, signIn, signOut, takeCode } from './access.ts'
import { prefix } from './base.ts'
import { ChangesProvider } from './changes.tsx'
import { heardMs } from './live.ts'
import { router } from './router.tsx'
import { SignIn } from './sign-in.tsx'
import { SignedInProvider } from './signed-in.tsx'
import { Loading } from './states.tsx'
import { Theme } from './theme.tsx'

/** Above whatever dialog is open when the sign-in ends. */
const topmost = 1000

// A link that is opened where the page is open already does not load it again.
window.addEventListener('hashchange', () => {
  if (hasCode()) location.reload()
})
/** Whoever opens a shared report is nobody here: none is asked who they are. */
const isShared = location.pathname.replace(/\/+$/, '') === `${prefix}/shared`
const SharedPage = lazy(async () => ({ default: (await import('./shared/page.tsx')).SharedPage }))
const { account: first, why: failure } = isShared ? {} : await begin()
const root = document.getElementById('root')
if (root === null) throw new Error('the page has no root')
createRoot(root).render(
  <StrictMode>
    <Theme>
      {isShared ? (
        <QueryClientProvider client={new QueryClient()}>
          <Suspense fallback={<Loading />}>
            <SharedPage />
          </Suspense>
        </QueryClientProvider>
      ) : (
        <Dashboard first={first} why={failure} />
      )}
    </Theme>
  </StrictMode>,
)

/** Who is signed in, by the link that brought us here or from before; or why nobody is. */
async function begin(): Promise<{ account?: Account; why?: string }> {
  const code = takeCode()
  try {
    if (code !== undefined) return { account: await signIn({ code }) }
  } catch (error) {
    if (error instanceof TypeError) putCodeBack(code ?? '')
    // Whoever is signed in already stays so: a link that is opened again is no reason to leave.
    const account = await readAccount().catch(() => undefined)
    if (account !== undefined) return { account }
    if (!(error instanceof TypeError)) return { why: (error as Error).message }
    return { why: 'The server does not answer. The link is still good: load this page again to try it once more.' }
  }
  try {
    const account = await readAccount()
    return account === undefined ? {} : { account }
  } catch (error) {
    return { why: `${(error as Error).message}. Load this page again to try once more.` }
  }
}

/** Whoever is signed in, or was until that ended: then what they had before them waits until they are back. */
type Session = { account: Account; isExpired: boolean; round: number; count: number }

function Dashboard({ first, why: failed }: { first: Account | undefined; why: string | undefined }) {
  const [session, setSession] = useState<Session | undefined>(
    first && { account: first, isExpired: false, round: 0, count: 0 },
  )
  const [why, setWhy] = useState(failed)
  const expire = useCallback(() => {
    setWhy('You are no longer signed in. Sign in again, and go on where you were.')
    setSession((now) => now && { ...now, isExpired: true })
  }, [])
  const latest = useRef('')
  const [queries] = useState(() => createQueries(expire, () => latest.current))
  const { account, isExpired = false, round, count } = session ?? {}
  latest.current = String(count)

  const enter = useCallback(
    (fresh: Account) =>
      setSession((now) => {
        // Somebody else does not find what was before the one who left.
        const isSame = now !== undefined && nameOf(fresh) === nameOf(now.account)
        if (!isSame) queries.clear()
        const [round, count] = [(now?.round ?? 0) + (isSame ? 0 : 1), (now?.count ?? 0) + 1]
        return { account: fresh, isExpired: false, round, count }
      }),
    [queries],
  )
  const signedIn = useMemo(() => {
    if (account === undefined) return undefined
    const rollcall = createClient()
    return {
      ...{ account, isExpired, rollcall, expire, signInId: String(count) },
      async signOut() {
        const continueAt = await signOut()
        if (continueAt !== undefined) return location.assign(continueAt)
        setWhy(undefined)
        setSession(undefined)
        queries.clear()
      },
      switchKey: async (apiKey: string) => enter(await rollcall.users.switchKey(apiKey)),
    }
  }, [account, count, isExpired, expire, enter, queries])

  if (signedIn === undefined) return <SignIn why={why} onSignedIn={enter} />
  return (
    <QueryClientProvider client={queries}>
      <SignedInProvider value={signedIn} key={round}>
        <ChangesProvider>
          <RouterProvider router={router} />
        </ChangesProvider>
      </SignedInProvider>
      <Modal.Root opened={isExpired} onClose={expire} fullScreen zIndex={topmost} closeOnEscape={false}>
        <Modal.Content aria-label="Sign in again">
          <SignIn why={why} onSignedIn={enter} />
        </Modal.Content>
      </Modal.Root>
    </QueryClientProvider>
  )
}

/** As whom somebody looks at which record. */
function nameOf({ user, key }: Account): string {
  return `${user?.userId} ${key.apiKey}`
}

/** What failed is asked again until it is answered; that one is no longer signed in is told wherever it is noticed. */
function createQueries(onExpired: () => void, latest: () => string): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError(error, { queryKey: [signInId] }) {
        // What was asked by a sign-in before this one says nothing of it.
        if (error instanceof RollcallError && error.statusCode === 401 && signInId === latest()) onExpired()
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
