/** What is left of a limit after a request was counted. */
export type Counted = { allowed: boolean; remaining: number }

/** Counts requests by the name of whoever sends them. */
export type TokenBuckets = { count(name: string | number): Counted }

type Bucket = { tokens: number; at: number }

/**
 * A bucket for each name: it holds `size` requests, which may come at once, and fills evenly. Full buckets are forgotten, so
 * that memory holds only who was here within `fillMs`, and of those `bucketsMax` at most: all others share one bucket, so
 * that nobody escapes the limit by having many names.
 * @param fillMs how long an empty bucket takes to fill
 */
export function createTokenBuckets(size: number, bucketsMax: number, fillMs = 1000): TokenBuckets {
  // In order of their last use.
  const buckets = new Map<string | number, Bucket>()
  const shared: Bucket = { tokens: size, at: 0 }

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
    const fresh = { tokens: size, at: now }
    buckets.set(name, fresh)
    return fresh
  }

  return {
    count(name) {
      const now = performance.now()
      const bucket = find(name, now)
      bucket.tokens = Math.min(size, bucket.tokens + ((now - bucket.at) / fillMs) * size)
      bucket.at = now
      const allowed = bucket.tokens >= 1
      if (allowed) bucket.tokens -= 1
      return { allowed, remaining: Math.floor(bucket.tokens) }
    },
  }
}
