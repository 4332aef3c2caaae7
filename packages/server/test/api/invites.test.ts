import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isGuestId, type OpenedInvite, type Permission, type Room } from '@rollcall/protocol'
import { decodeJwt } from 'jose'
import { rtcLimits } from '../../src/rooms/limits.ts'
import { form, listSessions, makeRoom } from '../support/api-calls.ts'
import { connect, join } from '../support/clients/rtc-client.ts'
import { addNeighbour } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

type Invite = {
  url: string
  token: string
  expiresAt: string
  id: string
  participantId: string | null
  name: string | null
  revokedAt: string | null
}

let now = Date.now()
let server: TestServer
let room: Room
before(async () => {
  server = await startServer({}, { clock: { now: () => now } })
  room = await makeRoom(server, { customRoomId: 'for guests' })
})
after(() => server.stop())

function invite(body?: unknown, id = room.roomId, token?: string) {
  const options = token === undefined ? {} : { token }
  return server.call<Invite & { code?: string; error?: string }>('POST', `/v2/rooms/${id}/invites`, body, options)
}

function open({ url }: Pick<Invite, 'url'>) {
  const code = new URL(url).hash.slice(1)
  return server.call<OpenedInvite & { code?: string; error?: string }>(
    'POST',
    '/v2/invites/open',
    { code },
    { token: null },
  )
}

/** Joins as whoever the token says, under the name that they type. */
async function enter(token: string, name?: string, participantId?: string) {
  const client = await connect(server)
  client.send({
    type: 'join',
    token,
    roomId: room.roomId,
    ...(name && { name }),
    ...(participantId && { participantId }),
  })
  return { ...client, joined: await client.next('joined') }
}

async function leave(...clients: { send(message: object): void; closed: Promise<string> }[]) {
  for (const client of clients) client.send({ type: 'leave' })
  await Promise.all(clients.map(({ closed }) => closed))
}

/** Who was in the newest session of the room, as the record has them. */
async function listPeople() {
  const [session] = await listSessions(server, room.roomId)
  return session?.participants ?? []
}

async function refusalAs(token: string, participantId: string): Promise<string> {
  const client = await connect(server)
  client.send({ type: 'join', token, roomId: room.roomId, participantId })
  return client.closed
}

async function refusal(roomId: string, token: string): Promise<string> {
  const client = await connect(server)
  client.send({ type: 'join', token, roomId, participantId: 'guest' })
  return client.closed
}

