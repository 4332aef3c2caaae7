import { toIso } from '@rollcall/protocol'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Repeated, repeat } from '../runtime/repeat.ts'
import type { OfRoom } from '../store/sessions/newest-texts.ts'
import { aheadMs, confirmTime } from './confirmed-time.ts'
import type { Store } from './open-store.ts'

/** How often the sweeper runs, in milliseconds. */
export const sweepIntervalMs = 1000

/** How often the sealer runs, in milliseconds. */
export const sealIntervalMs = 1000

/** How often a few rooms' texts are put side by side, in milliseconds, until all are. */
const gatherIntervalMs = 100

/** How often who is new is gathered, in milliseconds. */
export const peopleIntervalMs = 500

/** How often retention runs, in milliseconds. */
const retainIntervalMs = 600_000

/** `isMine`: whether this process has the duty at the moment; of several servers one has it. */
export type UpkeepParts = { clock: Clock; log: Logger; isMine(duty: 'sweep' | 'seal' | 'retain'): boolean }

/** Keeps the JSON of sessions that ended and are quiet, so that a list need not make it again for each caller. */
export function startSealer(store: Pick<Store, 'seal'>, { clock, log, isMine }: UpkeepParts): Repeated {
  return repeat(
    sealIntervalMs,
    async () => {
      if (isMine('seal')) await store.seal(clock.now())
    },
    (err) => log.error({ err }, 'sealing failed: ended sessions stay unsealed until the next run'),
  )
}

/**
 * Puts the newest texts of each room side by side where they are not: once after a start, a few rooms at a time, while no facts
 * wait. So a record moves there from before there were any; whatever is not done when the server stops is done after the next start.
 */
export function startGathering(
  { writes, factsWaiting }: Pick<Store, 'writes' | 'factsWaiting'>,
  { log, isMine }: Pick<UpkeepParts, 'log' | 'isMine'>,
): Repeated {
  let after: OfRoom | undefined = { keyId: 0, roomId: '' }
  let gathered = 0
  const repeated = repeat(
    gatherIntervalMs,
    async () => {
      if (after === undefined || !isMine('seal') || factsWaiting() > 0) return
      const step = await writes.seals.gather({ after })
      if (gathered === 0 && step.rooms > 0) {
        log.info('gathering the newest texts of each room: until that is done, the lists of some rooms come slower')
      }
      gathered += step.rooms
      after = step.after
      if (after !== undefined) return
      if (gathered > 0) log.info({ rooms: gathered }, 'gathered the newest texts of each room')
      void repeated.stop()
    },
    (err) => log.error({ err }, 'gathering texts failed: lists of some rooms are slower until the next run'),
  )
  return repeated
}

/** Keeps up who there is, over all sessions, by what changed. */
export function startPeopleKeeper(
  { reads, writes, factsWaiting }: Pick<Store, 'reads' | 'writes' | 'factsWaiting'>,
  { log, isMine }: Pick<UpkeepParts, 'log' | 'isMine'>,
): Repeated {
  return repeat(
    peopleIntervalMs,
    async (stopping) => {
      if (!isMine('seal')) return
      for (const keyId of await reads.people.listKeysWithNews()) {
        // Of a long backlog a part, while facts wait, or the server stops: what is left is gathered later.
        while (!stopping.aborted && (await writes.people.gather({ keyId })) > 0 && factsWaiting() === 0);
      }
    },
    (err) => log.error({ err }, 'people were not gathered: who is new is not found until the next run'),
  )
}

/** The wall clock only decides when to look; whether a session is over, and since when, the facts' own times say. */
export function startSweeper(store: Pick<Store, 'sweep'>, { clock, log, isMine }: UpkeepParts): Repeated {
  return repeat(
    sweepIntervalMs,
    async () => {
      if (isMine('sweep')) await store.sweep(clock.now())
    },
    (err) => log.error({ err }, 'sweep failed: sessions that are over stay open until the next run'),
  )
}

/** Drops the log of facts after `ROLLCALL_LOG_DAYS`, and erases sessions after `ROLLCALL_RETENTION_DAYS`. */
export function startRetention(store: RetainingStore, parts: UpkeepParts & { config: Config }): Repeated {
  return repeat(
    retainIntervalMs,
    async () => {
      if (parts.isMine('retain')) await retain(store, parts)
    },
    (err) => parts.log.error({ err }, 'retention failed: old data stays until the next run'),
  )
}

type RetainingStore = Pick<Store, 'retain' | 'reads' | 'writes'>
type RetainParts = Pick<UpkeepParts, 'clock' | 'log'> & { config: Pick<Config, 'logMs' | 'retentionMs'> }

/** One look: confirms what time it is, and erases what was old by then. */
export async function retain(store: RetainingStore, { config, clock, log }: RetainParts): Promise<void> {
  const now = clock.now()
  const kept = await store.reads.retention.findTime()
  const confirmed = confirmTime(
    kept,
    now,
    kept === undefined ? await store.reads.retention.findLastFactAt() : undefined,
  )
  await store.writes.retention.keepTime(confirmed)
  if (now - confirmed.at > aheadMs) {
    const times = { now: toIso(now), confirmed: toIso(confirmed.at) }
    log.warn(
      times,
      'the clock is ahead of the confirmed time: is it right? What is old is erased by the confirmed time',
    )
  }
  await store.retain(now, { ...config, confirmedAt: confirmed.at })
}
