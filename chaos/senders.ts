import type { EventResults, SessionFact } from '@rollcall/protocol'
import type { Random } from './random.ts'
import type { Servers } from './server.ts'
import type { Told } from './world.ts'

/** What the senders know of what they sent. */
export type Sent = {
  /** Facts that were answered, by source and id. */
  answered: Set<string>
  calls: number
  /** Calls that got no answer, or one to send again. */
  failed: number
  /** Facts that were answered before, and then were new to the server. */
  forgotten: number
}

export type SenderParts = { servers: Servers; random: Random; sent: Sent; sign(): Promise<string>; answered(): void }

const batchMax = 12
/** Calls that one sender makes at once, where the order is nothing to it. */
const callsAtOnce = 3
const retryMs = 100
const callTimeoutMs = 20_000

/** Tells everything, until it is answered; and some of it again. */
export async function sendAll({ source, inOrder, facts }: Told, parts: SenderParts): Promise<void> {
  const { random } = parts
  const queue = toBatches(inOrder ? facts : random.shuffle(facts), random)
  const work = async () => {
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
      await sendUntilAnswered(source, batch, parts)
      if (random.chance(0.3)) await sendUntilAnswered(source, batch, parts)
    }
  }
  await Promise.all(Array.from({ length: inOrder ? 1 : callsAtOnce }, work))
}

/** What names a fact among those of all sources. */
export function nameOf({ source, id }: { source: string; id: string }): string {
  return `${source} ${id}`
}

function toBatches(facts: SessionFact[], random: Random): SessionFact[][] {
  const batches: SessionFact[][] = []
  for (let from = 0; from < facts.length; ) {
    const to = from + 1 + random.below(batchMax)
    batches.push(facts.slice(from, to))
    from = to
  }
  return batches
}

async function sendUntilAnswered(source: string, facts: SessionFact[], parts: SenderParts): Promise<void> {
  const { sent } = parts
  const before = facts.map((fact) => sent.answered.has(nameOf(fact)))
  for (;;) {
    const results = await send(source, facts, parts)
    if (results === undefined) {
      sent.failed += 1
      await new Promise((resolve) => setTimeout(resolve, retryMs))
      continue
    }
    for (const [i, fact] of facts.entries()) {
      const { outcome, reason } = results[i] ?? { outcome: 'missing', reason: 'no result came' }
      if (outcome === 'refused' || outcome === 'missing') throw new Error(`${nameOf(fact)} was ${outcome}: ${reason}`)
      if (before[i] && outcome !== 'duplicate') sent.forgotten += 1
      sent.answered.add(nameOf(fact))
    }
    return
  }
}

/** Undefined where the same has to be sent again. */
async function send(
  source: string,
  facts: SessionFact[],
  { servers, sent, sign, answered }: SenderParts,
): Promise<EventResults['results'] | undefined> {
  const { url } = await servers.whenUp()
  const events = facts.map(({ source: _, receivedAt: __, ...event }) => event)
  sent.calls += 1
  try {
    const response = await fetch(`${url}/v2/events`, {
      method: 'POST',
      headers: { authorization: await sign(), 'content-type': 'application/json' },
      body: JSON.stringify({ source, events }),
      signal: AbortSignal.timeout(callTimeoutMs),
    })
    const text = await response.text()
    if (response.ok) {
      answered()
      return (JSON.parse(text) as EventResults).results
    }
    if (response.status < 500) throw new Error(`${response.status} ${text}`)
    return undefined
  } catch (error) {
    // The server was killed before its answer was out, or is not there.
    if (error instanceof TypeError || (error as Error).name === 'TimeoutError') return undefined
    throw error
  }
}
