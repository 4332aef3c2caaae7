import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SessionPage } from '@rollcall/protocol'
import { connect } from '../support/clients/rtc-client.ts'
import { keep } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import {
  at,
  bob,
  elsewhere,
  eventsOf,
  found,
  readKept,
  readLeft,
  report,
  search,
  traces,
  zoe,
} from '../support/traces.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

/** What remains true of nobody in particular. */
async function readCounts(server: TestServer) {
  const { body } = await server.call<SessionPage>('GET', '/v2/sessions?customRoomId=class')
  const usage = await server.call('GET', `/v2/usage?groupBy=room&from=${at - 1000}&to=${at + 86_400_000}`)
  return {
    sessions: body.data.map(({ id, start, end, participants }) => ({
      id,
      start,
      end,
      stays: participants
        .map(({ timelog }) => timelog)
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    })),
    usage: usage.body,
  }
}

describe('an erased person', () => {
  for (const [store, make] of Object.entries({ SQLite: () => keep(), PostgreSQL: () => keep(postgres) })) {
    test(`is nobody in all that is kept on ${store}, and what is counted stays true; late facts do not bring them back`, async (t) => {
      const kept = await make()
      const server = await startServer(kept.env)
      t.after(async () => {
        await server.stop()
        await kept.remove()
      })
      await server.call('POST', '/v2/webhooks', { endPoint: 'https://1.1.1.1/hook', events: ['*'] })
      const allowedParticipantIds = [zoe.participantId, bob.participantId]
      await server.call('POST', '/v2/rooms', { customRoomId: 'class', allowedParticipantIds })
      const weekly = { start: '2026-01-05T09:00', durationMinutes: 60, timeZone: 'UTC', rrule: 'FREQ=WEEKLY' }
      await server.call('POST', '/v2/schedules', { name: 'Class', roomIds: ['class'], ...weekly, roster: [zoe, bob] })
      const outcomes = await report(server, eventsOf())
      assert.ok(
        outcomes.every((outcome) => outcome === 'recorded'),
        outcomes.join(),
      )
      const before = await readCounts(server)
      await server.context.writes.seals.seal({ now: Date.now() + 60_000 })
      const [hook] = (await server.call<{ data: { id: string }[] }>('GET', '/v2/webhooks')).body.data
      for (let total = 0; total === 0; ) {
        const { body } = await server.call<{ data: unknown[] }>('GET', `/v2/webhooks/${hook?.id}/deliveries`)
        total = body.data.length
      }
      for (; !found(await search(server, 'unforg')).includes(zoe.participantId); );
      const wasKept = (await readKept(kept)).some((bytes) => bytes.includes('unforgettable'))
      assert.ok(wasKept, 'she was there')

      const { body: receipt, text } = await server.call<{ sessions: number; rosters: number }>(
        'DELETE',
        `/v2/participants/${encodeURIComponent(zoe.participantId)}`,
      )
      assert.deepEqual([receipt.sessions, receipt.rosters], [3, 1])
      assert.ok(!text.includes('unforgettable'))
      assert.deepEqual(await readCounts(server), before)
      const { body: hers } = await server.call<SessionPage>('GET', `/v2/sessions?participantId=${zoe.participantId}`)
      assert.equal(hers.pageInfo.total, 0)

      const again = await report(server, eventsOf())
      assert.deepEqual(
        again,
        eventsOf().map((event) =>
          'participantId' in event && event.participantId === zoe.participantId ? 'ignored' : 'duplicate',
        ),
      )
      const late = { id: 'late', type: 'participant-seen', roomId: 'class', sessionKey: 'monday' }
      await report(server, [{ ...late, type: 'participant-joined', at: at + 5000, ...zoe }])
      assert.deepEqual(await readCounts(server), before)
      assert.deepEqual(found(await search(server, 'unforg')), [])
      assert.deepEqual(found(await search(server, 'bob')), ['bob'])
      const exported = await server.call('GET', '/v2/export')
      for (const trace of traces) assert.ok(!exported.text.includes(trace), trace)
      const twice = await server.call('DELETE', `/v2/participants/${zoe.participantId}`)
      assert.deepEqual([twice.status, twice.body.code], [404, 'PARTICIPANT_NOT_FOUND'])

      await server.stop()
      for (const bytes of await readLeft(kept)) for (const trace of traces) assert.ok(!bytes.includes(trace), trace)
      for (const args of [['verify'], ['rebuild', '--dry-run']]) {
        const { code, stdout, stderr } = await runProgram('cli.js', kept.env, args).ended
        assert.equal(code, 0, `${stdout}${stderr}`)
        if (args[0] === 'rebuild') assert.match(stdout, /nothing differs/)
      }

      const later = await startServer(kept.env)
      t.after(() => later.stop())
      const returns = { type: 'participant-joined', at: Date.now(), roomId: 'class', sessionKey: 'friday', ...zoe }
      assert.deepEqual(await report(later, [{ id: 'returns', ...returns }]), ['recorded'], 'they may come again')
    })
  }

  test('is told apart from whoever has an id that begins as theirs, also in the receipt', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    const of = (participantId: string, who: string) => [
      { id: `${who} in`, type: 'participant-joined', at, roomId: 'class', sessionKey: 'k', participantId },
      { id: `${who} out`, type: 'participant-left', at, roomId: 'class', sessionKey: 'k', participantId },
    ]
    const end = { id: 'end', type: 'session-ended', at: at + 1000, roomId: 'class', sessionKey: 'k' }
    await report(server, [...of('p7', 'first'), ...of('p70', 'second'), end])
    const { body } = await server.call<{ sessions: number; facts: number }>('DELETE', '/v2/participants/p7')
    assert.deepEqual([body.sessions, body.facts], [1, 2])
    const { data } = (await server.call<SessionPage>('GET', '/v2/sessions?participantId=p70')).body
    assert.equal(data.length, 1)
  })

  test('leaves what is told of others as it was: the log says the same of them, and twice is once', async (t) => {
    const kept = await keep()
    t.after(() => kept.remove())
    const server = await startServer(kept.env)
    const of = { roomId: 'class', sessionKey: 'k' }
    // Not `person-7`: that may be read out of the search, where `person` stands before three letters of a new id.
    const both = [{ participantId: 'visitor-7' }, { participantId: 'visitor-70' }]
    const facts = [
      { id: 'visitor-7 came', type: 'participant-joined', at, ...of, participantId: 'visitor-7' },
      { id: 'visitor-70 came', type: 'participant-joined', at, ...of, participantId: 'visitor-70' },
      { id: 'visitor-8 came, let in by visitor-7', type: 'participant-joined', at, ...of, participantId: 'visitor-8' },
      { id: 'visitor-7 and others', type: 'snapshot', at: at + 1000, ...of, participants: both },
      { id: 'end', type: 'session-ended', at: at + 9000, ...of },
    ]
    await report(server, facts)
    assert.equal((await server.call('DELETE', '/v2/participants/visitor-7')).status, 200)
    const { body } = await server.call<{ results: object[] }>('POST', '/v2/events', { events: facts.slice(1, 2) })
    assert.deepEqual(body.results, [{ id: 'visitor-70 came', outcome: 'duplicate' }])
    const path = '/v2/sessions?participantId=visitor-70'
    const before = (await server.call('GET', path)).text
    await server.stop()
    const { code, stdout, stderr } = await runProgram('cli.js', kept.env, ['rebuild', '--dry-run']).ended
    assert.deepEqual([code, stderr], [0, ''], stdout)
    assert.match(stdout, /nothing differs/)
    for (const bytes of await readLeft(kept)) {
      const [left] = /.{0,60}visitor-7(?!0).{0,60}/s.exec(bytes.toString('latin1')) ?? []
      assert.equal(left, undefined)
    }
    const again = await startServer(kept.env)
    t.after(() => again.stop())
    assert.equal((await again.call('GET', path)).text.replaceAll(again.url, server.url), before)
  })

  test('leaves what rebuild finds, though they were called otherwise after the end', async (t) => {
    const kept = await keep()
    t.after(() => kept.remove())
    const server = await startServer(kept.env)
    const join = { type: 'participant-joined', at, roomId: 'class', sessionKey: 'k', participantId: zoe.participantId }
    await report(server, [
      { id: 'join', ...join },
      { id: 'end', type: 'session-ended', at: at + 1000, roomId: 'class', sessionKey: 'k' },
    ])
    await report(server, [{ id: 'again', ...join, name: zoe.name }])
    assert.equal((await server.call('DELETE', `/v2/participants/${zoe.participantId}`)).status, 200)
    await server.stop()
    const { code, stdout } = await runProgram('cli.js', kept.env, ['rebuild', '--dry-run']).ended
    assert.deepEqual([code, /nothing differs/.test(stdout)], [0, true], stdout)
  })

  test('leaves a room that let in them alone closed to everybody', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    const alone = { customRoomId: 'alone', allowedParticipantIds: [zoe.participantId] }
    const both = { customRoomId: 'both', allowedParticipantIds: [zoe.participantId, bob.participantId] }
    for (const room of [alone, both]) await server.call('POST', '/v2/rooms', room)
    // Who never came is erased too, where a room names them.
    const erased = await server.call('DELETE', `/v2/participants/${zoe.participantId}`)
    assert.equal(erased.status, 200, erased.text)
    const listed = async (room: string) =>
      (await server.call<{ allowedParticipantIds: string[] }>('GET', `/v2/rooms/${room}`)).body.allowedParticipantIds
    assert.deepEqual(await listed('both'), [bob.participantId])
    assert.match((await listed('alone')).join(), /^erased-[0-9a-f]{24}$/)
    const { body: room } = await server.call<{ roomId: string }>('GET', '/v2/rooms/alone')
    const stranger = await connect(server)
    const token = await server.sign({ roles: ['rtc'] })
    stranger.send({ type: 'join', token, roomId: room.roomId, participantId: 'stranger' })
    assert.equal(await stranger.closed, 'INVALID_PARTICIPANT_ID')
    const again = await server.call('DELETE', `/v2/participants/${zoe.participantId}`)
    assert.equal(again.body.code, 'PARTICIPANT_NOT_FOUND')
  })

  test('is not told of by the id either that they were merged into: not in the audit log, and by no report that is shared', async (t) => {
    const kept = await keep()
    t.after(() => kept.remove())
    const server = await startServer(kept.env)
    t.after(() => server.stop())
    const merged = 'an unforgettable person'
    await report(server, eventsOf())
    for (; !found(await search(server, 'unforg')).includes(zoe.participantId); );
    const person = `/v2/people/${encodeURIComponent(merged)}`
    assert.equal(
      (await server.call('PUT', person, { participantIds: [zoe.participantId, bob.participantId] })).status,
      200,
    )
    await server.call('POST', '/v2/shares', { personId: merged })
    await server.call('GET', `${person}/sessions?format=csv`)
    const weekly = { start: '2026-01-05T09:00', durationMinutes: 60, timeZone: 'UTC', rrule: 'FREQ=WEEKLY' }
    const roster = [{ participantId: merged, name: zoe.name }]
    await server.call('POST', '/v2/schedules', { name: 'Class', roomIds: ['class'], ...weekly, roster })
    const { body } = await server.call<{ rosters: number }>('DELETE', `/v2/participants/${zoe.participantId}`)
    assert.equal(body.rosters, 1)
    assert.deepEqual((await server.call('GET', '/v2/shares')).body.data, [])
    assert.deepEqual(found(await search(server, 'bob')), ['bob'])
    await server.stop()
    for (const bytes of await readLeft(kept)) for (const trace of traces) assert.ok(!bytes.includes(trace), trace)
  })

  test('has to have left: who is in a session that runs is refused, and so is whoever never was', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    await report(server, [{ id: '1', type: 'participant-joined', at: Date.now() - 1000, roomId: 'now', ...zoe }])
    const running = await server.call('DELETE', `/v2/participants/${zoe.participantId}`)
    assert.deepEqual([running.status, running.body.code], [409, 'CONFLICT'])
    const nobody = await server.call('DELETE', '/v2/participants/nobody')
    assert.deepEqual([nobody.status, nobody.body.code], [404, 'PARTICIPANT_NOT_FOUND'])
  })
})

