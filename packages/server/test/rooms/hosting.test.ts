import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { AuditPage, KeptOutList, OpenedInvite, Permission, Room, ServerMessage } from '@rollcall/protocol'
import { rtcLimits } from '../../src/rooms/limits.ts'
import { listSessions, makeRoom } from '../support/api-calls.ts'
import { connect, join, type RtcClient } from '../support/clients/rtc-client.ts'
import { dataParent } from '../support/data-parent.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// What a host may do, through real sockets.

let server: TestServer
before(async () => {
  server = await startServer({ ROLLCALL_ROOM_MAX: '4' })
})
after(() => server.stop())

const host: Permission[] = ['allow_join', 'allow_mod']
const guest: Permission[] = ['allow_join']

/** Comes in with a token of one's own. */
async function enter(roomId: string, participantId: string, permissions: Permission[], on = server) {
  return join(on, roomId, participantId, await on.sign({ roles: ['rtc'], roomId, permissions, participantId }))
}

/** Asks to come in, and says with what that ended: the first message, or the close. */
async function ask(roomId: string, token: string, on = server, participantId?: string): Promise<string> {
  const client = await connect(on)
  client.send({ type: 'join', token, roomId, ...(participantId !== undefined && { participantId }) })
  const first = await client.any().catch(() => undefined)
  if (first === undefined) return client.closed
  client.send({ type: 'leave' })
  await client.closed
  return first.type
}

async function until<T extends ServerMessage['type']>(client: RtcClient, type: T) {
  for (;;) {
    const message = await client.any()
    if (message.type === type) return message as ServerMessage & { type: T }
  }
}

async function invite(roomId: string, body: object, on = server): Promise<() => Promise<OpenedInvite>> {
  const made = await on.call<{ url: string }>('POST', `/v2/rooms/${roomId}/invites`, body)
  const code = new URL(made.body.url).hash.slice(1)
  return async () => (await on.call<OpenedInvite>('POST', '/v2/invites/open', { code })).body
}

/** What the audit log has about a room, the first first. */
async function listDeeds(roomId: string) {
  const { body } = await server.call<AuditPage>('GET', '/v2/audit?perPage=100')
  const about = body.data.filter((entry) => entry.about.roomId === roomId || entry.about.id === roomId)
  return about.map(({ action, asParticipant, participantId }) => [action, asParticipant, participantId]).reverse()
}

