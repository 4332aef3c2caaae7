import {
  type Answering,
  type Received,
  type Receiver,
  startReceiver,
} from '../packages/server/test/support/clients/webhook-receiver.ts'
import type { LoggedChange } from './log.ts'
import type { Random } from './random.ts'

/** Makes a call, and gives what it is answered. */
type Ask = <Body>(method: string, path: string, body?: object) => Promise<Body>

type Told = { webhooks: number; missing: string[]; disordered: string[] }

/** A receiver that is sent nothing for this long, in milliseconds, is sent nothing more. */
const quietMs = 60_000
/** The receiver is gone for less than this, in milliseconds. */
const downMs = 300

/** An endpoint that wants every webhook, and a receiver that fails, breaks, hangs and is gone; until `settle`. */
export async function openWebhooks(ask: Ask, random: Random) {
  let receiver = await startReceiver()
  const port = Number(new URL(receiver.url).port)
  const earlier: Receiver[] = []
  receiver.answer = answer
  const { id } = await ask<{ id: string }>('POST', '/v2/webhooks', { endPoint: receiver.url, events: ['*'] })

  return {
    /** Stops the receiver, and starts it again a moment later. */
    async restart(): Promise<void> {
      await receiver.stop()
      earlier.push(receiver)
      await new Promise((resolve) => setTimeout(resolve, random.below(downMs)))
      receiver = await startReceiver(port)
      receiver.answer = answer
    },

    /**
     * Takes everything from now on, and has sent again what failed, until every change was told or nothing more comes.
     * Gives what was taken, and of it, once by its id, what is missing and what is out of order.
     */
    async settle(changes: LoggedChange[]): Promise<Told> {
      receiver.answer = () => 200
      let came = { webhooks: 0, at: performance.now() }
      for (;;) {
        await ask('POST', `/v2/webhooks/${id}/replay`, { failed: true })
        const told = compare(
          changes,
          [...earlier, receiver].flatMap(({ taken }) => taken),
        )
        const now = performance.now()
        if (told.webhooks > came.webhooks) came = { webhooks: told.webhooks, at: now }
        if (told.missing.length === 0 || now - came.at > quietMs) return told
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    },

    stop: () => receiver.stop(),
  }

  function answer(): Answering {
    const of = random.below(100)
    return of < 15 ? 500 : of < 25 ? 'break' : of < 27 ? 'hang' : 200
  }
}

function compare(changes: LoggedChange[], taken: Received[]): Told {
  const seqs = new Set(taken.map(({ id }) => Number(id.split('_').at(-1))))
  const missing = changes.filter(({ seq }) => !seqs.has(seq)).map(({ seq }) => `no webhook of change ${seq}`)
  const sessionOf = new Map(changes.map(({ seq, sessionId }) => [seq, sessionId]))
  const disordered: string[] = []
  const last = new Map<string, number>()
  for (const seq of seqs) {
    const sessionId = sessionOf.get(seq) ?? ''
    const before = last.get(sessionId) ?? 0
    if (seq < before) disordered.push(`webhook of change ${seq} after that of ${before}, session ${sessionId}`)
    last.set(sessionId, seq)
  }
  return { webhooks: taken.length, missing, disordered }
}