describe('an erased session', () => {
  for (const [store, make] of Object.entries({ SQLite: () => keep(), PostgreSQL: () => keep(postgres) })) {
    test(`is gone from all that is kept on ${store}, and from what is counted; what is told of it again does not bring it back`, async (t) => {
      const kept = await make()
      const server = await startServer(kept.env)
      t.after(async () => {
        await server.stop()
        await kept.remove()
      })
      await server.call('POST', '/v2/webhooks', { endPoint: 'https://1.1.1.1/hook', events: ['*'] })
      await report(server, [...eventsOf(), ...eventsOf().map((event) => ({ ...event, ...elsewhere(event) }))])
      const others = async () => {
        const { body } = await server.call<SessionPage>('GET', '/v2/sessions?customRoomId=other')
        // The webhooks about them go on meanwhile.
        return body.data.map(({ webhook: _, ...session }) => session)
      }
      const before = await others()
      await server.context.writes.seals.seal({ now: Date.now() + 60_000 })
      const [hook] = (await server.call<{ data: { id: string }[] }>('GET', '/v2/webhooks')).body.data
      for (let total = 0; total === 0; ) {
        const { body } = await server.call<{ data: unknown[] }>('GET', `/v2/webhooks/${hook?.id}/deliveries`)
        total = body.data.length
      }
      const list = async () => (await server.call<SessionPage>('GET', '/v2/sessions?customRoomId=class')).body
      const { data } = await list()
      assert.equal(data.length, 3)
      for (const { id } of data) {
        const { status, body, text } = await server.call<{ facts: number }>('DELETE', `/v2/sessions/${id}`)
        assert.deepEqual([status, body.facts > 5], [200, true], text)
      }
      assert.equal((await list()).pageInfo.total, 0)
      const again = await report(server, eventsOf())
      assert.deepEqual([...new Set(again)], ['ignored'])
      assert.equal((await list()).pageInfo.total, 0)
      assert.deepEqual(await others(), before)
      assert.deepEqual(found(await search(server, 'unforg')), [])
      const usage = await server.call('GET', `/v2/usage?groupBy=room&from=${at - 1000}&to=${at + 86_400_000}`)
      assert.ok(!usage.text.includes('class'), usage.text)
      const exported = await server.call('GET', '/v2/export')
      for (const trace of traces) assert.ok(!exported.text.includes(trace), trace)
      const gone = await server.call('DELETE', `/v2/sessions/${data[0]?.id}`)
      assert.deepEqual([gone.status, gone.body.code], [404, 'SESSION_NOT_FOUND'])

      await server.stop()
      for (const bytes of await readLeft(kept)) for (const trace of traces) assert.ok(!bytes.includes(trace), trace)
      for (const args of [['verify'], ['rebuild', '--dry-run']]) {
        const { code, stdout, stderr } = await runProgram('cli.js', kept.env, args).ended
        assert.equal(code, 0, `${stdout}${stderr}`)
        if (args[0] === 'rebuild') assert.match(stdout, /nothing differs/)
      }
    })
  }

  test('has to have ended, and to be of the key', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    await report(server, [{ id: '1', type: 'participant-joined', at: Date.now() - 1000, roomId: 'now', ...zoe }])
    const { body } = await server.call<SessionPage>('GET', '/v2/sessions')
    const running = await server.call('DELETE', `/v2/sessions/${body.data[0]?.id}`)
    assert.deepEqual([running.status, running.body.code], [409, 'CONFLICT'])
    const unknown = await server.call('DELETE', '/v2/sessions/621497578bea0d0404c35c4c')
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'SESSION_NOT_FOUND'])
  })
})
