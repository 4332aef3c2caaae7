import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ActiveParticipantPage, ActiveSession, Participant, ParticipantPage, Session } from '@rollcall/protocol'
import { makeRoom } from '../support/api-calls.ts'
import { join } from '../support/clients/rtc-client.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const start = Date.parse('2026-01-15T12:00:00.000Z')
const minuteMs = 60_000
const unknownId = '621497578bea0d0404c35c4c'
let server: TestServer
/** Five people, of whom `p0` and `p3` have left, and `p0` came back. */
let running = { roomId: '', id: '' }
let ended = ''

before(async () => {
  server = await startServer({}, { clock: { now: () => start + 5 * minuteMs } })
  const { roomId } = await makeRoom(server, { customRoomId: 'five' })
  const stays = [0, 1, 2, 3, 4].map((i) => ({
    participantId: `p${i}`,
    name: `Person ${i}`,
    joinedAt: start + i * 1000,
    ...((i === 0 || i === 3) && { leftAt: start + minuteMs }),
  }))
  const back = { participantId: 'p0', joinedAt: start + 2 * minuteMs }
  running = { roomId, id: await recordSession(server, { roomId, startAt: start, stays: [...stays, back] }) }
  ended = await recordSession(server, {
    roomId,
    startAt: start - 60 * minuteMs,
    endAt: start - 50 * minuteMs,
    stays: [{ participantId: 'anna/ä', name: 'Anna', joinedAt: start - 59 * minuteMs }],
  })
})
after(() => server.stop())

async function get<Body>(path: string, token?: string): Promise<Body> {
  const options = token === undefined ? {} : { token }
  const { status, text, body } = await server.call<Body>('GET', `/v2/sessions/${path}`, undefined, options)
  assert.equal(status, 200, text)
  return body
}

const idsOf = (people: Pick<Participant, 'participantId'>[]) => people.map(({ participantId }) => participantId)

describe('GET /v2/sessions/:id/participants', () => {
  test('answers everybody who was ever inside, in order of first join, in the documented shape', async () => {
    const { pageInfo, data } = await get<ParticipantPage>(`${running.id}/participants`)
    assert.deepEqual(pageInfo, { currentPage: 1, perPage: 20, lastPage: 1, total: 5 })
    assert.deepEqual(Object.keys(data), ['id', 'roomId', 'customRoomId', 'participants', 'links'])
    assert.deepEqual([data.id, data.roomId, data.customRoomId], [running.id, running.roomId, 'five'])
    assert.deepEqual(idsOf(data.participants), ['p0', 'p1', 'p2', 'p3', 'p4'])
    const session = await get<Session>(running.id)
    assert.deepEqual(data.participants, session.participants)
    assert.deepEqual(data.links, session.links)
  })

  test('gives page after page, and an empty one past the end', async () => {
    const pages = await Promise.all(
      [1, 2, 3, 4].map((page) => get<ParticipantPage>(`${running.id}/participants?perPage=2&page=${page}`)),
    )
    assert.deepEqual(
      pages.map(({ data }) => idsOf(data.participants)),
      [['p0', 'p1'], ['p2', 'p3'], ['p4'], []],
    )
    assert.deepEqual(pages[1]?.pageInfo, { currentPage: 2, perPage: 2, lastPage: 3, total: 5 })
  })
})

