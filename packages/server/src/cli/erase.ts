import { randomUUID } from 'node:crypto'
import { toIso } from '@rollcall/protocol'
import { defineCommand } from 'citty'
import { signToken } from '../api/auth/token.ts'
import { Refusal } from '../error.ts'
import { erasePerson, eraseRoom, eraseSession } from '../record/erasure/erase.ts'
import type { Store } from '../record/open-store.ts'
import { systemClock } from '../runtime/clock.ts'
import { quote } from '../runtime/explain.ts'
import { scrubRecord } from '../store/database/scrub.ts'
import type { Key } from '../store/keys/key.ts'
import { onStore, requireEnabledKey } from './command.ts'
import { findServer } from './running-server.ts'

const tokenMs = 3_600_000

type Receipt = { [name: string]: string | number }
/** @param here erases where no server runs: it alone knows which pages and names it has in memory */
type Erasure = {
  action: string
  path: string
  here(store: Store, keyId: number, id: string): Promise<Receipt>
}

const room = eraseCommand('room', 'A roomId, customRoomId or id: the room goes with all its sessions', {
  action: 'eraseRoom',
  path: '/v2/rooms/',
  async here({ reads, writes }, keyId, id) {
    const found = await reads.rooms.find(keyId, id)
    if (found === undefined) throw new Refusal('ROOM_NOT_FOUND', `Room ${quote(id)} not found`)
    return eraseRoom({ reads, writes }, found)
  },
})

const session = eraseCommand('session', 'The id of a session that ended', {
  action: 'eraseSession',
  path: '/v2/sessions/',
  async here({ writes }, keyId, sessionId) {
    const facts = await eraseSession({ writes }, { keyId, sessionId })
    if (facts === undefined) throw new Refusal('SESSION_NOT_FOUND', `Session ${quote(sessionId)} not found`)
    while ((await writes.people.gather({ keyId })) > 0);
    return { facts }
  },
})

const person = eraseCommand('person', 'One exact participantId: they are nobody in all sessions', {
  action: 'erasePerson',
  path: '/v2/participants/',
  here: ({ reads, writes }, keyId, id) => erasePerson({ reads, writes }, keyId, id),
})

export const erase = defineCommand({
  meta: {
    name: 'erase',
    description: 'Erase a room, a session or a person from all that is kept, and print the receipt',
  },
  subCommands: { room, session, person },
})

function eraseCommand(name: string, description: string, { action, path, here }: Erasure) {
  return onStore(
    name,
    `Erase one ${name}`,
    {
      id: { type: 'positional', description, required: true },
      key: { type: 'string', description: 'The API key that it belongs to; without it, the first that is enabled' },
    },
    async ({ id, key: apiKey }, store, config) => {
      const key = await requireEnabledKey(store.reads, apiKey)
      const server = await findServer(await store.addresses())
      if (server !== undefined) return print(await eraseThere(`${server}${path}${encodeURIComponent(id)}`, key))
      const erased = await here(store, key.keyId, id)
      await scrubRecord(config)
      const receipt = { id: randomUUID(), erasedAt: toIso(systemClock.now()), ...erased }
      const entry = { keyId: key.keyId, action, apiKey: key.apiKey, asParticipant: null, participantId: null }
      await store.writes.audit.add({ ...entry, about: { receipt: receipt.id } })
      return print(receipt)
    },
  )
}

async function eraseThere(url: string, key: Key): Promise<Receipt> {
  const token = await signToken(key, { roles: ['crawler'] }, { now: systemClock.now(), lifetimeMs: tokenMs })
  const answer = await fetch(url, { method: 'DELETE', headers: { authorization: token } })
  const body = (await answer.json()) as Receipt
  if (!answer.ok) throw new Refusal('CONFLICT', String(body.error ?? answer.statusText))
  return body
}

function print(receipt: Receipt): string {
  return `${JSON.stringify(receipt)}\n`
}