describe('a host', () => {
  test('keeps somebody out: against a reload, the same link, the same participantId and a new start of the server, until they are let back', async () => {
    const dataFolder = await mkdtemp(path.join(dataParent, 'rollcall-test-'))
    const first = await startServer({ ROLLCALL_DATA: dataFolder })
    const { roomId } = await makeRoom(first)
    const teacher = await enter(roomId, 'teacher', host, first)
    const open = await invite(roomId, { name: 'Bo' }, first)
    const { token, participantId } = await open()
    const bo = await connect(first)
    bo.send({ type: 'join', token, roomId })
    await bo.next('joined')
    teacher.send({ type: 'remove', participantId, keepOut: true })
    assert.equal(await bo.closed, 'REMOVED')
    assert.equal((await until(teacher, 'rules')).keptOut?.[0]?.name, 'Bo')
    for (const other of [token, (await open()).token, await first.sign({ participantId })]) {
      assert.equal(await ask(roomId, other, first), 'KEPT_OUT')
    }
    await first.stop()

    const second = await startServer({ ROLLCALL_DATA: dataFolder })
    try {
      assert.equal(await ask(roomId, token, second), 'KEPT_OUT')
      const kept = `/v2/rooms/${roomId}/kept-out`
      const { body } = await second.call<KeptOutList>('GET', kept)
      assert.deepEqual(
        body.data.map((one) => [one.participantId, one.name, one.byParticipantId]),
        [[participantId, 'Bo', 'teacher']],
      )
      assert.equal((await second.call('DELETE', `${kept}/${participantId}`)).status, 200)
      assert.equal((await second.call('DELETE', `${kept}/${participantId}`)).status, 404)
      assert.equal(await ask(roomId, token, second), 'joined')
    } finally {
      await second.stop()
      await rm(dataFolder, { recursive: true, force: true })
    }
  })

  test('keeps somebody out who came by a link for many: who comes by it as somebody new has to ask, and who was inside does not', async () => {
    const { roomId } = await makeRoom(server)
    const teacher = await enter(roomId, 'teacher', host)
    const open = await invite(roomId, {})
    const [good, bad, fresh] = [await open(), await open(), await open()]
    const inside = await connect(server)
    inside.send({ type: 'join', token: good.token, roomId, name: 'Good' })
    await inside.next('joined')
    const removed = await connect(server)
    removed.send({ type: 'join', token: bad.token, roomId, name: 'Bad' })
    await removed.next('joined')
    // By the API, which does not know by which link they came.
    await server.call('PUT', `/v2/rooms/${roomId}/kept-out/${bad.participantId}`)
    assert.equal(await removed.closed, 'REMOVED')
    assert.equal(await ask(roomId, bad.token), 'KEPT_OUT')
    assert.equal(await ask(roomId, fresh.token), 'waiting')
    inside.send({ type: 'leave' })
    await inside.closed
    assert.equal(await ask(roomId, good.token), 'joined')
    teacher.send({ type: 'let-back', participantId: bad.participantId })
    await until(teacher, 'rules')
    assert.equal((await until(teacher, 'rules')).keptOut?.length, 0)
    assert.equal(await ask(roomId, fresh.token), 'joined')
  })

  test('locks the room: nobody new comes in and who waits is told why; who was inside comes back, and so does a host', async () => {
    const { roomId } = await makeRoom(server)
    const teacher = await enter(roomId, 'teacher', host)
    const ann = await enter(roomId, 'ann', guest)
    const token = (participantId: string, permissions: Permission[]) =>
      server.sign({ roles: ['rtc'], roomId, permissions, participantId })
    const knocking = await connect(server)
    knocking.send({ type: 'join', token: await token('knocking', ['ask_join']), roomId })
    await knocking.next('waiting')
    teacher.send({ type: 'lock', locked: true })
    assert.equal((await until(ann, 'rules')).locked, true)
    assert.equal(await knocking.closed, 'ROOM_LOCKED')
    assert.equal(await ask(roomId, await token('late', guest)), 'ROOM_LOCKED')
    assert.equal(await ask(roomId, await token('late', ['ask_join'])), 'ROOM_LOCKED')
    assert.equal(await ask(roomId, await token('second teacher', host)), 'joined')
    ann.send({ type: 'leave' })
    await ann.closed
    const back = await enter(roomId, 'ann', guest)
    assert.equal((await back.next('rules')).locked, true)
    assert.ok((await server.call<Room>('GET', `/v2/rooms/${roomId}`)).body.lockedAt)
    await server.call('DELETE', `/v2/rooms/${roomId}/lock`)
    assert.equal((await until(back, 'rules')).locked, false)
    assert.equal(await ask(roomId, await token('late', guest)), 'joined')
  })

  test('is told that the room is locked, also where that happens while many come in at once', async () => {
    const limits = { ...rtcLimits, entriesPerTurn: 1 }
    const crowded = await startServer({}, { rtcLimits: limits })
    try {
      const { roomId } = await makeRoom(crowded)
      const teacher = await enter(roomId, 'teacher', host, crowded)
      const token = await crowded.sign({ roles: ['rtc'], roomId, permissions: host })
      const others = await Promise.all(Array.from({ length: 12 }, () => connect(crowded)))
      for (const [n, other] of others.entries()) other.send({ type: 'join', token, roomId, participantId: `host ${n}` })
      teacher.send({ type: 'lock', locked: true })
      for (const one of [teacher, ...others]) assert.equal((await until(one, 'rules')).locked, true)
    } finally {
      await crowded.stop()
    }
  })

  test('ends the session for everybody, mutes all others, and lets in all who wait until the room is full', async () => {
    const { roomId } = await makeRoom(server)
    const teacher = await enter(roomId, 'teacher', host)
    const ann = await enter(roomId, 'ann', guest)
    teacher.send({ type: 'mute-all', kind: 'audio' })
    const muted = await until(ann, 'mute')
    assert.deepEqual([muted.participantId, muted.kind, muted.from], ['ann', 'audio', 'teacher'])
    const asking: RtcClient[] = []
    // One after the other: who came first comes in first.
    for (const participantId of ['x', 'y', 'z']) {
      const client = await connect(server)
      client.send({ type: 'join', token: await server.sign({ permissions: ['ask_join'], participantId }), roomId })
      await client.next('waiting')
      asking.push(client)
    }
    teacher.send({ type: 'admit-all' })
    assert.equal((await until(teacher, 'error')).code, 'ROOM_FULL')
    await Promise.all(asking.slice(0, 2).map((client) => client.next('joined')))
    assert.deepEqual(asking[2]?.unread(), [])

    teacher.send({ type: 'end' })
    const closes = await Promise.all([teacher, ann, ...asking].map(({ closed }) => closed))
    assert.deepEqual(new Set(closes), new Set(['SESSION_ENDED']))
    const [session] = await listSessions(server, roomId)
    assert.equal(session?.status, 'ended')
    assert.deepEqual(await listDeeds(roomId), [['endSession', 'teacher', null]])
  })

  test('leaves an entry in the audit log of whom they removed, kept out and let back, and of locking and unlocking', async () => {
    const { roomId } = await makeRoom(server)
    const teacher = await enter(roomId, 'teacher', host)
    const ann = await enter(roomId, 'ann', guest)
    teacher.send({ type: 'remove', participantId: 'ann' })
    assert.equal(await ann.closed, 'REMOVED')
    const again = await enter(roomId, 'ann', guest)
    teacher.send({ type: 'remove', participantId: 'ann', keepOut: true })
    await again.closed
    await until(teacher, 'rules')
    for (const say of [
      { type: 'let-back', participantId: 'ann' },
      { type: 'lock', locked: true },
    ]) {
      teacher.send(say)
      await until(teacher, 'rules')
    }
    teacher.send({ type: 'lock', locked: false })
    assert.equal((await until(teacher, 'rules')).locked, false)
    await server.call('PUT', `/v2/rooms/${roomId}/lock`)
    assert.deepEqual(await listDeeds(roomId), [
      ['removeParticipant', 'teacher', 'ann'],
      ['keepOut', 'teacher', 'ann'],
      ['letBack', 'teacher', 'ann'],
      ['lockRoom', 'teacher', null],
      ['unlockRoom', 'teacher', null],
      ['lockRoom', null, null],
    ])
  })
})

