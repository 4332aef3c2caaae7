import type { Context } from '../../context.ts'
import type { Source } from '../../store/sources.ts'
import { loggedNameOf } from '../source-name.ts'
import { lateMaxMs, wrongMs } from './clock.ts'

/** Who reports events may tell of the past: what is later than this, in milliseconds, is history, and tells nothing of a clock. */
const historyMs = 24 * 3_600_000
/** Most sources whose clocks are watched at once: callers of `POST /v2/events` choose their own names. */
const watchedMax = 10_000

/** How late a delivery came, by its sender's clock: negative where that clock is ahead. */
export type Lag = { keyId: number; id: string; lagMs: number; isSource: boolean }

/** Watches the clocks of sources, by the times that their deliveries say. */
export type ClockWatch = {
  /** @returns whether it says something of the clock: one delivery that is a little late may only be sent again */
  note(lag: Lag, now: number): boolean
  /** Reports each clock once when it is found to be wrong, and once when it is right again. */
  check(): void
}

type Parts = Pick<Context, 'log' | 'metrics'> & {
  noteError(source: Pick<Source, 'keyId' | 'id'>, what: string): void
}

export function createClockWatch({ log, metrics, noteError }: Parts): ClockWatch {
  /** The smallest lag of each source since the last check: a slow network adds to a lag, nothing takes away from it. */
  let lags = new Map<string, Lag>()
  /** Since when a source sends nothing that is not late, by our clock. */
  const lateSince = new Map<string, number>()
  /** Names of the sources whose clocks are reported as wrong. */
  const skewed = new Set<string>()

  return {
    note(lag, now) {
      if (!lag.isSource && lag.lagMs > historyMs) return false
      const name = `${lag.keyId} ${lag.id}`
      if (mayBeSentAgain(name, lag, now)) return false
      const known = lags.get(name)
      if (known === undefined ? lags.size < watchedMax : lag.lagMs < known.lagMs) lags.set(name, lag)
      return true
    },

    check() {
      for (const [name, lag] of lags) {
        if (Math.abs(lag.lagMs) > wrongMs) alarm(name, lag)
        else if (skewed.delete(name)) {
          log.info({ source: loggedNameOf(lag.id), skewMs: lag.lagMs }, 'source clock correct again')
        }
      }
      lags = new Map()
      metrics.noteSkewed([...skewed].map((name) => name.slice(name.indexOf(' ') + 1)))
    },
  }

  function mayBeSentAgain(name: string, { lagMs, isSource }: Lag, now: number): boolean {
    if (!isSource || lagMs <= wrongMs || lagMs > lateMaxMs) {
      lateSince.delete(name)
      return false
    }
    const since = lateSince.get(name)
    if (since === undefined && lateSince.size < watchedMax) lateSince.set(name, now)
    return now - (since ?? now) < lateMaxMs
  }

  function alarm(name: string, { keyId, id, lagMs, isSource }: Lag): void {
    if (skewed.has(name) || skewed.size >= watchedMax) return
    skewed.add(name)
    const seconds = Math.round(Math.abs(lagMs) / 1000)
    const what = `its clock is ${seconds} s ${lagMs < 0 ? 'ahead of' : 'behind'} ours, or its deliveries are that late`
    if (isSource) noteError({ keyId, id }, what)
    log.warn({ source: loggedNameOf(id), skewMs: lagMs }, `source clock wrong: ${what}`)
  }
}
