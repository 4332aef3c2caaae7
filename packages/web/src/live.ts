import type { FollowedChange } from '@rollcall/client'
import { hashKey, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useChanges } from './changes.tsx'
import { useSignedIn } from './signed-in.tsx'

/** What is looked at again by itself, in milliseconds: what hardly changes, and what other things than changes alter. */
export const calmMs = 30_000
export const briskMs = 2000
/** What a change alters, where all changes are heard of (the sums of a running session grow without one), and what failed. */
export const heardMs = 5000
/** The same, where they are not: what happens is seen within a second. */
const unheardMs = 800
/** However much happens, so long lies between two reads, in milliseconds. */
const readsApartMs = 250
/** A server that takes long is asked less often: it is busy with our question for no more than this part of the time. */
const busyPart = 0.1

/** Which changes alter what was read; or else how often it is read again, in milliseconds. */
export type News = ((change: FollowedChange) => boolean) | number

/** Reads, and reads again when there is news: the one place where the dashboard asks for it. A hidden page does not ask. */
export function useLive<T>(key: readonly unknown[], read: () => Promise<T>, news: News): UseQueryResult<T> {
  const { isExpired, signInId } = useSignedIn()
  const { isFollowed, listen } = useChanges()
  const tookMs = useRef(0)
  const everyMs = typeof news === 'number' ? news : isFollowed ? heardMs : unheardMs
  const result = useQuery({
    queryKey: [signInId, ...key],
    async queryFn() {
      const begunAt = performance.now()
      const data = await read()
      tookMs.current = performance.now() - begunAt
      return data
    },
    enabled: !isExpired,
    placeholderData: (before, query) => (isSame(key, query?.queryKey.slice(1)) ? before : undefined),
    refetchInterval: ({ state }) => (state.status === 'error' ? heardMs : Math.max(everyMs, restMs(tookMs.current))),
  })

  const { refetch } = result
  const latest = useRef(news)
  latest.current = news
  useEffect(() => {
    let isOver = false
    let isOld = false
    let isReading = false
    const catchUp = async () => {
      isReading = true
      while (isOld && !isOver) {
        isOld = false
        await refetch()
        await new Promise((resolve) => setTimeout(resolve, Math.max(readsApartMs, restMs(tookMs.current))))
      }
      isReading = false
    }
    const stop = listen((change) => {
      if (typeof latest.current === 'number') return
      isOld ||= change.type === 'reset' || latest.current(change)
      if (!isReading) catchUp()
    })
    return () => {
      isOver = true
      stop()
    }
  }, [listen, refetch])

  return result
}

/** With another token the same is shown until it is read again; of anything else what was before says nothing. */
function isSame(key: readonly unknown[], before: readonly unknown[] | undefined): boolean {
  return before !== undefined && hashKey(key) === hashKey(before)
}

/** How long a server rests after an answer that took so long. One that was away for a while is not left alone for longer. */
function restMs(tookMs: number): number {
  return Math.min(calmMs, tookMs / busyPart)
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
