import { RollcallError } from '@rollcall/client'
import { useQuery } from '@tanstack/react-query'
import type { ComponentType } from 'react'
import { serverUrl } from './base.ts'
import { Failure, Loading, PageFailure } from './states.tsx'

/** How long a page's code may take, in milliseconds; a server that is only slow has it sent by then. */
const codeTimeoutMs = 60_000
/** How long the server may take to say that it is there, in milliseconds. */
const answerTimeoutMs = 10_000
const reloadedFor = 'rollcall.reloaded'
/** The name of this file in the build that runs: another build has another. */
const build = import.meta.url

/**
 * A page whose code comes when it is first opened. Where the server is away, that is said in its place until it is back. Where
 * it is there without this code, it has another build: the whole is loaded again, once, at the same address.
 */
export function lazyPage<Name extends string>(name: Name, load: () => Promise<{ [one in Name]: ComponentType }>) {
  let code: Promise<ComponentType> | undefined
  // A failed import is never asked for twice: the browser remembers it, and that a style belonged to it.
  const fetchCode = () => {
    code ??= within(codeTimeoutMs, load()).then((file) => file[name])
    return code
  }

  const preload = async () => {
    // Where the page is opened it says what became of this.
    fetchCode().catch(() => {})
  }
  return Object.assign(() => <LazyPage name={name} fetchCode={fetchCode} />, { preload })
}

function LazyPage({ name, fetchCode }: { name: string; fetchCode: () => Promise<ComponentType> }) {
  const { data: page, error } = useQuery({
    queryKey: ['page', name],
    queryFn: async () => ({ Code: await fetchCode().then(noteArrived, goOnWithServer) }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  })
  if (page !== undefined) return <page.Code />
  if (error === null) return <Loading />
  return error instanceof RollcallError ? <Failure error={error} /> : <PageFailure error={error} />
}

function noteArrived<T>(code: T): T {
  sessionStorage.removeItem(reloadedFor)
  return code
}

/** What is left where the code did not come. Throws what is to be said. */
async function goOnWithServer(cause: Error): Promise<never> {
  const signal = AbortSignal.timeout(answerTimeoutMs)
  const isThere = await fetch(`${serverUrl}/livez`, { cache: 'no-store', signal }).then(
    ({ ok }) => ok,
    () => false,
  )
  if (!isThere) throw new RollcallError('the server does not answer', { code: 'UNREACHABLE', cause })
  if (sessionStorage.getItem(reloadedFor) === build) {
    throw new Error('Its code did not come from the server, although this was loaded again.', { cause })
  }
  sessionStorage.setItem(reloadedFor, build)
  location.reload()
  return new Promise(() => {})
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`It did not come within ${ms / 1000} s.`)), ms)
  return Promise.race([work, promise]).finally(() => clearTimeout(timer))
}
