import type { EventResult, EventResults, ReportedEvent } from '@rollcall/protocol'
import { reportedFactsMax } from '@rollcall/protocol/ids'
import type { Api } from './api.ts'
import { backoffMs } from './backoff.ts'
import { RollcallError } from './error.ts'
import { retryAfterMaxSeconds } from './limits.ts'
import { type ReportLimits, reportLimits } from './report-limits.ts'
import { createReportQueue, type WaitingEvent } from './report-queue.ts'

export type ReportOptions = {
  /** Your name for what reports, 1 to 64 of `a-z 0-9 . _ -`. Ids and sessions are told apart by it. Default `events`. */
  source?: string
  /**
   * Told what became of each event. Where it is not given, the console is warned of each that was refused: that one is
   * broken, and `reason` says how.
   */
  onOutcome?: (result: EventResult, event: ReportedEvent) => void
  /** Told of each try that failed. The events are kept, and tried again. */
  onFailure?: (error: Error) => void
  limits?: Partial<ReportLimits>
}

/** Tells a server what happens in a media server of your own: in order, and each event once, whatever the network does. */
export type Reporter = {
  /**
   * Takes an event, as it is at this moment. It is sent in a moment, together with others, and again with the same id until
   * the server answers.
   *
   * Resolves when there is room for another: whoever awaits each is never refused one.
   *
   * @throws RollcallError, and the event is not taken: code `REPORTER_FULL` where too many wait already, since the server is
   *   away or slow; code `REPORTER_CLOSED` after `close`
   * @example
   * await reporter.add({ id: `${call}:in`, type: 'participant-joined', at: Date.now(), roomId: 'standup', participantId: 'anna' })
   */
  add(event: ReportedEvent): Promise<void>
  /**
   * Resolves when all that was added is answered: it is in the record, or refused. Waits as long as the server is away.
   *
   * @throws RollcallError with code `NOT_REPORTED` where `close` gave up meanwhile
   */
  flush(): Promise<void>
  /**
   * Takes no more, and resolves when all that was added is answered.
   *
   * @param options `timeoutMs`: how long to go on trying, in milliseconds; 30,000 where it is not said
   * @throws RollcallError with code `NOT_REPORTED` where that was not enough; it says how many events are not answered, and why
   */
  close(options?: { timeoutMs?: number }): Promise<void>
}

/** The statuses that are about the events themselves: they would be answered so again. */
const finalStatuses = [400, 413]

export function createReporter(api: Pick<Api, 'post'>, options: ReportOptions): Reporter {
  const { source, onOutcome = warnOfRefused, onFailure } = options
  const limits = { ...reportLimits, ...options.limits }
  const lingering = createPause()
  const retrying = createPause()
  const queue = createReportQueue(limits)
  let answeredCount = 0
  let lastFailure: Error | undefined
  let isSending = false
  let isClosed = false
  let gaveUp = false
  let progress = Promise.withResolvers<void>()

  function makeProgress(): void {
    progress.resolve()
    progress = Promise.withResolvers()
  }

  /** One request at a time: the events arrive in the order in which they were added. */
  async function send(): Promise<void> {
    isSending = true
    await lingering.wait(limits.lingerMs)
    while (queue.count > 0) {
      const batch = queue.firstBatch()
      const results = await sendUntilAnswered(batch)
      if (results === undefined) break
      queue.remove(batch)
      answeredCount += batch.length
      for (const [i, { event }] of batch.entries()) {
        const result = results[i]
        if (result !== undefined) tell(() => onOutcome(result, event))
      }
      makeProgress()
    }
    isSending = false
  }

  /** Undefined where it was given up. */
  async function sendUntilAnswered(batch: WaitingEvent[]): Promise<EventResult[] | undefined> {
    const body = toBody(source, batch)
    for (let failures = 1; !gaveUp; failures++) {
      try {
        const { results } = await api.post<EventResults>('/v2/events', body)
        if (results?.length === batch.length) return results
        throw new RollcallError('The events were answered in a form that is not Rollcall’s', {
          code: 'UNEXPECTED_ANSWER',
        })
      } catch (error) {
        const failure = error as Error & Partial<RollcallError>
        const { statusCode = 0, retryAfterSeconds = 0, message: reason } = failure
        if (finalStatuses.includes(statusCode)) {
          return batch.map(({ event }) => ({ id: event.id, outcome: 'refused', reason }))
        }
        lastFailure = failure
        tell(() => onFailure?.(failure))
        const askedMs = Math.min(retryAfterSeconds, retryAfterMaxSeconds) * 1000
        await retrying.wait(Math.max(backoffMs(failures, limits.backoff), askedMs))
      }
    }
    return undefined
  }

  async function answeredAll(): Promise<void> {
    const count = answeredCount + queue.count
    lingering.end()
    while (answeredCount < count) {
      if (gaveUp) {
        throw new RollcallError(`${queue.count} events were not answered, and are given up${because(lastFailure)}`, {
          code: 'NOT_REPORTED',
          cause: lastFailure,
        })
      }
      await progress.promise
    }
  }

  return {
    async add(event) {
      if (typeof event !== 'object' || event === null) throw new TypeError(`event is ${event}: it takes an object`)
      if (isClosed) {
        throw new RollcallError('The reporter is closed: it takes no more events', { code: 'REPORTER_CLOSED' })
      }
      if (queue.isFull()) {
        const message = `${queue.count} events wait already, as many as may${because(lastFailure)}`
        throw new RollcallError(message, { code: 'REPORTER_FULL', cause: lastFailure })
      }
      queue.add(event)
      if (!isSending) send()
      if (queue.count >= reportedFactsMax) lingering.end()
      while (queue.isFull() && !isClosed) await progress.promise
    },
    flush: answeredAll,
    async close({ timeoutMs = 30_000 } = {}) {
      isClosed = true
      const giveUp = setTimeout(() => {
        gaveUp = true
        retrying.end()
        makeProgress()
      }, timeoutMs)
      makeProgress()
      await answeredAll().finally(() => clearTimeout(giveUp))
    },
  }
}

function toBody(source: string | undefined, batch: WaitingEvent[]): string {
  const named = source === undefined ? '' : `"source":${JSON.stringify(source)},`
  return `{${named}"events":[${batch.map(({ text }) => text).join(',')}]}`
}

function because(failure: Error | undefined): string {
  return failure === undefined ? '' : `: ${failure.message}`
}

function warnOfRefused({ id, outcome, reason }: EventResult): void {
  if (outcome === 'refused') console.warn(`Rollcall refused the event ${id}: ${reason}`)
}

/** What a listener throws is the program's own error: it stops nothing here. */
function tell(call: () => void): void {
  try {
    call()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** A wait that can be ended before its time. */
function createPause(): { wait(ms: number): Promise<void>; end(): void } {
  let end = () => {}
  return {
    wait: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms)
        end = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
    end: () => end(),
  }
}
