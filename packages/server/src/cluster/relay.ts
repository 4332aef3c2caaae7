import { randomUUID } from 'node:crypto'
import type { Json } from '@rollcall/protocol'
import type { Logger } from 'pino'
import type { Shared } from '../record/open-store.ts'
import type { FleetLimits } from './limits.ts'

/** Something to do in a room: it has to be done where the room's sockets are. */
export type Errand = { name: string; keyId: number; roomId: string; input: Json }

/** `here`: this process holds the room, or nobody does; `late`: the one that holds it did not say in time that it was done. */
export type Obeyed = { value: Json } | 'here' | 'late'

/** What one process has another do. */
export type Relay = {
  /** Has the process that holds the room do it. Resolves when it is done there, and this process shows nothing from before. */
  send(errand: Errand): Promise<Obeyed>
  /** Does what others ask for from now on. */
  serve(obey: (errand: Errand) => Promise<Json>): void
  /** Takes what came for this process. */
  receive(): Promise<void>
}

type Ask = { from: string; id: string; errand: Errand }
type Message = Ask | { id: string; value: Json } | { id: string; failed: string }

export type RelayParts = {
  shared: Shared
  log: Logger
  limits: FleetLimits
  /** Who this process is. */
  holder(): string
  /** Tells a process that there is something for it. */
  wake(holder: string): Promise<void>
}

export const noRelay: Relay = { send: async () => 'here', serve: () => {}, receive: async () => {} }

/** Errands and answers are rows that their recipient takes: it is woken, and looks by itself behind that. */
export function createRelay({ shared, log, limits, holder, wake }: RelayParts): Relay {
  const waiting = new Map<string, (obeyed: Obeyed) => void>()
  let obey: (errand: Errand) => Promise<Json> = async ({ name }) => {
    throw new Error(`nobody does ${name} yet`)
  }

  return {
    async send(errand) {
      const { keyId } = errand
      const other = await shared.leases.findHolder(errand)
      if (other === undefined || other === holder()) return 'here'
      const id = randomUUID()
      const { promise, resolve } = Promise.withResolvers<Obeyed>()
      waiting.set(id, resolve)
      const late = setTimeout(() => resolve('late'), limits.errandMs)
      try {
        await post(other, { from: holder(), id, errand })
        const obeyed = await promise
        if (typeof obeyed === 'object') await shared.noteWritten({ keyIds: [keyId], hasWebhooks: false })
        return obeyed
      } finally {
        clearTimeout(late)
        waiting.delete(id)
      }
    },
    serve(by) {
      obey = by
    },
    async receive() {
      for (const text of await shared.leases.receive(holder())) {
        const message = JSON.parse(text) as Message
        if ('errand' in message) answer(message).catch((err) => log.error({ err }, 'an errand could not be answered'))
        else if ('value' in message) waiting.get(message.id)?.({ value: message.value })
        else {
          log.warn({ why: message.failed }, 'another process could not do what it was asked for')
          waiting.get(message.id)?.('late')
        }
      }
    },
  }

  async function answer({ from, id, errand }: Ask): Promise<void> {
    try {
      await post(from, { id, value: await obey(errand) })
    } catch (error) {
      await post(from, { id, failed: String(error) })
      throw error
    }
  }

  async function post(to: string, message: Message): Promise<void> {
    await shared.leases.send(to, JSON.stringify(message))
    await wake(to)
  }
}
