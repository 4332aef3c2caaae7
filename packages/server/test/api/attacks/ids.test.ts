import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { roomIdPattern } from '@rollcall/protocol'
import type { OpenApiDocument } from '../../../src/api/openapi/openapi-document.ts'
import { withoutTime } from '../../support/api-calls.ts'
import { describeServer } from '../../support/documents/openapi-check.ts'
import { addNeighbour, recordSession } from '../../support/record-session.ts'
import { signToken } from '../../support/sign-token.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'

// Whatever somebody may not see is, byte for byte, what does not exist: each route is asked for both, and the answers compared.

/** Somebody’s things, or things that do not exist: the ids by which a route may be asked for them. */
type Ids = {
  rooms: string[]
  sessions: string[]
  participants: string[]
  sources: string[]
  webhooks: string[]
  deliveries: string[]
  schedules: string[]
  users: string[]
  shares: string[]
  keys: string[]
  invites: string[]
}

const nothing: Ids = {
  rooms: ['zzzz-zzzz-zzzz', 'no such room', 'ffffffffffffffffffffffff'],
  sessions: ['ffffffffffffffffffffffff', 'eeeeeeeeeeeeeeeeeeeeeeee'],
  participants: ['nobody', 'nobody else'],
  sources: ['no-such-source-at-all'],
  webhooks: ['no-such-endpoint-at-all'],
  deliveries: ['no-such-delivery-at-all'],
  schedules: ['ffffffffffffffffffffffff'],
  users: ['no-such-user-at-all'],
  shares: ['no-such-share-at-all'],
  keys: ['no-such-key-at-all'],
  invites: ['ffffffffffffffffffffffff'],
}

/** What each parameter of a path stands for, by its name or the step before it. */
const kinds: { [step: string]: keyof Ids } = {
  meeting: 'sessions',
  rooms: 'rooms',
  validate: 'rooms',
  sessions: 'sessions',
  meetings: 'rooms',
  'meeting-sessions': 'sessions',
  participants: 'participants',
  people: 'participants',
  participant: 'participants',
  sources: 'sources',
  webhooks: 'webhooks',
  deliveries: 'deliveries',
  schedules: 'schedules',
  users: 'users',
  shares: 'shares',
  keys: 'keys',
  invites: 'invites',
  'kept-out': 'participants',
}

/** A schedule of this room, as it is sent. */
function scheduleIn(roomId: string) {
  return { name: 'Class', roomIds: [roomId], start: '2026-01-05T09:00', durationMinutes: 60, timeZone: 'UTC' }
}

/** What has to be in the body beside an id in the path. */
const bodies: { [route: string]: object } = {
  'POST /v2/rooms/{id}': { status: 'disabled' },
  'POST /v1/meeting-sessions/{id}/remove-participant': { participantId: 'anna' },
  'PUT /v2/people/{id}': { participantIds: ['whoever'] },
  'PATCH /v2/keys/{apiKey}': { name: 'whose' },
  'PATCH /v2/rooms/{id}': { retentionDays: 30 },
  'PUT /v2/schedules/{id}': scheduleIn('no such room'),
  'PATCH /v2/users/{userId}': { role: 'viewer' },
}

