import { retentionDaysMax } from '@rollcall/protocol'
import { Refusal } from '../error.ts'
import type { Store } from '../record/open-store.ts'
import { keptMs } from '../record/retain.ts'
import { quote } from '../runtime/explain.ts'
import type { Key } from '../store/keys/key.ts'
import { onStore, requireEnabledKey } from './command.ts'

const dayMs = 86_400_000
/** What takes a setting back. */
const nothing = 'off'

export const retention = onStore(
  'retention',
  'Say for how many days sessions are kept after their end, of a key or of one room; without --days, show it',
  {
    key: { type: 'string', description: 'The API key; without it, the first that is enabled' },
    room: { type: 'string', description: 'A roomId, customRoomId or id: of this room alone' },
    days: {
      type: 'string',
      description: `1 to ${retentionDaysMax}; ${nothing}: as the key has it for a room, and the server for a key`,
    },
  },
  async ({ key: apiKey, room: anyId, days: given }, store, { retentionMs }) => {
    const { reads, writes } = store
    const key = await requireEnabledKey(reads, apiKey)
    const { keyId } = key
    const days = given === undefined ? undefined : readDays(given, retentionMs)
    if (anyId === undefined) {
      if (days !== undefined) {
        await writes.retention.set({ keyId, days })
        await note(writes, key, 'setRetention', {})
      }
      return describe(`key ${key.apiKey}`, 'the server', (await reads.retention.findDays(keyId)) ?? null, retentionMs)
    }
    const found = await reads.rooms.find(keyId, anyId)
    if (found === undefined) throw new Refusal('ROOM_NOT_FOUND', `Room ${quote(anyId)} not found`)
    const { roomId } = found
    const room = days === undefined ? found : await writes.rooms.setRetention({ keyId, roomId, days })
    if (days !== undefined) await note(writes, key, 'updateRoom', { id: roomId })
    const ownDays = (await reads.retention.findDays(keyId)) ?? null
    return describe(`room ${roomId}`, 'the key', room?.retentionDays ?? null, keptMs(ownDays, retentionMs))
  },
)

function readDays(text: string, retentionMs: number | undefined): number | null {
  if (text === nothing) return null
  const most = retentionMs === undefined ? retentionDaysMax : retentionMs / dayMs
  const days = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (days >= 1 && days <= most) return days
  const bound = retentionMs === undefined ? '' : ', since the server keeps sessions no longer'
  throw new Refusal(
    'BAD_REQUEST',
    `--days=${quote(text)} is not understood: it takes a number from 1 to ${most}${bound}, or ${nothing}`,
  )
}

/** @param aboveMs for how long things are kept where nothing is said here */
function describe(what: string, above: string, days: number | null, aboveMs: number | undefined): string {
  if (days !== null) return `Sessions of ${what} are erased ${days} days after their end.\n`
  const kept = aboveMs === undefined ? 'kept for ever' : `erased ${aboveMs / dayMs} days after their end`
  return `Sessions of ${what} are ${kept}, as ${above} says.\n`
}

/** In the owner's audit log: whoever has the machine did it. */
async function note(writes: Store['writes'], { keyId }: Key, action: string, about: { id?: string }): Promise<void> {
  await writes.audit.add({ keyId, action, apiKey: null, asParticipant: null, about, participantId: null })
}
