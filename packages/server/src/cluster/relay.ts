import { randomUUID } from 'node:crypto'
import type { Json } from '@rollcall/protocol'
import type { Logger } from 'pino'
import type { Shared } from '../record/shared.ts'
import type { ClusterLimits } from './limits.ts'

/** A command about a room, for the process that has the room's sockets. */
export type RemoteCommand = { name: string; keyId: number; roomId: string; input: Json }

/** `here`: this process holds the room, or no process does; `late`: the process that holds it did not answer in time, or failed. */
export type CommandResult = { value: Json } | 'here' | 'late'

/** Commands from process to process. */
export type Relay = {
  /** Sends a command to the process that holds the room. Resolves when it is done there, and this process reads nothing from before it. */
  send(command: RemoteCommand): Promise<CommandResult>
  /** Sets what handles the commands of other processes. */
  serve(handle: (command: RemoteCommand) => Promise<Json>): void
  /** Takes the messages to this process. */
  receive(): Promise<void>
}

/** As it travels, so the field keeps its name: processes of several versions may run beside each other. */
type Request = { from: string; id: string; errand: RemoteCommand }
type Message = Request | { id: string; value: Json } | { id: string; failed: string }

export type RelayParts = {
  shared: Shared
  log: Logger
  limits: ClusterLimits
  /** The name of this process. */
  holder(): string
  /** Notifies a process that it has a message. */
  wake(holder: string): Promise<void>
}

/** Of the one process that there is. */
export const noRelay: Relay = { send: async () => 'here', serve: () => {}, receive: async () => {} }

/** Commands and results are rows that their recipient takes: it is notified, and checks at intervals in case that is lost. */
export function createRelay({ shared, log, limits, holder, wake }: RelayParts): Relay {
  const waiting = new Map<string, (result: CommandResult) => void>()
  let handle: (command: RemoteCommand) => Promise<Json> = async ({ name }) => {
    throw new Error(`remote command ${name} has no handler yet`)
  }

  return {
    async send(command) {
      const { keyId } = command
      const other = await shared.leases.findHolder(command)
      if (other === undefined || other === holder()) return 'here'
      const id = randomUUID()
      const { promise, resolve } = Promise.withResolvers<CommandResult>()
      waiting.set(id, resolve)
      const timeout = setTimeout(() => resolve('late'), limits.commandMs)
      try {
        await post(other, { from: holder(), id, errand: command })
        const result = await promise
        if (typeof result === 'object') await shared.noteWritten({ keyIds: [keyId], hasWebhooks: false })
        return result
      } finally {
        clearTimeout(timeout)
        waiting.delete(id)
      }
    },
    serve(handler) {
      handle = handler
    },
    async receive() {
      for (const text of await shared.leases.receive(holder())) {
        const message = JSON.parse(text) as Message
        if ('errand' in message) answer(message).catch((err) => log.error({ err }, 'remote command not handled'))
        else if ('value' in message) waiting.get(message.id)?.({ value: message.value })
        else {
          log.warn({ why: message.failed }, 'remote command failed in the process that holds the room')
          waiting.get(message.id)?.('late')
        }
      }
    },
  }

  async function answer({ from, id, errand: command }: Request): Promise<void> {
    try {
      await post(from, { id, value: await handle(command) })
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
