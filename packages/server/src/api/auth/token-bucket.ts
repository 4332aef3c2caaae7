/** What is left of a limit after a request was counted. */
export type Counted = { allowed: boolean; remaining: number }

/** Counts requests by the name of whoever sends them. */
export type TokenBuckets = { count(name: string | number): Counted }

type Bucket = { tokens: number; at: number }

/** How long an empty bucket takes to fill, in milliseconds: each holds one second's worth. */
const fillMs = 1000

/**
 * A bucket for each name: it holds a second's worth of requests, which may come at once, and fills evenly. Full buckets are
 * forgotten, so that memory holds only who was here within the last second, and of those `bucketsMax` at most: all others
 * share one bucket, so that nobody escapes the limit by having many names.
 */
export function createTokenBuckets(perSecond: number, bucketsMax: number): TokenBuckets {
  // In order of their last use.
  const buckets = new Map<string | number, Bucket>()
  const shared: Bucket = { tokens: perSecond, at: 0 }

  function find(name: string | number, now: number): Bucket {
    const known = buckets.get(name)
    if (known !== undefined) {
      buckets.delete(name)
      buckets.set(name, known)
      return known
    }
    for (const [oldest, { at }] of buckets) {
      if (now - at < fillMs) break
      buckets.delete(oldest)
    }
    if (buckets.size >= bucketsMax) return shared
    const fresh = { tokens: perSecond, at: now }
    buckets.set(name, fresh)
    return fresh
  }

  return {
    count(name) {
      const now = performance.now()
      const bucket = find(name, now)
      bucket.tokens = Math.min(perSecond, bucket.tokens + ((now - bucket.at) / fillMs) * perSecond)
      bucket.at = now
      const allowed = bucket.tokens >= 1
      if (allowed) bucket.tokens -= 1
      return { allowed, remaining: Math.floor(bucket.tokens) }
    },
  }
}
