import { randomBytes } from 'node:crypto'
import type { Fact } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import type { Key } from '../../store/keys/key.ts'
import { facesOf, meetingsOf, writeMeeting } from './meetings.ts'

/** The key that all demo data belongs to: what is real has another, and neither sees the other. */
export const demoApiKey = 'rollcall-demo'
/** Facts that are recorded at a time. */
const batchMax = 1000

/** Records a month of sessions that never were, up to now, under a key of their own; once. */
export async function fillDemo({
  reads,
  writes,
  record,
  clock,
}: Pick<Context, 'reads' | 'writes' | 'record' | 'clock'>): Promise<Key> {
  const there = await reads.keys.find(demoApiKey)
  if (there !== undefined) return there
  const key = await writes.keys.add({
    name: 'Demo',
    email: null,
    apiKey: demoApiKey,
    secret: randomBytes(32).toString('hex'),
  })
  const now = clock.now()
  const meetings = meetingsOf(now)
  const names = [...new Set(meetings.map(({ room }) => room))]
  const rooms = await writes.rooms.ensure({ keyId: key.keyId, givenIds: names })
  const faces = facesOf()
  let batch: Fact[] = []
  for (const meeting of meetings) {
    batch.push(...writeMeeting(meeting, { roomId: rooms.get(meeting.room) ?? meeting.room, faces, now }))
    if (batch.length < batchMax) continue
    await record(key.keyId, batch)
    batch = []
  }
  await record(key.keyId, batch)
  return key
}
