import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  type ActiveParticipantPage,
  type Attendance,
  isPerson,
  type ParticipantPage,
  participantKinds,
  type Session,
  type SessionPage,
  type Usage,
} from '@rollcall/protocol'
import { makeRoom } from '../support/api-calls.ts'
import { openStream } from '../support/clients/stream-reader.ts'
import { recordSession } from '../support/record-session.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const startAt = Date.parse('2026-03-02T09:00:00Z')
const minute = 60_000
const clock = { now: () => startAt + 30 * minute }

let server: TestServer
let roomId: string
let sessionId: string
let told: { participantId?: string; kind?: string }[]
/** One of each kind: they come a minute after each other, and all stay for ten minutes; a recorder stays on alone. */
const stays = participantKinds.map((kind, i) => ({
  participantId: `the ${kind}`,
  kind,
  joinedAt: startAt + i * minute,
  ...(kind !== 'ingress' && { leftAt: startAt + (i + 10) * minute }),
}))
before(async () => {
  server = await startServer({}, { clock })
  roomId = (await makeRoom(server)).roomId
  const reader = await openStream(server)
  await reader.next()
  sessionId = await recordSession(server, { roomId, startAt, stays })
  told = (await reader.changes(2 * stays.length)).filter((change) => 'participantId' in change)
})
after(() => server.stop())

const persons = ['the person', 'the sip']
const get = async <T>(path: string): Promise<T> => {
  const { status, text, body } = await server.call<T>('GET', path)
  assert.equal(status, 200, text)
  return body
}

describe('programs that take part are not people', () => {
  test('a person and a caller by telephone are persons, and nothing else is', () => {
    assert.deepEqual(participantKinds.filter(isPerson), ['person', 'sip'])
  })

  test('a session names everybody with their kind, and counts persons', async () => {
    const session = await get<Session>(`/v2/sessions/${sessionId}`)
    assert.deepEqual(
      session.participants.map(({ kind }) => kind),
      [...participantKinds],
    )
    assert.equal(session.uniqueParticipants, 2)
    assert.equal(session.maxJoinedPeersCount, 2)
    assert.equal(session.activeDuration, 11 * 60)
    assert.equal(session.participantSeconds, 20 * 60)
  })

  test('activeAt finds sessions with persons inside, and names these', async () => {
    const during = async (at: string) => (await get<SessionPage>(`/v2/sessions?activeAt=2026-03-02T${at}Z`)).data
    assert.deepEqual(
      (await during('09:05:00')).map(({ activeParticipantIds }) => activeParticipantIds),
      [persons],
    )
    assert.deepEqual(await during('09:15:00'), [], 'programs alone were inside')
  })

  test('attendance has persons, or the kinds that are asked for', async () => {
    const path = `/v2/sessions/${sessionId}/attendance`
    const idsOf = async (kinds: string) => {
      const { data } = await get<Attendance>(`${path}${kinds}`)
      const ofPeriod = await get<Attendance>(`/v2/attendance${kinds || '?'}&from=2026-03-02&to=2026-03-02`)
      assert.deepEqual(data, ofPeriod.data)
      return data.map(({ participantId }) => participantId)
    }
    assert.deepEqual(await idsOf(''), persons)
    assert.deepEqual(await idsOf('?kinds=bot,egress'), ['the bot', 'the egress'])
    assert.equal((await idsOf('?kinds=all')).length, participantKinds.length)
    const { status, text } = await server.call('GET', `${path}?kinds=person,robot`)
    assert.equal(status, 400)
    assert.match(text, /kinds=person,robot is not understood: it takes all, or/)
  })

  test('usage counts persons, or the kinds that are asked for', async () => {
    const totalOf = async (kinds: string) =>
      (await get<Usage>(`/v2/usage?from=2026-03-02&to=2026-03-02${kinds}&groupBy=participant`)).total
    assert.deepEqual(await totalOf(''), {
      sessions: 1,
      uniqueParticipants: 2,
      participantMinutes: 20,
      peakConcurrency: 2,
    })
    assert.equal((await totalOf('&kinds=all')).peakConcurrency, participantKinds.length)
    assert.equal((await totalOf('&kinds=recorder')).participantMinutes, 10)
  })

  test('lists of participants have all kinds, or those that are asked for, and count these', async () => {
    const path = `/v2/sessions/${sessionId}/participants`
    const all = await get<ParticipantPage>(path)
    assert.equal(all.pageInfo.total, participantKinds.length)
    const some = await get<ParticipantPage>(`${path}?kinds=agent,bot&perPage=1`)
    assert.deepEqual([some.pageInfo.total, some.pageInfo.lastPage], [2, 2])
    assert.deepEqual(
      some.data.participants.map(({ kind }) => kind),
      ['agent'],
    )
    const inside = await get<ActiveParticipantPage>(`${path}/active`)
    assert.equal(inside.data[0]?.participants[0]?.participantId, 'the ingress')
    assert.equal(inside.data[0]?.uniqueParticipants, 2)
    assert.equal((await get<ActiveParticipantPage>(`${path}/active?kinds=person`)).pageInfo.total, 0)
  })

  test('the stream says of each participant what kind they are', () => {
    const kindOf = new Map(told.map(({ participantId, kind }) => [participantId, kind]))
    assert.deepEqual(
      [...kindOf],
      participantKinds.map((kind) => [`the ${kind}`, kind]),
    )
  })
})
