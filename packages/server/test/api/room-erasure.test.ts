import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SessionPage } from '@rollcall/protocol'
import { keep } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { at, bob, elsewhere, eventsOf, found, readLeft, report, search, traces, zoe } from '../support/traces.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

const hall = 'The Unforgettable Hall'
const inHall = () => eventsOf().map((event) => ({ ...event, roomId: hall }))
/** A breakout of it, in a room of its own. */
const part = {
  ...{ id: 'part', type: 'session-started', at: at + 20_000, roomId: 'part', sessionKey: 'part-1' },
  parent: { roomId: hall, sessionKey: 'monday' },
}
/** Of its time before, and of a session that nobody told of. */
const late = {
  ...{ id: 'late', type: 'participant-joined', at: at + 7_200_000, roomId: hall, sessionKey: 'sunday' },
  ...{ participantId: 'late', name: 'Late' },
}

async function list(server: TestServer, customRoomId: string) {
  const { body } = await server.call<SessionPage>(
    'GET',
    `/v2/sessions?customRoomId=${encodeURIComponent(customRoomId)}`,
  )
  // The webhooks about them go on meanwhile.
  return body.data.map(({ webhook: _, ...session }) => session)
}

/** Whatever there may be of a room: sessions, webhooks, a schedule, what was done with it, and what fits nothing. */
async function fill(server: TestServer): Promise<{ roomId: string; id: string }> {
  await server.call('POST', '/v2/webhooks', { endPoint: 'https://1.1.1.1/hook', events: ['*'] })
  const webhook = { endPoint: 'https://1.1.1.1/unforgettable', events: ['*'] }
  const of = { customRoomId: hall, webhook, allowedParticipantIds: [zoe.participantId] }
  const { body: room } = await server.call<{ roomId: string; id: string }>('POST', '/v2/rooms', of)
  await server.call('POST', '/v2/rooms/deactivate', { roomId: room.roomId })
  const weekly = { start: '2026-01-05T09:00', durationMinutes: 60, timeZone: 'UTC', rrule: 'FREQ=WEEKLY' }
  await server.call('POST', '/v2/schedules', { name: hall, roomIds: [hall], ...weekly, roster: [zoe, bob] })
  const left = { type: 'participant-left', at: at - 60_000, roomId: hall, participantId: 'an unforgettable nobody' }
  await report(server, [...inHall(), ...eventsOf().map((event) => ({ ...event, ...elsewhere(event) }))])
  await report(server, [part, { id: 'left', ...left }, { id: 'part end', type: 'session-ended', ...ended }])
  await server.context.writes.seals.seal({ now: Date.now() + 60_000 })
  const [hook] = (await server.call<{ data: { id: string }[] }>('GET', '/v2/webhooks')).body.data
  for (let total = 0; total === 0; ) {
    const { body } = await server.call<{ data: unknown[] }>('GET', `/v2/webhooks/${hook?.id}/deliveries`)
    total = body.data.length
  }
  return room
}
const ended = { at: at + 30_000, roomId: 'part', sessionKey: 'part-1' }

