import { RollcallError } from '@rollcall/client'
import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useSignedIn } from './signed-in.tsx'

/** What changes is seen within a second; what hardly changes, within half a minute. */
export const liveMs = 800
export const calmMs = 30_000
/** A server that takes long is asked less often: it is busy with our question for no more than this part of the time. */
const busyPart = 0.1

/** Reads, and reads again: the one place where the dashboard asks for news. A hidden page does not ask. */
export function useLive<T>(
  key: readonly unknown[],
  read: () => Promise<T>,
  everyMs: number | ((data: T | undefined) => number) = liveMs,
): UseQueryResult<T> {
  const { signOut, token } = useSignedIn()
  const tookMs = useRef(0)
  const result = useQuery({
    queryKey: [token, ...key],
    async queryFn() {
      const begun = performance.now()
      const data = await read()
      tookMs.current = performance.now() - begun
      return data
    },
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => {
      const ms = typeof everyMs === 'number' ? everyMs : everyMs(state.data)
      return Math.max(ms, tookMs.current / busyPart)
    },
    retry: false,
  })
  const { error } = result
  useEffect(() => {
    if (error instanceof RollcallError && error.statusCode === 401) signOut('Your token is no longer good.')
  }, [error, signOut])
  return result
}

/** The time, again and again. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