/** Routes whose ids are in the body or in the query. */
const others: { method: string; path: string; ids: (ids: Ids) => { id: string; query?: string; body?: object }[] }[] = [
  {
    method: 'POST',
    path: '/v2/sessions/end',
    ids: ({ rooms, sessions }) => [
      ...rooms.flatMap((id) => [
        { id, body: { roomId: id } },
        { id, body: { meetingId: id, ignoreClosed: true } },
      ]),
      ...sessions.map((id) => ({ id, body: { sessionId: id } })),
    ],
  },
  {
    method: 'POST',
    path: '/v2/sessions/participants/remove',
    ids: ({ rooms, sessions }) => [
      ...rooms.map((id) => ({ id, body: { roomId: id, participantId: 'anna' } })),
      ...sessions.map((id) => ({ id, body: { sessionId: id, participantId: 'anna' } })),
    ],
  },
  {
    method: 'POST',
    path: '/v2/rooms/deactivate',
    ids: ({ rooms }) => rooms.map((id) => ({ id, body: { roomId: id } })),
  },
  {
    method: 'GET',
    path: '/v2/sessions',
    ids: ({ rooms, participants }) => [
      ...rooms.flatMap((id) => ['roomId', 'customRoomId', 'query'].map((name) => ({ id, query: `${name}=${id}` }))),
      ...participants.map((id) => ({ id, query: `participantId=${id}` })),
    ],
  },
  {
    method: 'GET',
    path: '/v1/meeting-sessions',
    ids: ({ rooms }) =>
      rooms.flatMap((id) => ['meetingId', 'userMeetingId'].map((name) => ({ id, query: `${name}=${id}` }))),
  },
  {
    method: 'GET',
    path: '/daily/v1/meetings',
    ids: ({ rooms, sessions }) => [
      ...rooms.map((id) => ({ id, query: `room=${id}` })),
      ...sessions.flatMap((id) => ['starting_after', 'ending_before'].map((name) => ({ id, query: `${name}=${id}` }))),
    ],
  },
  ...['attendance', 'usage'].map((what) => ({
    method: 'GET',
    path: `/v2/${what}`,
    ids: ({ rooms }: Ids) => rooms.map((id) => ({ id, query: `from=2026-01-01&to=2026-02-01&roomId=${id}` })),
  })),
  {
    method: 'GET',
    path: '/v2/rooms',
    ids: ({ rooms }) => rooms.map((id) => ({ id, query: `query=${id}` })),
  },
  {
    method: 'GET',
    path: '/v1/meetings',
    ids: ({ rooms }) => rooms.map((id) => ({ id, query: `query=${id}` })),
  },
  {
    method: 'GET',
    path: '/v2/webhooks',
    ids: ({ rooms }) => rooms.map((id) => ({ id, query: `roomId=${id}` })),
  },
  {
    method: 'GET',
    path: '/v2/attendance',
    ids: ({ schedules }) => schedules.map((id) => ({ id, query: `per=occurrence&scheduleId=${id}` })),
  },
  {
    method: 'GET',
    path: '/v2/schedules',
    ids: ({ rooms }) => rooms.map((id) => ({ id, query: `roomId=${id}` })),
  },
  {
    method: 'POST',
    path: '/v2/shares',
    ids: ({ sessions, participants }) => [
      ...sessions.map((id) => ({ id, body: { sessionId: id } })),
      ...participants.map((id) => ({ id, body: { personId: id } })),
    ],
  },
  {
    method: 'POST',
    path: '/v2/schedules',
    ids: ({ rooms }) => rooms.map((id) => ({ id, body: scheduleIn(id) })),
  },
]

let server: TestServer
let document: OpenApiDocument
/** Of another key. */
let theirs: Ids
/** Of this key, in another room than the one that a token is bound to. */
let elsewhere: Ids
let ownToken: string
let boundToken: string
let theirToken: string

before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
  document = (await describeServer(server.url)).document
  const neighbour = await addNeighbour(server)
  theirs = await makeThings(neighbour.apiKey)
  elsewhere = await makeThings(server.apiKey)
  const { body: own } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: 'own' })
  ownToken = await server.sign()
  theirToken = await signToken(neighbour, { roles: ['crawler'] }, { now: Date.now(), lifetimeMs: 600_000 })
  boundToken = await server.sign({ roles: ['crawler'], roomId: own.roomId })
})
after(() => server.stop())