describe('GET /v2/sessions/:id/participants/active', () => {
  type ActivePage = ActiveParticipantPage

  test('answers one session, whose participants are those inside now', async () => {
    const { pageInfo, data } = await get<ActivePage>(`${running.id}/participants/active`)
    assert.deepEqual(pageInfo, { currentPage: 1, perPage: 20, lastPage: 1, total: 4 })
    assert.equal(data.length, 1)
    assert.deepEqual(idsOf(data[0]?.participants ?? []), ['p0', 'p1', 'p2', 'p4'])
    const { participants, links, ...rest } = await get<Session>(running.id)
    const { participants: active, links: activeLinks, ...activeRest } = data[0] as ActiveSession
    assert.deepEqual(activeRest, { ...rest, _id: running.id })
    assert.deepEqual(activeLinks, { ...links, get_all_participants: `${links.get_session}/participants` })
    for (const { participantId, name, timelog, _id, totalSeconds, kind } of active)
      assert.deepEqual(
        { participantId, name, timelog, _id, totalSeconds, kind },
        participants.find((one) => one._id === _id),
      )
  })

  test('has of each person what clients read without asking: empty where no source tells it', async () => {
    await server.call('POST', '/v2/events', {
      events: [
        {
          id: 'measured',
          type: 'quality',
          at: start + 3 * minuteMs,
          roomId: running.roomId,
          sessionKey: `${running.roomId} at ${start}`,
          participantId: 'p1',
          stats: { averageAudioRtt: 10 },
          deviceInfo: { deviceName: 'Firefox', deviceVersion: '140.0' },
          sdkInfo: { sdkName: 'prebuilt', sdkVersion: '0.3.29' },
          location: { city: 'Surat', region: 'Gujarat', country: 'India' },
        },
      ],
    })
    const { data } = await get<ActivePage>(`${running.id}/participants/active?perPage=2`)
    const [p0, p1] = (data[0]?.participants ?? []).map(({ participantId, name, timelog, _id, ...more }) => more)
    const nothing = {
      events: { mic: [], webcam: [], screenShare: [], screenShareAudio: [] },
      initTime: 0,
      deviceInfo: {
        sdkType: '',
        sdkVersion: '',
        platform: '',
        browserUserAgent: { browser: { name: '', version: '' }, os: { name: '' }, platform: { type: '' } },
      },
      changeModeHistory: [],
      mode: 'SEND_AND_RECV',
      geoLocation: { city: '', region: '', country: '' },
      kind: 'person',
    }
    assert.deepEqual(p0, { ...nothing, totalSeconds: 240 })
    assert.deepEqual(p1, {
      ...nothing,
      deviceInfo: {
        ...nothing.deviceInfo,
        sdkType: 'prebuilt',
        sdkVersion: '0.3.29',
        browserUserAgent: { ...nothing.deviceInfo.browserUserAgent, browser: { name: 'Firefox', version: '140.0' } },
      },
      geoLocation: { city: 'Surat', region: 'Gujarat', country: 'India' },
      totalSeconds: 299,
    })
  })

  test('gives page after page of them', async () => {
    const pages = await Promise.all(
      [1, 2, 3].map((page) => get<ActivePage>(`${running.id}/participants/active?perPage=3&page=${page}`)),
    )
    assert.deepEqual(
      pages.map(({ data }) => idsOf(data[0]?.participants ?? [])),
      [['p0', 'p1', 'p2'], ['p4'], []],
    )
    assert.deepEqual(pages[1]?.pageInfo, { currentPage: 2, perPage: 3, lastPage: 2, total: 4 })
  })

  test('is empty once the session ended', async () => {
    const { pageInfo, data } = await get<ActivePage>(`${ended}/participants/active`)
    assert.deepEqual([pageInfo.total, data.length, data[0]?.status, data[0]?.participants], [0, 1, 'ended', []])
  })

  test('follows the people of a hosted room as they come and go', async () => {
    const live = await startServer()
    try {
      const { roomId } = await makeRoom(live)
      const inside = async (sessionId: string) => {
        const { body } = await live.call<ActivePage>('GET', `/v2/sessions/${sessionId}/participants/active`)
        return idsOf(body.data[0]?.participants ?? [])
      }
      const ann = await join(live, roomId, 'ann')
      const bob = await join(live, roomId, 'bob')
      assert.deepEqual(await inside(ann.joined.sessionId), ['ann', 'bob'])
      bob.send({ type: 'leave' })
      await bob.closed
      assert.deepEqual(await inside(ann.joined.sessionId), ['ann'])
    } finally {
      await live.stop()
    }
  })
})

describe('GET /v2/sessions/:id/participants/:participantId', () => {
  test('answers that participant alone, as the session has them', async () => {
    const { participants } = await get<Session>(running.id)
    for (const person of participants) {
      assert.deepEqual(await get(`${running.id}/participants/${person.participantId}`), person)
    }
    const anna = await get<Participant>(`${ended}/participants/${encodeURIComponent('anna/ä')}`)
    assert.deepEqual([anna.participantId, anna.timelog.length, anna.timelog[0]?.reason], ['anna/ä', 1, 'session-ended'])
  })

  test('of somebody who was never inside is 404, naming them and the session', async () => {
    for (const participantId of ['nobody', 'P1', 'anna/ä']) {
      const path = `/v2/sessions/${running.id}/participants/${encodeURIComponent(participantId)}`
      const { status, body } = await server.call('GET', path)
      assert.deepEqual([status, body.code], [404, 'PARTICIPANT_NOT_FOUND'])
      assert.equal(body.error, `Participant ${participantId} not found in session ${running.id}`)
    }
  })
})

describe('each of the three', () => {
  const paths = ['participants', 'participants/active', 'participants/p1']

  test('of an unknown session, another key’s, or one of another room than the token is bound to, is 404 alike', async () => {
    const foreign = await signToken(await addNeighbour(server), {}, { now: start, lifetimeMs: 60 * minuteMs })
    const bound = await server.sign({ roomId: (await makeRoom(server)).roomId })
    for (const path of paths) {
      const ask = async (id: string, token?: string) => {
        const options = token === undefined ? {} : { token }
        const { status, body } = await server.call('GET', `/v2/sessions/${id}/${path}`, undefined, options)
        return [status, body.code, String(body.error).replace(id, 'ID')]
      }
      const unknown = await ask(unknownId)
      assert.deepEqual(unknown, [404, 'SESSION_NOT_FOUND', 'Session ID not found'])
      assert.deepEqual(await ask(running.id, foreign), unknown)
      assert.deepEqual(await ask(running.id, bound), unknown)
    }
  })

  test('is answered to a token that is bound to the session’s room', async () => {
    const bound = await server.sign({ roomId: running.roomId })
    for (const path of paths) await get(`${running.id}/${path}`, bound)
  })

  test('refuses a page that is none, naming it', async () => {
    for (const path of ['participants', 'participants/active']) {
      for (const query of ['page=0', 'perPage=-1', 'page=x']) {
        const { status, body } = await server.call('GET', `/v2/sessions/${running.id}/${path}?${query}`)
        assert.equal(status, 400)
        assert.match(String(body.error), /^(page|perPage)=.* is not understood: it takes a whole number from 1/)
      }
    }
  })
})
