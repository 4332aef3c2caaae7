// The tour of the README by a client that @hey-api/openapi-ts made from /openapi.json, strictly compiled beside it.
import assert from 'node:assert/strict'
import * as rollcall from './rollcall'
import { client } from './rollcall/client.gen'

const { ROLLCALL_URL: baseUrl = '', ROLLCALL_TOKEN: auth = '' } = process.env
client.setConfig({ baseUrl, auth, throwOnError: true })

async function takeTour(): Promise<void> {
  const room = (await rollcall.createRoom({ body: { customRoomId: 'standup' }, throwOnError: true })).data
  const again = (await rollcall.createRoom({ body: { customRoomId: 'standup' }, throwOnError: true })).data
  assert.equal(again.roomId, room.roomId)
  done('createRoom')

  const told = { roomId: 'standup', sessionKey: 'monday' }
  const anna = { ...told, participantId: 'anna' }
  const events: rollcall.ReportedEvent[] = [
    { id: '1', type: 'participant-joined', at: '2026-01-05T09:00:00Z', ...anna, name: 'Anna' },
    { id: '2', type: 'participant-left', at: Date.parse('2026-01-05T09:01:00Z'), ...anna },
    { id: '3', type: 'session-ended', at: '2026-01-05T09:01:30Z', ...told },
  ]
  for (const outcome of ['recorded', 'duplicate']) {
    const { results } = (await rollcall.reportEvents({ body: { events }, throwOnError: true })).data
    for (const result of results) assert.equal(result.outcome, outcome)
  }
  done('reportEvents')

  const list = async (query: rollcall.ListSessionsData['query']): Promise<rollcall.Session[]> =>
    (await rollcall.listSessions({ query, throwOnError: true })).data.data
  const [session] = await list({ customRoomId: 'standup' })
  assert.ok(session)
  assert.deepEqual(
    [session.participants[0]?.name, session.activeDuration, session.end],
    ['Anna', 60, '2026-01-05T09:01:30.000Z'],
  )
  assert.equal(
    (await list({ startDate: '2026-01-01', endDate: '2026-01-31T23:59:59Z', perPage: 50, page: 1 })).length,
    1,
  )
  assert.equal((await list({ participantId: 'anna' })).length, 1)
  assert.equal((await list({ status: 'ongoing' })).length, 0)
  done('listSessions')

  const found = (await rollcall.getSession({ path: { id: session.id }, throwOnError: true })).data
  assert.deepEqual(found, session)
  done('getSession')
  const ended = await rollcall.endSession({ body: { roomId: room.roomId, ignoreClosed: true }, throwOnError: true })
  const enforced: boolean | 'pending' = ended.data.enforced
  assert.deepEqual([ended.data.id, enforced], [session.id, true])
  done('endSession')
  const { error } = await rollcall.getSession({ path: { id: 'none' }, throwOnError: false })
  assert.equal(error?.code, 'SESSION_NOT_FOUND')
  done('an error')
}

function done(call: string): void {
  console.log(`ok ${call}`)
}

takeTour()
