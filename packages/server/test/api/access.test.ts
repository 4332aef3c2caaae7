import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type {
  KeyScope,
  Permission,
  Room,
  ServerMessage,
  ShareWithUrl,
  Source,
  TokenClaims,
  UserRole,
} from '@rollcall/protocol'
import { createLink } from '../../src/api/auth/sign-in-link.ts'
import type { Key } from '../../src/store/keys/key.ts'
import { makeRoom } from '../support/api-calls.ts'
import { connect, join, type RtcClient } from '../support/clients/rtc-client.ts'
import { readTables } from '../support/documents/markdown-table.ts'
import { collectRoutes } from '../support/documents/registered-routes.ts'
import { quickHash } from '../support/quick-hash.ts'
import { recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { send, startServer, type TestServer } from '../support/start-server.ts'

const [, calls = [], joins = [], messages = []] = readTables('access.md')

let server: TestServer
let routes: string[]
before(async () => {
  routes = await collectRoutes(async () => {
    server = await startServer()
  })
})
after(() => server.stop())

/** Two rooms with a running session each, of which the first is asked about, and what else a path may name. */
type Scene = {
  room: Room
  sessionId: string
  /** Of a third room, where it is over. */
  endedId: string
  source: Source
  linkCode: string
  /** A good one, for whoever signs in by it. */
  token: string
  shareId: string
  shareCode: string
  webhookId: string
  deliveryId: string
  scheduleId: string
  inviteId: string
  inviteCode: string
  other: Room
}

const webhook = { endPoint: 'https://hook.invalid/', events: ['nothing'] }

async function makeScene(on: TestServer): Promise<Scene> {
  const [room, other] = [await makeRoom(on, { webhook }), await makeRoom(on)]
  const startAt = Date.now() - 60_000
  const stays = [{ participantId: 'anna', joinedAt: startAt }]
  const sessionId = await recordSession(on, { roomId: room.roomId, startAt, stays })
  await recordSession(on, { roomId: other.roomId, startAt, stays })
  const gone = { participantId: goneFrom(room), joinedAt: startAt - 1000, leftAt: startAt - 500 }
  const { roomId } = await makeRoom(on)
  const endedId = await recordSession(on, { roomId, startAt: startAt - 1000, endAt: startAt - 500, stays: [gone] })
  const { body: source } = await on.call<Source>('POST', '/v2/sources', { type: 'generic', name: 'ours' })
  const key = await on.context.reads.keys.find(on.apiKey)
  const keyId = key?.keyId ?? 0
  const [, linkCode = ''] = (await createLink({ keyId, apiKey: on.apiKey }, on.url, on.context)).split('#code=')
  const webhookId = `ep_${room.id}`
  const delivery = await on.context.writes.deliveries.sendTest({ keyId, id: webhookId })
  const { body: schedule } = await on.call<{ id: string }>('POST', '/v2/schedules', scheduleIn(room))
  const invited = await on.call<{ id: string; url: string }>('POST', `/v2/rooms/${room.roomId}/invites`)
  const invite = { inviteId: invited.body.id, inviteCode: new URL(invited.body.url).hash.slice(1) }
  const made = { deliveryId: delivery?.id ?? '', scheduleId: schedule.id, ...invite }
  const ids = { sessionId, endedId, webhookId, ...made }
  const { body: share } = await on.call<ShareWithUrl>('POST', '/v2/shares', { sessionId })
  const shared = { shareId: share.shareId, shareCode: share.url.split('#')[1] ?? '' }
  return { ...shared, room, source, linkCode, token: await on.sign({ roles: ['crawler'] }), other, ...ids }
}

function scheduleIn({ roomId }: Room) {
  return { name: 'Class', roomIds: [roomId], start: '2026-01-05T09:00', durationMinutes: 60, timeZone: 'UTC' }
}

/** Who left the first room for good. */
const goneFrom = ({ id }: Room) => `gone-${id}`

const password = 'correct horse battery'
const passwordHash = quickHash(password)
let counted = 0

/** What a call of each endpoint sends, where it sends anything. */
const bodies: { [endpoint: string]: (scene: Scene) => object | string } = {
  'POST /v2/sessions/end': ({ room }) => ({ roomId: room.roomId }),
  'POST /v2/sessions/participants/remove': ({ room }) => ({ roomId: room.roomId, participantId: 'anna' }),
  'POST /v2/rooms/:id': () => ({ status: 'enabled' }),
  'POST /v2/rooms/deactivate': ({ room }) => ({ roomId: room.roomId }),
  'POST /v1/meeting-sessions/:id/remove-participant': () => ({ participantId: 'anna' }),
  'POST /v2/events': () => ({ events: [{ id: '1', type: 'source-started', at: Date.now() }] }),
  'POST /v2/invites/open': ({ inviteCode }) => ({ code: inviteCode }),
  'POST /v2/links/redeem': ({ linkCode }) => ({ code: linkCode }),
  'POST /v2/sources': () => ({ type: 'generic', name: 'another' }),
  'PATCH /v2/sources/:id': () => ({ name: 'renamed' }),
  'POST /v2/imports': () => ({ data: [{ id: 'm', room: 'r', start_time: 1_549_391_714, duration: 60 }] }),
  'PUT /v2/people/:id': () => ({ participantIds: ['anna'] }),
  'POST /v2/keys': () => ({ name: 'for reports', scopes: ['read'] }),
  'PATCH /v2/keys/:apiKey': () => ({ name: 'renamed' }),
  'PATCH /v2/retention': () => ({ retentionDays: 30 }),
  'PATCH /v2/rooms/:id': () => ({ retentionDays: 30 }),
  'POST /v2/users': ({ room }) => ({ name: `somebody ${counted++}`, role: 'host', rooms: [room.roomId], password }),
  'PATCH /v2/users/:userId': () => ({ role: 'viewer' }),
  'POST /v2/users/:userId/password': () => ({ password }),
  'POST /v2/account/password': () => ({ current: password, password }),
  'POST /v2/account/key': () => ({ apiKey: server.apiKey }),
  'POST /v2/sign-in': ({ token }) => ({ token }),
  'POST /v2/shares': ({ sessionId }) => ({ sessionId }),
  'POST /v2/shares/open': ({ shareCode }) => ({ code: shareCode }),
  'POST /v2/schedules': ({ room }) => scheduleIn(room),
  'PUT /v2/schedules/:id': ({ room }) => scheduleIn(room),
  'PUT /v2/schedules/:id/roster': () => 'participantId\nanna\n',
  'POST /v2/schedules/import': () => 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n',
  'POST /v2/webhooks': () => webhook,
  'PATCH /v2/webhooks/:id': () => ({ events: ['test'] }),
  'POST /v2/webhooks/:id/replay': () => ({ failed: true }),
}

/** What a call that would be refused without it asks, after its path. */
const queries: { [endpoint: string]: string } = { 'POST /v2/imports': '?format=daily' }

function fill(
  path: string,
  { room, sessionId, source, webhookId, deliveryId, scheduleId, inviteId, shareId }: Scene,
  { apiKey, userId, signInId }: { apiKey: string; userId: string; signInId: string },
): string {
  const ids: { [noun: string]: string } = {
    rooms: room.roomId,
    meetings: room.roomId,
    prebuilt: room.roomId,
    sources: source.id,
    webhooks: webhookId,
    people: 'anna',
    schedules: scheduleId,
  }
  const values: { [name: string]: string } = {
    id: ids[path.split('/')[2] ?? ''] ?? sessionId,
    webhookId,
    deliveryId,
    inviteId,
    apiKey,
    userId,
    signInId,
    shareId,
    roomId: room.roomId,
    sessionId,
    meeting: sessionId,
    personId: 'anna',
    scheduleId,
    participantId: path.startsWith('/v2/participants/') ? goneFrom(room) : 'anna',
    sourceId: source.id,
    projectId: 'p_none',
    about: 'room',
    event: 'created',
    name: 'index.js',
  }
  return path.replaceAll(/:(\w+)/g, (_, name) => values[name] ?? assert.fail(`${path}: what is ${name}?`))
}

const furtherKeys = new Map<string, Promise<Key>>()

/** A key of the server's owner that has this scope alone. */
function keyWith(on: TestServer, scope: KeyScope): Promise<Key> {
  const name = `${on.url} ${scope}`
  const key = furtherKeys.get(name) ?? addKey(on, scope)
  furtherKeys.set(name, key)
  return key
}

async function addKey(on: TestServer, scope: KeyScope): Promise<Key> {
  const { keyId = 0 } = (await on.context.reads.keys.find(on.apiKey)) ?? {}
  return on.context.writes.scopedKeys.add({ keyId, name: scope, scopes: [scope], expiresAt: null })
}

/** The token of a column, with these permissions; null is none. */
async function signFor(on: TestServer, column: string, { room, other }: Scene, permissions?: Permission[]) {
  if (column === 'read' || column === 'ingest' || column === 'rooms') {
    const times = { now: on.context.clock.now(), lifetimeMs: 3_600_000 }
    return signToken(await keyWith(on, column), { roles: ['crawler'] }, times)
  }
  const claims: { [column: string]: Partial<TokenClaims> | null } = {
    'no token': null,
    rtc: { roles: ['rtc'] },
    'no roles': { roles: undefined as never },
    crawler: { roles: ['crawler'] },
    'bound to it': { roles: ['crawler'], roomId: room.roomId },
    'bound to another': { roles: ['crawler'], roomId: other.roomId },
  }
  const claimed = claims[column]
  if (claimed === undefined) assert.fail(`access.md: who is ${column}?`)
  return claimed === null ? null : on.sign({ ...claimed, ...(permissions && { permissions }) })
}

const rolesOf: { [column: string]: UserRole } = {
  viewer: 'viewer',
  'host of it': 'host',
  'host of another': 'host',
  administrator: 'administrator',
}

const noUser = { userId: '', cookie: '', signInId: '' }

/** A user of the server's owner, who is signed in in two browsers. */
async function addUser(on: TestServer, role: UserRole, rooms: string[]) {
  const { keyId = 0 } = (await on.context.reads.keys.find(on.apiKey)) ?? {}
  const name = `user ${counted++}`
  const { userId } = await on.context.writes.users.add({ keyId, name, role, rooms, passwordHash })
  const [secret, other] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')]
  for (const one of [other, secret]) {
    const about = { userId, token: null, browser: 'test', expiresAt: on.context.clock.now() + 3_600_000 }
    await on.context.writes.signIns.add({ keyId, digest: hash('sha256', one), ...about })
  }
  const [newest] = await on.context.reads.signIns.list(userId)
  return { userId, cookie: `rollcall-sign-in=${secret}`, signInId: newest?.signInId ?? '' }
}

/** The users of a scene, by their column. */
const usersOf = new WeakMap<Scene, Map<string, ReturnType<typeof addUser>>>()

/** The user of a column, or whoever a call of another is about. */
function userFor(on: TestServer, column: string, scene: Scene): ReturnType<typeof addUser> {
  const { room, other } = scene
  const role = rolesOf[column] ?? 'viewer'
  const known = usersOf.get(scene) ?? new Map<string, ReturnType<typeof addUser>>()
  usersOf.set(scene, known)
  const user =
    known.get(column) ??
    addUser(on, role, role === 'host' ? [column === 'host of it' ? room.roomId : other.roomId] : [])
  known.set(column, user)
  return user
}

/** What came back; of a list, whose things are in it: the columns that are bound to their rooms. */
type Answered = { status: number; code: unknown; whose: string[] }

/** Calls that take nothing of the scene away, and what else they do no other call here is about. */
const harmless = new Set([
  ...['POST /v1/meetings', 'POST /v1/meetings/:id', 'POST /v1/prebuilt/meetings/:id', 'POST /v2/rooms'],
  ...['POST /v2/rooms/:id', 'POST /v2/rooms/:id/invites', 'POST /v2/rooms/validate/:id', 'PATCH /v2/rooms/:id'],
  ...['POST /v2/account/key', 'POST /v2/imports', 'POST /v2/invites/open', 'POST /v2/keys', 'PATCH /v2/retention'],
  ...['PUT /v2/people/:id', 'POST /v2/schedules', 'PUT /v2/schedules/:id', 'PUT /v2/schedules/:id/roster'],
  ...['POST /v2/schedules/import', 'POST /v2/shares', 'POST /v2/shares/open', 'POST /v2/sign-in'],
  ...['POST /v2/sources', 'PATCH /v2/sources/:id', 'POST /v2/stream/cookie', 'POST /v2/users', 'POST /v2/webhooks'],
  ...['PATCH /v2/webhooks/:id', 'POST /v2/webhooks/:id/test'],
])

/** Who only reads, or is refused, or does no harm, leaves the scene to the next. */
const untouched = new Map<TestServer, Promise<Scene>>()

function sceneFor(on: TestServer): Promise<Scene> {
  const scene = untouched.get(on) ?? makeScene(on)
  untouched.set(on, scene)
  return scene
}

/** Nobody inside is told of it. */
async function keepOut(on: TestServer, roomId: string, participantId: string): Promise<void> {
  const { keyId = 0 } = (await on.context.reads.keys.find(on.apiKey)) ?? {}
  await on.context.writes.keptOut.add({ keyId, roomId, participantId, name: '', link: null, byParticipant: null })
}

async function call(on: TestServer, endpoint: string, column: string, permissions?: Permission[]): Promise<Answered> {
  const [method = '', path = ''] = endpoint.split(' ')
  const made = await sceneFor(on)
  // Who erases a session waits until it is over, and a room that is not in use.
  const scene = { ...made }
  if (endpoint === 'DELETE /v2/sessions/:id') scene.sessionId = made.endedId
  if (endpoint === 'DELETE /v2/rooms/:roomId') scene.room = (await on.call<Room>('POST', '/v2/rooms', {})).body
  if (endpoint === 'DELETE /v2/rooms/:id/kept-out/:participantId') await keepOut(on, scene.room.roomId, 'anna')
  const isUser = rolesOf[column] !== undefined
  const user = isUser || /:(userId|signInId)/.test(path) ? await userFor(on, column, made) : noUser
  const token = isUser ? null : await signFor(on, column, scene, permissions)
  if (endpoint === 'DELETE /v2/people/:id') await on.call('PUT', '/v2/people/anna', { participantIds: ['anna'] })
  // The dashboard's pages are for browsers.
  const accept = /^\/v\d\//.test(path) ? {} : { accept: 'text/html' }
  const headers = {
    ...(token !== null && { authorization: token }),
    ...(isUser && { cookie: user.cookie }),
    'content-type': 'application/json',
    ...accept,
  }
  const apiKey = path.includes(':apiKey') ? (await addKey(on, 'read')).apiKey : ''
  const sent = bodies[endpoint]?.(scene)
  const { status, body } = await send<{ code?: unknown; error?: unknown; data?: unknown }>(
    `${on.url}${fill(path, scene, { apiKey, ...user })}${queries[endpoint] ?? ''}`,
    method,
    headers,
    typeof sent === 'object' ? JSON.stringify(sent) : sent,
  )
  if (method !== 'GET' && status < 400 && !harmless.has(endpoint)) untouched.delete(on)
  const names = new Map([
    [scene.room.roomId, column.startsWith('host') ? 'host of it' : 'bound to it'],
    [scene.other.roomId, column.startsWith('host') ? 'host of another' : 'bound to another'],
  ])
  const nameOf = ({ roomId, room }: { roomId?: string; room?: string }) => names.get(roomId ?? room ?? '')
  const whose = Array.isArray(body.data) ? body.data.map((one) => nameOf(one) ?? 'bound to neither') : []
  return { status, code: body.code ?? body.error, whose }
}

function assertAnswered(cell: string | undefined, { status, code, whose }: Answered, column: string, what: string) {
  const unknown =
    column === 'no token' || rolesOf[column] !== undefined
      ? /^(TOKEN_MISSING|SIGNATURE_INVALID)$/
      : /^(TOKEN|SIGNATURE)_INVALID$/
  const codes: { [cell: string]: RegExp } = {
    400: /^authorization-header-error$/,
    401: unknown,
    403: /^(FORBIDDEN|forbidden-error)$/,
    404: /^((ROOM|SESSION)_NOT_FOUND|not-found)$/,
    503: /^BUSY$/,
  }
  const refusal = codes[cell ?? '']
  if (refusal !== undefined) {
    assert.equal(status, Number(cell), what)
    assert.match(String(code), refusal, what)
    return
  }
  assert.ok(cell === 'yes' || cell === 'own' || cell === 'file', `access.md: what is ${cell}?`)
  if (cell === 'file' && status === 404) assert.equal(code, 'NOT_FOUND', what)
  else assert.equal(status, 200, what)
  if (cell === 'own') assert.deepEqual(whose, [column], what)
}

describe('who may call what', () => {
  test('is told of every route that the server has, and of no other', () => {
    assert.deepEqual(calls.map(({ endpoint }) => endpoint).sort(), routes)
  })

  for (const { endpoint = '', ...cells } of calls) {
    test(`${endpoint} is answered to those whom docs/access.md names, and to nobody else`, async () => {
      for (const [column, cell] of Object.entries(cells)) {
        assertAnswered(cell, await call(server, endpoint, column), column, `${endpoint} by ${column}`)
      }
    })
  }

  test('does not depend on the token’s permissions', async () => {
    for (const { endpoint = '', crawler } of calls) {
      assertAnswered(crawler, await call(server, endpoint, 'crawler', []), 'crawler', `${endpoint} without permissions`)
    }
  })

  test('is of a token without roles, where these are strict, what is of one for joining', async () => {
    const strict = await startServer({ ROLLCALL_STRICT_ROLES: 'on' })
    try {
      for (const { endpoint = '', rtc } of calls) {
        const answer = await call(strict, endpoint, 'no roles')
        assertAnswered(rtc, answer, 'no roles', `${endpoint} without roles`)
      }
    } finally {
      await strict.stop()
    }
  })
})

describe('who may join a hosted room', () => {
  test('is as docs/access.md has it: by the key, the roles, and what the token is bound to', async () => {
    const disabled = await server.context.writes.keys.add({ name: null, email: null })
    await server.context.writes.keys.disable(disabled)
    const { room, other } = await makeScene(server)
    const times = { now: Date.now(), lifetimeMs: 3_600_000 }
    const signBy = async (scope: KeyScope) => signToken(await keyWith(server, scope), { roles: ['rtc'] }, times)
    const tokens: { [row: string]: string } = {
      'none that is good': `${await server.sign()}x`,
      'of a key that is unknown or disabled': await server.sign({ apikey: disabled.apiKey }),
      rtc: await server.sign({ roles: ['rtc'] }),
      'no roles': await server.sign({ roles: undefined as never }),
      crawler: await server.sign({ roles: ['crawler'] }),
      'rtc, bound to it': await server.sign({ roles: ['rtc'], roomId: room.roomId }),
      'rtc, bound to another': await server.sign({ roles: ['rtc'], roomId: other.roomId }),
      'rtc, bound to another participant': await server.sign({ roles: ['rtc'], participantId: 'ben' }),
      'rtc, of an invite that is revoked': await signRevoked(room),
      'rtc, of a key whose scopes are rooms': await signBy('rooms'),
      'rtc, of a key whose scopes are read or ingest': await signBy('read'),
    }
    assert.deepEqual(
      joins.map(({ token }) => token),
      Object.keys(tokens),
    )
    for (const row of joins) {
      const client = await ask(room.roomId, 'anna', tokens[row.token ?? ''] ?? '')
      assert.equal(await outcomeOf(client), row.join, row.token)
      client.socket.close()
    }
  })

  for (const { message = '', ...cells } of messages) {
    test(`${message} is allowed to those whose permissions docs/access.md names`, async () => {
      for (const [column, cell] of Object.entries(cells)) {
        const permissions = column === 'none' ? [] : (column.split(' and ') as Permission[])
        const { roomId } = await makeRoom(server)
        const host = await join(server, roomId, 'host')
        const anna = await ask(roomId, 'anna', await server.sign({ permissions }))
        const outcome = await outcomeOf(anna)
        if (message === 'join') assert.equal(outcome, cell, column)
        else if (outcome === 'INVALID_PERMISSIONS') assert.equal(cell, '', column)
        else {
          if (outcome === 'waits') {
            host.send({ type: 'admit', participantId: 'anna' })
            await anna.next('joined')
          }
          assert.equal(await say(message, roomId, host, anna), cell, column)
        }
        for (const { socket } of [host, anna]) socket.close()
      }
    })
  }
})

async function signRevoked({ roomId }: Room): Promise<string> {
  const path = `/v2/rooms/${roomId}/invites`
  const { body } = await server.call<{ id: string; token: string }>('POST', path)
  await server.call('DELETE', `${path}/${body.id}`)
  return body.token
}

async function ask(roomId: string, participantId: string, token: string): Promise<RtcClient> {
  const client = await connect(server)
  client.send({ type: 'join', token, roomId, participantId })
  return client
}

async function outcomeOf({ any, closed }: RtcClient): Promise<string> {
  const first = await any().catch(() => undefined)
  if (first?.type === 'joined') return 'yes'
  return first?.type === 'waiting' ? 'waits' : closed
}

async function until({ any }: RtcClient, type: ServerMessage['type']): Promise<ServerMessage> {
  for (;;) {
    const message = await any()
    if (message.type === type) return message
  }
}

/** Sends one message as Anna, who is inside: what became of it, as the others see it. */
async function say(
  type: string,
  roomId: string,
  host: Awaited<ReturnType<typeof join>>,
  anna: RtcClient,
): Promise<string> {
  const guest = await ask(roomId, 'guest', await server.sign({ permissions: ['ask_join'] }))
  await guest.next('waiting')
  if (type === 'let-back') await keepOut(server, roomId, 'kept out')
  const meant: { [type: string]: { says: object; seen: () => Promise<unknown> } } = {
    signal: { says: { to: host.joined.connectionId, data: 1 }, seen: () => until(host, 'signal') },
    mute: { says: { participantId: 'host' }, seen: () => until(host, 'mute') },
    remove: { says: { participantId: 'host' }, seen: () => host.closed },
    admit: { says: { participantId: 'guest' }, seen: () => guest.next('joined') },
    deny: { says: { participantId: 'guest' }, seen: () => guest.closed },
    'mute-all': { says: {}, seen: () => until(host, 'mute') },
    'admit-all': { says: {}, seen: () => guest.next('joined') },
    'let-back': { says: { participantId: 'kept out' }, seen: () => until(host, 'rules') },
    lock: { says: { locked: true }, seen: () => until(host, 'rules') },
    end: { says: {}, seen: () => host.closed },
  }
  const { says, seen } = meant[type] ?? assert.fail(`access.md: what is ${type}?`)
  anna.send({ type, ...says })
  const refused = until(anna, 'error').then(
    (error) => ('code' in error ? error.code : ''),
    () => anna.closed.then(() => 'yes'),
  )
  const outcome = await Promise.race([seen().then(() => 'yes'), refused])
  guest.socket.close()
  return outcome
}