describe('POST /v2/rooms/:id/invites', () => {
  test('answers a short link, whose code no server on the way is told, and no table holds', async () => {
    const { status, body } = await invite({ name: 'Anna & Ben' })
    assert.equal(status, 200)
    const { origin, pathname, search, hash } = new URL(body.url)
    assert.deepEqual([origin, pathname, search], [server.url, '/j', ''])
    assert.match(hash, /^#[a-z2-9]{14}$/)
    assert.ok(body.url.length - origin.length < 20)
    const kept = await server.context.reads.invites.find(1, body.id)
    assert.equal(kept?.name, 'Anna & Ben')
    assert.ok(!JSON.stringify(kept).includes(hash.slice(1)))
  })

  test('is made by any of the room’s ids, and its link by the public address of the settings', async () => {
    for (const id of ['for%20guests', room.id]) {
      assert.equal((await open((await invite({}, id)).body)).body.roomId, room.roomId)
    }
    const settled = await startServer({ ROLLCALL_PUBLIC_URL: 'https://rooms.example/meet/' })
    try {
      const { roomId } = await makeRoom(settled)
      const { body } = await settled.call<Invite>('POST', `/v2/rooms/${roomId}/invites`)
      assert.ok(body.url.startsWith('https://rooms.example/meet/j#'), body.url)
    } finally {
      await settled.stop()
    }
  })

  test('gives a token that joins that room and no other, and cannot call the API', async () => {
    const { token } = (await invite()).body
    const guest = await join(server, room.roomId, 'guest', token)
    assert.deepEqual(guest.joined.roomId, room.roomId)
    guest.socket.close()
    const other = await makeRoom(server)
    assert.equal(await refusal(other.roomId, token), 'UNAUTHORIZED_ROOM_ID')
    for (const path of [`/v2/rooms/${room.roomId}`, '/v2/sessions']) {
      const { status, body } = await server.call('GET', path, undefined, { token })
      assert.deepEqual([status, body.code], [403, 'FORBIDDEN'])
    }
    assert.equal((await invite({}, room.roomId, token)).status, 403)
  })

  test('allows what it was asked to: joining alone where nothing was said, asking where that was', async () => {
    const permissionsOf = async (permissions?: Permission[]) =>
      decodeJwt((await invite({ permissions })).body.token).permissions
    assert.deepEqual(await permissionsOf(), ['allow_join'])
    assert.deepEqual(await permissionsOf(['ask_join', 'allow_mod']), ['ask_join', 'allow_mod'])
    const { token } = (await invite({ permissions: ['ask_join'] })).body
    const client = await connect(server)
    client.send({ type: 'join', token, roomId: room.roomId, participantId: 'guest' })
    await client.next('waiting')
    client.socket.close()
  })

  test('is good for a day, or for as long as was asked, and then no more', async () => {
    const day = (await invite()).body
    const minute = (await invite({ expiresInSeconds: 60 })).body
    for (const [{ token, expiresAt }, lifetimeSeconds] of [
      [day, 24 * 3600],
      [minute, 60],
    ] as const) {
      const { iat = 0, exp = 0 } = decodeJwt(token)
      assert.deepEqual([exp - iat, Date.parse(expiresAt)], [lifetimeSeconds, exp * 1000])
    }
    now = Date.parse(minute.expiresAt) - 1
    ;(await join(server, room.roomId, 'guest', minute.token)).socket.close()
    now += 1
    assert.equal(await refusal(room.roomId, minute.token), 'INVALID_TOKEN')
    ;(await join(server, room.roomId, 'guest', day.token)).socket.close()
  })

  test('takes a token that names crawler and is bound to no room; 403 for every other', async () => {
    const bound = await server.sign({ roomId: room.roomId })
    for (const token of [
      await server.sign({ roles: undefined as never }),
      await server.sign({ roles: ['rtc'] }),
      bound,
    ]) {
      const { status, body } = await invite({}, room.roomId, token)
      assert.deepEqual([status, body.code], [403, 'FORBIDDEN'])
    }
    assert.equal((await invite({}, room.roomId, await server.sign({ roles: 'crawler' }))).status, 200)
  })

  test('into a room that is disabled is 409, unknown 404, another key’s 404 alike', async () => {
    const { roomId } = await makeRoom(server)
    await server.call('POST', `/v2/rooms/${roomId}`, { status: 'disabled' })
    const disabled = await invite({}, roomId)
    assert.deepEqual([disabled.status, disabled.body.code], [409, 'CONFLICT'])
    assert.equal(disabled.body.error, `Room ${roomId} is disabled: nobody can join it`)
    const claims = { roles: ['crawler' as const] }
    const foreign = await signToken(await addNeighbour(server), claims, { now, lifetimeMs: 60_000 })
    for (const [id, token] of [
      ['abcd-efgh-ijkl', await server.sign()],
      [room.roomId, foreign],
    ]) {
      const { status, body } = await invite({}, id, token)
      assert.deepEqual([status, body.error], [404, `Room ${id} not found`])
    }
  })

  test('refuses a wrong value, naming the field and what it takes', async () => {
    const wrong: [object, RegExp][] = [
      [{ name: 7 }, /^name=7 is not understood: it takes a text of at most 512 characters$/],
      [{ name: 'x'.repeat(513) }, /^name=x{60}… is not understood: it takes a text/],
      [{ permissions: [] }, /^permissions=\[\] is not understood: it takes a list of some of allow_join, ask_join,/],
      [{ permissions: ['fly'] }, /^permissions=\["fly"\] is not understood/],
      [{ permissions: 'ask_join' }, /^permissions=ask_join is not understood: it takes a list/],
      [{ expiresInSeconds: 0 }, /^expiresInSeconds=0 is not understood: it takes a whole number of seconds from 1 to/],
      [{ expiresInSeconds: 1.5 }, /^expiresInSeconds=1\.5 is not understood/],
      [{ expiresInSeconds: 1e9 }, /^expiresInSeconds=1000000000 is not understood/],
    ]
    for (const [body, message] of wrong) {
      const answer = await invite(body)
      assert.equal(answer.status, 400, JSON.stringify(body))
      assert.match(String(answer.body.error), message)
    }
  })

  test('takes a form', async () => {
    const text = 'name=Anna&permissions%5B%5D=ask_join&expiresInSeconds=60'
    const { status, body } = await server.call<Invite>('POST', `/v2/rooms/${room.roomId}/invites`, text, {
      headers: form,
    })
    assert.equal(status, 200)
    const { permissions, iat = 0, exp = 0 } = decodeJwt(body.token)
    assert.deepEqual([permissions, exp - iat], [['ask_join'], 60])
  })
})

describe('an invite with a name', () => {
  test('is one person: in two tabs, on two devices, next week, and whatever name is typed', async () => {
    const { body } = await invite({ name: 'Ms Lovelace' })
    const [laptop, phone] = [(await open(body)).body, (await open(body)).body]
    assert.deepEqual([laptop.participantId, laptop.name, laptop.isForMany], [body.participantId, 'Ms Lovelace', false])
    assert.equal(phone.participantId, laptop.participantId)
    const first = await enter(laptop.token, 'Somebody else')
    assert.deepEqual([first.joined.name, first.joined.nameSource], ['Ms Lovelace', 'bound'])
    const second = await enter(phone.token)
    assert.equal(await first.closed, 'DUPLICATE_PARTICIPANT')
    assert.equal(await refusalAs(phone.token, 'another'), 'INVALID_PARTICIPANT_ID')
    await leave(second)
    const people = (await listPeople()).filter(({ name }) => name === 'Ms Lovelace')
    assert.deepEqual(
      people.map(({ participantId, nameSource }) => [participantId, nameSource]),
      [[body.participantId, 'bound']],
    )
  })

  test('is the person whom its participantId names, by this invite and by the next', async () => {
    for (let i = 0; i < 2; i++) {
      const { body } = await invite({ name: 'Cem', participantId: 'cem@school' })
      assert.equal((await open(body)).body.participantId, 'cem@school')
    }
  })

  test('keeps who it names from whoever says that they are them', async () => {
    const { body } = await invite({ name: 'Dora' })
    const { token } = (await invite()).body
    assert.equal(await refusalAs(token, String(body.participantId)), 'INVALID_PARTICIPANT_ID')
    assert.equal(await refusalAs(await server.sign(), String(body.participantId)), 'INVALID_PARTICIPANT_ID')
  })
})

describe('an invite for many', () => {
  test('makes each who opens it a person of their own, whose name is one that was typed, inside and in the record', async () => {
    const { body } = await invite()
    const [eve, finn] = [(await open(body)).body, (await open(body)).body]
    assert.ok(eve.isForMany && isGuestId(eve.participantId) && eve.participantId !== finn.participantId)
    const first = await enter(eve.token, 'Eve')
    const second = await enter(finn.token, 'Finn')
    assert.deepEqual(
      second.joined.participants.map(({ name, nameSource }) => [name, nameSource]),
      [['Eve', 'typed']],
    )
    assert.equal(await refusalAs(body.token, eve.participantId), 'INVALID_PARTICIPANT_ID')
    await leave(first, second)
    const typed = (await listPeople()).filter(({ name }) => name === 'Eve' || name === 'Finn')
    assert.deepEqual(
      typed.map(({ nameSource }) => nameSource),
      ['typed', 'typed'],
    )
  })

  test('marks a typed name that looks like one which somebody else is invited under, to all inside and in the record', async () => {
    const teacher = (await open((await invite({ name: 'Jürgen Groß' })).body)).body
    const watching = await enter(teacher.token)
    const link = (await invite()).body
    const said = ['jurgen  GROSS', 'Jürgеn Groß', 'Ｊürgen Gro\u200bß', 'Jurgen']
    for (const name of said) {
      const guest = await enter((await open(link)).body.token, name)
      const told = await watching.next('participant-joined')
      const expected = name === 'Jurgen' ? 'typed' : 'alike'
      assert.deepEqual([told.nameSource, guest.joined.nameSource], [expected, expected], name)
      await leave(guest)
      await watching.next('participant-left')
    }
    await leave(watching)
    const kept = (await listPeople()).filter(({ name }) => said.includes(name))
    assert.deepEqual(
      said.map((name) => kept.find((one) => one.name === name)?.nameSource),
      ['alike', 'alike', 'alike', 'typed'],
    )
  })

  test('marks who has typed a name once somebody whose token says it comes in', async () => {
    const guest = await enter((await open((await invite()).body)).body.token, 'Prof. Noether')
    assert.equal(guest.joined.nameSource, 'typed')
    const token = await server.sign({ participantId: 'noether', name: 'prof noether' })
    const bound = await enter(token)
    const marked = await guest.next('name-marked')
    assert.deepEqual([marked.participantId, marked.nameSource], [guest.joined.participantId, 'alike'])
    await leave(guest, bound)
    const kept = (await listPeople()).find(({ participantId }) => participantId === guest.joined.participantId)
    assert.equal(kept?.nameSource, 'alike')
  })

  test('brings in no more than its joins, however many tokens are made of it', async () => {
    const limits = { ...rtcLimits, joinsPerToken: 3, joinsMs: 3_600_000 }
    const bounded = await startServer({ ROLLCALL_ROOM_MAX: '1' }, { rtcLimits: limits })
    try {
      const { roomId } = await makeRoom(bounded)
      const { body } = await bounded.call<Invite>('POST', `/v2/rooms/${roomId}/invites`)
      const code = new URL(body.url).hash.slice(1)
      const joinByLink = async () => {
        const { token } = (await bounded.call<OpenedInvite>('POST', '/v2/invites/open', { code })).body
        const client = await connect(bounded)
        client.send({ type: 'join', token, roomId })
        return client
      }
      for (let i = 0; i < 3; i++) {
        const client = await joinByLink()
        await client.next('joined')
        await leave(client)
      }
      assert.equal(await (await joinByLink()).closed, 'TOO_MANY_JOINS')
    } finally {
      await bounded.stop()
    }
  })
})

describe('a link', () => {
  test('that is revoked lets nobody in, by its code or its token; whoever is inside stays, and it says so in its list', async () => {
    const { body } = await invite({ name: 'Gil' })
    const inside = await enter((await open(body)).body.token)
    const path = `/v2/rooms/${room.roomId}/invites`
    const revoked = await server.call<Invite>('DELETE', `${path}/${body.id}`)
    assert.deepEqual([revoked.status, typeof revoked.body.revokedAt], [200, 'string'])
    assert.equal((await open(body)).status, 404)
    assert.equal(await refusalAs(body.token, String(body.participantId)), 'INVALID_TOKEN')
    assert.equal(inside.socket.readyState, inside.socket.OPEN)
    await leave(inside)
    const listed = await server.call<{ data: Invite[] }>('GET', `${path}?perPage=1000`)
    const one = listed.body.data.find(({ id }) => id === body.id)
    assert.deepEqual([one?.name, one?.revokedAt], ['Gil', revoked.body.revokedAt])
    assert.ok(!listed.text.includes(body.token) && !listed.text.includes('url'))
    const again = await server.call<Invite>('DELETE', `${path}/${body.id}`)
    assert.equal(again.body.revokedAt, revoked.body.revokedAt)
  })

  test('that is unknown, revoked, too old, or of a key that is over is answered alike', async () => {
    const [revoked, old] = [(await invite()).body, (await invite({ expiresInSeconds: 60 })).body]
    await server.call('DELETE', `/v2/rooms/${room.roomId}/invites/${revoked.id}`)
    const { body: further } = await server.call<{ apiKey: string; secret: string }>('POST', '/v2/keys', {
      name: 'for rooms',
      scopes: ['rooms'],
    })
    const token = await signToken(further, { roles: ['crawler'] }, { now, lifetimeMs: 60_000 })
    const ofOther = (await invite({}, room.roomId, token)).body
    await server.call('DELETE', `/v2/keys/${further.apiKey}`)
    now = Date.parse(old.expiresAt)
    const answers = await Promise.all(
      [revoked, old, ofOther, { url: `${server.url}/j#aaaaaaaaaaaaaa` }].map(async (link) => {
        const { status, body } = await open(link)
        return [status, body.code, body.error]
      }),
    )
    const [first] = answers
    assert.deepEqual([first?.[0], first?.[1]], [404, 'INVITE_NOT_FOUND'])
    for (const answer of answers) assert.deepEqual(answer, first)
  })

  test('of the form that links had before goes on working: a token of a room, without an invite', async () => {
    const token = await server.sign({ roomId: room.roomId, roles: ['rtc'], permissions: ['allow_join'] })
    const guest = await enter(token, 'Hana', 'hana')
    assert.deepEqual([guest.joined.participantId, guest.joined.nameSource], ['hana', 'typed'])
    await leave(guest)
  })
})