/** A room with a session that runs and one that ended, and two people in each. */
async function makeThings(apiKey: string): Promise<Ids> {
  const key = (await server.context.reads.keys.find(apiKey)) ?? assert.fail()
  const customRoomId = `room of ${apiKey}`
  const room = await server.context.writes.rooms.create({ keyId: key.keyId, customRoomId })
  const { roomId } = room
  const source = await server.context.writes.sources.add({
    keyId: key.keyId,
    type: 'jitsi',
    name: 'ours',
    settings: {},
  })
  const webhook = await addWebhook(key.keyId)
  const furtherKey = await server.context.writes.scopedKeys.add({
    ...{ keyId: key.keyId, name: 'theirs', scopes: ['read'], expiresAt: null },
  })
  const share = await server.context.writes.shares.add({
    ...{ keyId: key.keyId, sessionId: null, personId: 'anybody', digest: `of ${apiKey}`, createdBy: null },
    expiresAt: Date.now() + 3_600_000,
  })
  const user = await server.context.writes.users.add({
    ...{ keyId: key.keyId, name: `anna of ${apiKey}`, role: 'viewer', rooms: [], passwordHash: null },
  })
  const schedule = await server.context.writes.schedules.save({
    ...{ keyId: key.keyId, name: 'Class', roomIds: [roomId], startLocal: '2026-01-05T09:00:00', timeZone: 'UTC' },
    ...{ rrule: '', exdates: [], durationMinutes: 60, graceMinutes: 5 },
  })
  const now = Date.now()
  const invite = await server.context.writes.invites.add({
    ...{ keyId: key.keyId, roomId, apiKey, participantId: null, name: null, look: null, permissions: ['allow_join'] },
    ...{ digest: `of ${apiKey}`, expiresAt: now + 3_600_000 },
  })
  const participants = [`anna of ${apiKey}`, `ben of ${apiKey}`]
  const stay = (n: number, joinedAt: number) => ({ participantId: participants[n] ?? '', joinedAt })
  const sessions = [
    await recordSession({ ...server, apiKey }, { roomId, startAt: now - 5000, stays: [stay(0, now - 5000)] }),
    await recordSession(
      { ...server, apiKey },
      { roomId, startAt: now - 9000, endAt: now - 8000, stays: [stay(1, now - 9000)] },
    ),
  ]
  return {
    rooms: [roomId, customRoomId, room.id],
    sessions,
    participants,
    sources: [source.id],
    webhooks: [webhook.id],
    deliveries: [webhook.deliveryId],
    schedules: [schedule?.id ?? ''],
    users: [user.userId],
    shares: [share.shareId],
    keys: [furtherKey.apiKey],
    invites: [invite?.id ?? ''],
  }
}

/** An endpoint with one delivery; nothing is sent, for the server does not call its own machine. */
async function addWebhook(keyId: number): Promise<{ id: string; deliveryId: string }> {
  const { id } = await server.context.writes.webhooks.add({ keyId, endPoint: 'http://127.0.0.1:9/', events: ['none'] })
  const delivery = (await server.context.writes.deliveries.sendTest({ keyId, id })) ?? assert.fail()
  return { id, deliveryId: delivery.id }
}

type Asked = { method: string; path: string; body?: unknown; ids: string[] }

/** Every way to ask every route of the server for these things. */
function listAsked(ids: Ids): Asked[] {
  const inPaths = Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.entries(operations).flatMap(([method, { security }]) => {
      // What takes no token knows no caller: there the id itself is the secret. LiveKit's tokens have a test of their own.
      if (security?.every((scheme) => !('token' in scheme))) return []
      const body = bodies[`${method.toUpperCase()} ${template}`]
      // By a name that is another key's, everybody gets a room of their own.
      const isTaken = (id: string) => !template.startsWith('/v1/prebuilt/') || roomIdPattern.test(id)
      const filled = fill(template, ids).filter((one) => one.ids.every(isTaken))
      return filled.map((one) => ({ method: method.toUpperCase(), body, ...one }))
    }),
  )
  const inOthers = others.flatMap(({ method, path, ids: list }) =>
    list(ids).map(({ id, query, body }) => ({
      method,
      path: query === undefined ? path : `${path}?${encodeURI(query)}`,
      body,
      ids: [id],
    })),
  )
  return [...inPaths, ...inOthers]
}

