import { Rollcall } from '@rollcall/client'
import { recordSession } from '../../server/test/support/record-session.ts'
import type { TestServer } from '../../server/test/support/start-server.ts'

/** Half an hour of planning: Ann was there all the time, Bob for nine minutes. */
export async function recordMeeting(server: TestServer): Promise<string> {
  const { roomId } = await new Rollcall(server).rooms.create({ customRoomId: 'planning' })
  const startAt = Date.now() - 3_600_000
  return recordSession(server, {
    roomId,
    startAt,
    endAt: startAt + 1_800_000,
    stays: [
      { participantId: 'ann', name: 'Ann', joinedAt: startAt, leftAt: startAt + 1_800_000 },
      { participantId: 'bob', name: 'Bob', joinedAt: startAt + 60_000, leftAt: startAt + 600_000 },
    ],
  })
}