describe('an erased room', () => {
  for (const [store, make] of Object.entries({ SQLite: () => keep(), PostgreSQL: () => keep(postgres) })) {
    test(`is gone from all that is kept on ${store}, with its sessions; what is told of its time before brings neither back`, async (t) => {
      const kept = await make()
      const server = await startServer(kept.env)
      t.after(async () => {
        await server.stop()
        await kept.remove()
      })
      const { roomId, id } = await fill(server)
      const before = await list(server, 'other')
      assert.equal((await list(server, 'part'))[0]?.parentRoomId, roomId)
      const path = `/v2/rooms/${encodeURIComponent(hall)}`
      const erased = await server.call<{ sessions: number; facts: number }>('DELETE', path)
      assert.deepEqual([erased.status, erased.body.sessions], [200, 3], erased.text)
      const gone = await server.call('DELETE', path)
      assert.deepEqual([gone.status, gone.body.code], [404, 'ROOM_NOT_FOUND'])

      const isGone = async () => {
        for (const name of [hall, roomId, id]) {
          assert.equal((await server.call('GET', `/v2/rooms/${encodeURIComponent(name)}`)).status, 404, name)
        }
        assert.equal((await server.call('GET', '/v2/rooms?search=unforgettable')).text.includes(roomId), false)
        assert.deepEqual(found(await search(server, 'unforg')), [])
        assert.deepEqual(await list(server, 'other'), before)
      }
      await isGone()
      assert.deepEqual([...new Set(await report(server, [...inHall(), late]))], ['ignored'])
      await isGone()
      assert.equal((await list(server, 'part'))[0]?.parentRoomId, undefined)
      const { body: audit } = await server.call<{ data: { action: string }[] }>('GET', '/v2/audit')
      assert.equal(audit.data[0]?.action, 'eraseRoom')

      await server.stop()
      for (const bytes of await readLeft(kept)) {
        for (const trace of [...traces, roomId, id]) assert.ok(!bytes.includes(trace), trace)
      }
      for (const args of [['verify'], ['rebuild', '--dry-run']]) {
        const { code, stdout, stderr } = await runProgram('cli.js', kept.env, args).ended
        assert.equal(code, 0, `${stdout}${stderr}`)
        if (args[0] === 'rebuild') assert.match(stdout, /nothing differs/)
      }

      const later = await startServer(kept.env)
      t.after(() => later.stop())
      const today = { type: 'participant-joined', at: Date.now(), roomId: hall, sessionKey: 'today', ...bob }
      assert.deepEqual(await report(later, [{ id: 'today', ...today }, late]), ['recorded', 'ignored'])
      assert.equal((await list(later, hall)).length, 1, 'its name may be used again, for another room')
    })
  }

  test('has to be empty, and to be of the key', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    await report(server, [{ id: '1', type: 'participant-joined', at: Date.now() - 1000, roomId: 'now', ...zoe }])
    const running = await server.call('DELETE', '/v2/rooms/now')
    assert.deepEqual([running.status, running.body.code], [409, 'CONFLICT'])
    assert.equal((await list(server, 'now')).length, 1)
    const unknown = await server.call('DELETE', '/v2/rooms/none')
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'ROOM_NOT_FOUND'])
  })

  test('takes nothing out of the log that told of others, however short its name is, and whichever word of ours it is', async (t) => {
    const kept = await keep()
    t.after(() => kept.remove())
    const server = await startServer(kept.env)
    const of = { roomId: 'class', sessionKey: '1' }
    const words = ['events', 'participant-left', 'roomId', 'person']
    const ofWords = words.flatMap((roomId) => [
      { id: `first ${roomId}`, type: 'session-started', at, roomId, sessionKey: roomId },
      { id: `second ${roomId}`, type: 'session-ended', at: at + 1000, roomId, sessionKey: roomId },
    ])
    // It fits no session.
    const unfit = { id: 'bob went', type: 'participant-left', at, roomId: 'class', ...bob, kind: 'person' }
    await report(server, [
      { id: 'ann came', type: 'participant-joined', at, ...of, participantId: 'ann' },
      { id: 'up again 1', type: 'source-started', at: at + 1000 },
      { id: 'ann was seen', type: 'participant-seen', at: at + 2000, ...of, participantId: 'ann' },
      { id: 'end', type: 'session-ended', at: at + 9000, ...of },
      { id: 'short', type: 'session-started', at, roomId: '1', sessionKey: 'of the short one' },
      { id: 'short end', type: 'session-ended', at: at + 1000, roomId: '1', sessionKey: 'of the short one' },
      ...ofWords,
      unfit,
    ])
    for (const name of ['1', ...words]) {
      const { body: room } = await server.call<{ roomId: string }>('GET', `/v2/rooms/${name}`)
      const erased = await server.call('DELETE', `/v2/rooms/${room.roomId}`)
      assert.deepEqual([erased.status, erased.body.facts], [200, 2], name)
    }
    assert.deepEqual(await report(server, [unfit]), ['duplicate'])
    await server.stop()
    const { code, stdout } = await runProgram('cli.js', kept.env, ['rebuild', '--dry-run']).ended
    assert.deepEqual([code, /nothing differs/.test(stdout)], [0, true], stdout)
  })

  test('is erased by the command too: through the server that runs, and without one', async (t) => {
    const kept = await keep()
    const server = await startServer(kept.env)
    t.after(async () => {
      await server.stop()
      await kept.remove()
    })
    await report(server, inHall())
    const erase = async (...args: string[]) => {
      const { code, stdout, stderr } = await runProgram('cli.js', kept.env, ['erase', ...args]).ended
      return code === 0 ? (JSON.parse(stdout) as { id: string; sessions?: number; facts: number }) : stderr
    }
    const told = { at, roomId: 'second', sessionKey: 's' }
    await report(server, [
      { id: 'a', type: 'participant-joined', ...told, ...bob },
      { id: 'b', type: 'session-ended', ...told },
    ])
    assert.match(String(await erase('room', 'nowhere')), /Room nowhere not found/)
    const there = await erase('room', hall)
    assert.ok(typeof there === 'object' && there.sessions === 3, JSON.stringify(there))
    assert.deepEqual([...new Set(await report(server, inHall()))], ['ignored'], 'the server knows it at once')
    await server.stop()
    const here = await erase('room', 'second')
    assert.ok(typeof here === 'object' && here.sessions === 1, JSON.stringify(here))
    const later = await startServer(kept.env)
    t.after(() => later.stop())
    assert.equal((await list(later, 'second')).length, 0)
    const { body: audit } = await later.call<{ data: { action: string; about: { receipt?: string } }[] }>(
      'GET',
      '/v2/audit',
    )
    const receipts = audit.data.flatMap(({ action, about }) => (action === 'eraseRoom' ? [about.receipt] : []))
    assert.deepEqual(receipts, [here.id, there.id])
  })
})
