import { reporterOf } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Recorded } from '../record/record.ts'
import { inRooms, type NamedFact, placeFacts } from '../record/rooms-of-facts.ts'
import type { Source } from '../store/sources.ts'
import type { Patience } from './backpressure.ts'
import type { Delivery, Known, Report, Told } from './engines/engine.ts'
import { type Engines, engineFor } from './engines/engines.ts'
import { identify } from './engines/told.ts'
import type { SourceHealth } from './health.ts'
import type { Reconcilers } from './reconcile.ts'
import { createLives, livesMax } from './superseded.ts'

/** What media servers send: verified, read, and recorded as facts. */
export type Deliveries = {
  /**
   * Resolves when what was sent is durable, with what became of each fact. Rejects with a `Refusal` SIGNATURE_INVALID, or
   * with anything else where it is not the sender's fault: then nothing is lost when it sends the same again.
   */
  take(source: Source, delivery: Delivery): Promise<Recorded[]>
}

export function createDeliveries(
  { reads, known, record, clock }: Pick<Context, 'reads' | 'known' | 'record' | 'clock'>,
  {
    engines,
    patience,
    sourceHealth,
    reconcilers,
  }: {
    engines: Engines
    patience: Patience
    sourceHealth: SourceHealth
    reconcilers: Pick<Reconcilers, 'noteDelivery'>
  },
): Deliveries {
  const lives = createLives({ reads, record, clock })
  const inTurn = createTurns()

  return {
    async take(source, delivery) {
      const engine = engineFor(engines, source.type)
      await engine.verify(delivery, source.settings)
      const report = engine.normalise(delivery, source.id)
      const recorded = await patience.hold(engine.patienceMs, () => keep(source, delivery, report))
      note(source, report, recorded)
      return recorded
    },
  }

  async function keep(source: Source, delivery: Delivery, { told }: Report): Promise<Recorded[]> {
    if (told.length === 0) return []
    const { complete, waitMs = 0 } = engineFor(engines, source.type)
    if (complete === undefined) return keepAll(told)
    const recorded = know(source)
    const waitsUntil = performance.now() + waitMs
    for (;;) {
      const kept = await inTurn(source.id, async () => {
        const completed = await complete(told, recorded, performance.now() < waitsUntil)
        return completed && keepAll(completed)
      })
      if (kept !== undefined) return kept
      // What it waits for may still come to the server that is started next: its sender asks there again, and nothing is guessed.
      if (!(await patience.pause())) throw new Refusal('BUSY', 'The server stops: send it again')
    }

    async function keepAll(completed: Told[]): Promise<Recorded[]> {
      const { oneLife } = engineFor(engines, source.type)
      const said = completed.map((one) => toFact(one, source, delivery))
      const { facts, newRooms } = await placeFacts(known.roomIds, source.keyId, said)
      const recorded = await record(source.keyId, facts, { newRooms })
      if (oneLife !== 'never') {
        const made = await known.roomIds(source.keyId, newRooms)
        await lives.endOlder(source, inRooms(facts, made), oneLife === 'always')
      }
      return recorded
    }
  }

  function know({ keyId, id }: Source): Known {
    /** In a room that nobody named before there is nothing. */
    const roomIdOf = async (room: string) => (await known.roomIds(keyId, [room])).get(room)
    return {
      async listLives(room) {
        const roomId = await roomIdOf(room)
        return roomId === undefined ? [] : reads.sources.listLives(keyId, id, roomId, livesMax)
      },
      async findConnected(room, sessionKey, connectionId) {
        const roomId = await roomIdOf(room)
        return roomId === undefined
          ? undefined
          : reads.sources.findConnected(keyId, { source: id, roomId, sessionKey, connectionId })
      },
    }
  }

  function note(source: Source, { ignored, sentAt }: Report, recorded: Recorded[]): void {
    if (sentAt !== undefined) sourceHealth.noteSent(source, sentAt)
    if (ignored > 0) sourceHealth.noteIgnored(source, ignored)
    sourceHealth.noteFacts(source, recorded)
    reconcilers.noteDelivery(source)
  }
}

function toFact(told: Told, source: Source, { receivedAt }: Delivery): NamedFact {
  const { reporter, id = identify(told), ...content } = told
  const name = reporter === undefined ? source.id : reporterOf(source.id, reporter)
  return { ...content, id, source: name, receivedAt } as object as NamedFact
}

/** Work under one name is done one after another. */
function createTurns(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const lasts = new Map<string, Promise<unknown>>()
  return async (name, work) => {
    const done = (lasts.get(name) ?? Promise.resolve()).then(work)
    const settled = done.catch(() => undefined)
    lasts.set(name, settled)
    try {
      return await done
    } finally {
      if (lasts.get(name) === settled) lasts.delete(name)
    }
  }
}