/** The path with each of the ids that its parameters may stand for; none where it has no parameter. */
function fill(template: string, ids: Ids): { path: string; ids: string[] }[] {
  const steps = template.split('/')
  let filled: { path: string[]; ids: string[] }[] = [{ path: [], ids: [] }]
  for (const [i, step] of steps.entries()) {
    if (!step.startsWith('{')) {
      filled = filled.map(({ path, ids }) => ({ path: [...path, step], ids }))
      continue
    }
    const kind =
      kinds[step.slice(1, -1)] ??
      kinds[steps[i - 1] ?? ''] ??
      assert.fail(`${template}: say in this test what ${step} stands for`)
    filled = filled.flatMap(({ path, ids: before }) =>
      ids[kind].map((id) => ({ path: [...path, encodeURIComponent(id)], ids: [...before, id] })),
    )
  }
  return filled.filter(({ ids }) => ids.length > 0).map(({ path, ids }) => ({ path: path.join('/'), ids }))
}

/** An answer without what differs from one request to the next, and with each id that was asked for by its place. */
async function ask({ method, path, body, ids }: Asked, token: string): Promise<string> {
  const answer = await server.call(method, path, body, { token, headers: { 'x-request-id': 'same' } })
  const { 'content-length': length, ...headers } = withoutTime(answer.headers)
  const told = JSON.stringify({ status: answer.status, headers, text: answer.text })
  return ids.reduce((text, id, i) => text.replaceAll(id, `<id ${i}>`), told)
}

describe('every route answers for what the caller may not see as for what does not exist', () => {
  const cases: [what: string, ids: () => Ids, token: () => string][] = [
    ['another key’s things', () => theirs, () => ownToken],
    ['things of another room than the token is bound to', () => elsewhere, () => boundToken],
  ]
  for (const [what, ids, token] of cases) {
    test(`byte for byte: ${what}`, async () => {
      const asked = listAsked(ids())
      const unknown = listAsked(nothing)
      assert.equal(asked.length, unknown.length)
      for (const [i, one] of asked.entries()) {
        const expected = await ask(unknown[i] ?? assert.fail(), token())
        assert.equal(await ask(one, token()), expected, `${one.method} ${one.path} ${JSON.stringify(one.body)}`)
        // A route that takes no token that is bound to a room tells nothing either.
        const isTold = /^\{"status":(404|403)/.test(expected) || /\\"(total\\":0[,}]|data\\":\[\]\})/.test(expected)
        assert.ok(isTold, `${one.method} ${one.path}: ${expected}`)
      }
    })
  }

  test('byte for byte: another key’s delivery at one’s own endpoint', async () => {
    const { keyId } = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
    const { id } = await addWebhook(keyId)
    const [theirId = '', unknownId = ''] = [...theirs.deliveries, ...nothing.deliveries]
    const path = (deliveryId: string) => `/v2/webhooks/${id}/deliveries/${deliveryId}/replay`
    const [their, unknown] = await Promise.all(
      [theirId, unknownId].map((one) => ask({ method: 'POST', path: path(one), ids: [one] }, ownToken)),
    )
    assert.match(unknown ?? '', /"status":404/)
    assert.equal(their, unknown)
  })

  test('and their owner, by the same ids, is told of them', async () => {
    for (const { method, path, ids } of listAsked(theirs)) {
      // Not everybody was in each session, and a list is not asked by a room's third id.
      const isList = path.includes('?query=')
      if (method !== 'GET' || ids.length > 1 || (isList && ids[0] === theirs.rooms[2])) continue
      const { status, text } = await server.call(method, path, undefined, { token: theirToken })
      assert.equal(status, 200, path)
      if (isList) assert.doesNotMatch(text, /"total":0[,}]/, path)
    }
  })
})