test('a guest who asks for what only a host may is refused, and nothing of it happens', async () => {
  const { roomId } = await makeRoom(server)
  const teacher = await enter(roomId, 'teacher', host)
  const ann = await enter(roomId, 'ann', guest)
  for (const message of [
    { type: 'end' },
    { type: 'lock', locked: true },
    { type: 'mute-all' },
    { type: 'mute', participantId: 'teacher' },
    { type: 'remove', participantId: 'teacher', keepOut: true },
    { type: 'let-back', participantId: 'teacher' },
  ]) {
    ann.send(message)
    assert.equal((await ann.next('error')).code, 'FORBIDDEN', message.type)
  }
  const { body } = await server.call<Room>('GET', `/v2/rooms/${roomId}`)
  const kept = await server.call<KeptOutList>('GET', `/v2/rooms/${roomId}/kept-out`)
  assert.deepEqual([body.lockedAt, kept.body.data, await listDeeds(roomId)], [undefined, [], []])
  assert.equal((await teacher.next('participant-joined')).participantId, 'ann')
  assert.deepEqual(teacher.unread(), [])
})

test('a room that is made with an empty allowedParticipantIds takes everybody, and one that is closed can be opened again', async () => {
  const { roomId } = await makeRoom(server, { allowedParticipantIds: [] })
  assert.equal(await ask(roomId, await server.sign({ participantId: 'anybody' })), 'joined')
  await server.call('POST', '/v2/rooms/deactivate', { roomId })
  assert.equal(await ask(roomId, await server.sign()), 'INVALID_MEETING_ID')
  await server.call('POST', `/v2/rooms/${roomId}`, { status: 'enabled' })
  assert.equal(await ask(roomId, await server.sign()), 'joined')
})
