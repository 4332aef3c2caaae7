import { type FollowedChange, RollcallError } from '@rollcall/client'
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react'
import { useSignedIn } from './signed-in.tsx'

type Listener = (change: FollowedChange) => void
type Changes = {
  /** Whether whoever listens can count on hearing of every change. */
  isFollowed: boolean
  /** @returns what stops it */
  listen: (listener: Listener) => () => void
}

/** What happens before the stream is open is not told on it: for so long, in milliseconds, nobody counts on it. */
const openingMs = 3000

const Context = createContext<Changes | undefined>(undefined)

/** Follows what changes in the record, once for the whole dashboard, while it is seen: a browser has few connections to a server. */
export function ChangesProvider({ children }: { children: ReactNode }) {
  const { rollcall, isExpired, expire } = useSignedIn()
  const isSeen = useIsSeen()
  const listeners = useRef(new Set<Listener>())
  const [isFollowed, setFollowed] = useState(false)

  useEffect(() => {
    if (!isSeen || isExpired) return
    const over = new AbortController()
    const opened = setTimeout(() => setFollowed(true), openingMs)
    const follow = async () => {
      for await (const change of rollcall.changes({ signal: over.signal })) {
        for (const listener of listeners.current) listener(change)
      }
    }
    const stop = () => {
      clearTimeout(opened)
      over.abort()
      setFollowed(false)
    }
    follow().catch((error) => {
      stop()
      if (error instanceof RollcallError && error.statusCode === 401) return expire()
      // Who sees some rooms alone may not follow: then the pages ask again and again.
      if (!(error instanceof RollcallError)) throw error
    })
    return stop
  }, [isSeen, isExpired, rollcall, expire])

  const listen = useCallback((listener: Listener) => {
    listeners.current.add(listener)
    return () => listeners.current.delete(listener)
  }, [])
  const value = useMemo(() => ({ isFollowed, listen }), [isFollowed, listen])
  return <Context.Provider value={value}>{children}</Context.Provider>
}

export function useChanges(): Changes {
  const changes = useContext(Context)
  if (changes === undefined) throw new Error('nobody follows the changes here')
  return changes
}

function useIsSeen(): boolean {
  const [isSeen, setSeen] = useState(() => !document.hidden)
  useEffect(() => {
    const look = () => setSeen(!document.hidden)
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [])
  return isSeen
}
