import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { ownerKeysMax, sharesMax, type TokenClaims, Webhooks } from '@rollcall/protocol'
import { SignJWT } from 'jose'
import { createLink } from '../../../src/api/auth/sign-in-link.ts'
import type { Content } from '../../../src/api/openapi/openapi-document.ts'
import { keptOutMax } from '../../../src/store/kept-out.ts'
import { webhookLimits } from '../../../src/webhooks/limits.ts'
import { Refusal } from '../../support/built-server.ts'
import { startReceiver } from '../../support/clients/webhook-receiver.ts'
import { describeServer, toPointer } from '../../support/documents/openapi-check.ts'
import { deliverAsLivekit } from '../../support/senders/source-client.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'
import { until } from '../../support/until.ts'

// The document's examples are answers of a real server, and webhooks as they were received. UPDATE_EXAMPLES=1 writes them anew: look at what changed.

type Examples = {
  operations: { [operationId: string]: { body?: unknown; answers: { [status: string]: unknown } } }
  errors: { [status: string]: unknown }
  webhooks: { [type: string]: unknown }
}

const path = join(import.meta.dirname, '../../../src/api/openapi/openapi-examples.json')
const at = Date.parse('2026-01-15T12:20:00.000Z')
const minuteMs = 60_000
const settings = {
  ROLLCALL_PUBLIC_URL: 'https://rooms.example.org',
  ROLLCALL_API_KEY: '6f1c1a52-3b0e-4c55-9c5e-7d2f0d3f8a41',
  ROLLCALL_SECRET: 'only for the examples',
  ROLLCALL_RATE_LIMIT: '0',
}
const headers = { 'x-request-id': '5b0c4f0e-8a51-4a53-9d6e-2f6c1f0b7e90' }

let now = at
let server: TestServer
let kept: Examples
let answered: Examples

before(async () => {
  // Its webhooks are planned, and not sent: what they are answered is nobody's to promise.
  server = await startServer(settings, {
    clock: { now: () => now },
    webhookLimits: { ...webhookLimits, perEndpoint: 0 },
  })
  kept = JSON.parse(await readFile(path, 'utf8')) as Examples
  answered = { operations: {}, errors: {}, webhooks: {} }
})
after(() => server.stop())

type Call = {
  path?: { [name: string]: string }
  query?: string
  body?: unknown
  claims?: Partial<TokenClaims>
  token?: null
  of?: TestServer
  headers?: { [name: string]: string }
}

/** Makes a call that the document has, and gives its answer. */
async function ask(operationId: string, call: Call = {}) {
  const { path = {}, query = '', body, claims, token, headers: more, of = server } = call
  const { document } = await describeServer(of.url)
  // No two things are of the same moment: lists have one order.
  now += 1000
  for (const [template, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation.operationId !== operationId) continue
      const address = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? 'none'))
      const options = {
        token: token === null ? null : await of.sign({ roles: 'crawler', ...claims }),
        headers: { ...headers, ...more },
      }
      return of.call(method.toUpperCase(), address + query, body, options)
    }
  }
  throw new Error(`the document has no operation ${operationId}`)
}

/** The same; what is answered is the example of that operation and status. */
async function show(operationId: string, call: Call = {}) {
  const { status, text, body } = await ask(operationId, call)
  answered.operations[operationId] ??= { answers: {} }
  const example = answered.operations[operationId]
  if (status === 200 && call.body !== undefined) example.body = call.body
  example.answers[status] = withoutTokens(text)
  return body as { [name: string]: unknown } & { id: string; roomId: string }
}

/** The same; what is answered is the example of that status wherever there is none of the operation itself. */
async function showError(operationId: string, call: Call = {}) {
  const { status, text } = await ask(operationId, call)
  answered.errors[status] = withoutTokens(text)
}

function withoutTokens(text: string): unknown {
  const told = text.replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<token>')
  return JSON.parse(told.replace(/"secret":"[0-9a-f]{64}"/, '"secret":"<64 hex digits>"'))
}

async function showSessions(): Promise<void> {
  await show('createRoom', {
    body: {
      customRoomId: 'all hands',
      webhook: { endPoint: 'https://example.org/hook', events: ['session-started', 'participant-*'] },
      autoCloseConfig: { type: 'session-ends', duration: 60 },
    },
  })
  const room = await ask('createRoom', { body: { customRoomId: 'daily stand-up' } })
  const roomId = String(room.body.roomId)
  const event = (n: number, type: string, more: object = {}) => ({
    type,
    id: `room-7-${n}`,
    at: new Date(at - (20 - n) * minuteMs).toISOString(),
    roomId,
    sessionKey: 'room-7',
    ...more,
  })
  await show('reportEvents', {
    body: {
      source: 'my-sfu',
      events: [
        event(1, 'session-started'),
        event(2, 'participant-joined', { participantId: 'but3ihic', connectionId: 'a1', name: 'Jacques' }),
        event(3, 'participant-joined', { participantId: 'x7ty2kqp', connectionId: 'b1', name: 'Maria' }),
        event(9, 'participant-left', { participantId: 'but3ihic', connectionId: 'a1', reason: 'left' }),
        event(11, 'participant-joined', { participantId: 'but3ihic', connectionId: 'a2', name: 'Jacques' }),
        // Of a clock that is ahead: refused.
        event(40, 'participant-left', { participantId: 'but3ihic', connectionId: 'a2' }),
      ],
    },
  })
  const running = await ask('listSessions', { query: `?roomId=${roomId}` })
  const [{ id }] = running.body.data as [{ id: string }]
  await show('getSession', { path: { id } })
  await show('listParticipants', { path: { id } })
  await show('listActiveParticipants', { path: { id } })
  await show('getParticipant', { path: { id, participantId: 'but3ihic' } })
  await showQuality(id, event(8, 'quality', { participantId: 'but3ihic', connectionId: 'a1' }))
  await show('removeParticipant', { body: { participantId: 'x7ty2kqp', roomId } })
  await show('endSession', { body: { roomId } })
  await show('endSession', { body: { roomId } })
  await show('listSessions', { query: `?roomId=${roomId}` })
  await show('getSessionAttendance', { path: { id } })
  await show('getAttendance', { query: `?from=2026-01-15&to=2026-01-15&per=participant&roomId=${roomId}` })
  await show('getAttendance', { query: '?per=occurrence&scheduleId=no-such-schedule' })
  await show('getUsage', { query: '?from=2026-01-14&to=2026-01-15' })
  await showDaily(id)
  await showPeople()
  await showShares(id)
  await showSchedules(roomId)
  await showKeys()
}

async function showPeople(): Promise<void> {
  const keyId = (await server.context.reads.keys.find(server.apiKey))?.keyId ?? 0
  while ((await server.context.writes.people.gather({ keyId })) > 0);
  await show('listPeople', { query: '?search=jac' })
  await show('getPerson', { path: { id: 'but3ihic' }, query: '?tz=Europe/Paris&groupBy=week' })
  await show('listPersonSessions', { path: { id: 'but3ihic' } })
  await show('mergePeople', {
    path: { id: 'staff-17' },
    body: { participantIds: ['but3ihic', 'x7ty2kqp'], name: 'Jacques' },
  })
  await show('unmergePeople', { path: { id: 'staff-17' } })
  for (const operationId of ['getPerson', 'listPersonSessions', 'unmergePeople']) {
    await show(operationId, { path: { id: 'staff-17' } })
  }
  await show('mergePeople', { path: { id: 'staff-17' }, body: { participantIds: ['nobody'] } })
}

async function showShares(sessionId: string): Promise<void> {
  const { shareId, url } = await show('createShare', { body: { sessionId, expiresInSeconds: 86_400 } })
  await show('createShare', { body: { sessionId, personId: 'but3ihic' } })
  await show('createShare', { body: { personId: 'nobody' } })
  await show('listShares')
  const opened = { body: { code: String(url).split('#')[1] }, token: null }
  await show('openShare', opened)
  await show('deleteShare', { path: { shareId: String(shareId) } })
  await show('deleteShare', { path: { shareId: String(shareId) } })
  await show('openShare', opened)
  const { keyId = 0 } = (await server.context.reads.keys.find(server.apiKey)) ?? {}
  for (let n = 0; n < sharesMax; n++) {
    const of = { keyId, sessionId, personId: null, digest: `${n}`, createdBy: null, expiresAt: at * 2 }
    await server.context.writes.shares.add(of)
  }
  await show('createShare', { body: { sessionId } })
}

async function showSchedules(roomId: string): Promise<void> {
  const body = {
    ...{ name: 'Algebra', roomIds: [roomId], start: '2026-01-15T10:00', durationMinutes: 45, timeZone: 'Europe/Paris' },
    ...{ rrule: 'FREQ=WEEKLY;COUNT=10', exdates: ['2026-02-19'], graceMinutes: 5 },
    roster: [{ participantId: 'but3ihic', name: 'Jacques' }, { participantId: 'emilie' }],
  }
  const { id } = await show('createSchedule', { body })
  await show('createSchedule', { body: { ...body, rrule: 'FREQ=HOURLY' } })
  await show('createSchedule', { body: { ...body, roomIds: ['no-such-room'] } })
  await show('listSchedules', { query: `?roomId=${roomId}` })
  await show('listSchedules', { query: '?roomId=no-such-room' })
  await show('getSchedule', { path: { id } })
  await show('getScheduleAttendance', { path: { id } })
  await show('replaceSchedule', { path: { id }, body: { ...body, graceMinutes: 10 } })
  await show('replaceSchedule', { path: { id }, body: { ...body, roomIds: ['no-such-room'] } })
  await ask('replaceRoster', { path: { id }, body: 'participantId,name\nbut3ihic,Jacques\n' }).then(({ text }) => {
    answered.operations.replaceRoster = { answers: { 200: withoutTokens(text) } }
  })
  const { text: calendar } = await ask('exportSchedules')
  await ask('importSchedules', { body: calendar }).then(({ text }) => {
    answered.operations.importSchedules = { answers: { 200: withoutTokens(text) } }
  })
  await show('importSchedules', { query: '?roomId=no-such-room' })
  await show('exportSchedules', { query: '?roomId=no-such-room' })
  await show('deleteSchedule', { path: { id } })
  for (const operationId of ['getSchedule', 'getScheduleAttendance', 'deleteSchedule', 'getRoster', 'replaceRoster'])
    await show(operationId, { path: { id } })
  await show('replaceSchedule', { path: { id }, body })
}

async function showKeys(): Promise<void> {
  const newKey = { name: 'Reports', scopes: ['read'], expiresAt: '2027-01-31T00:00:00Z' }
  const { apiKey } = await show('createKey', { body: newKey })
  await show('createKey', { body: { ...newKey, scopes: ['write'] } })
  const path = { apiKey: String(apiKey) }
  await show('rotateKeySecret', { path, body: { overlapSeconds: 3600 } })
  await show('updateKey', { path, body: { name: 'Monthly reports' } })
  await show('listKeys')
  const first = { path: { apiKey: server.apiKey } }
  await show('updateKey', { ...first, body: { disabled: true } })
  await show('deleteKey', first)
  await show('deleteKey', { path })
  for (const operationId of ['rotateKeySecret', 'updateKey', 'deleteKey']) await show(operationId, { path, body: {} })
  await show('listAudit', { query: '?perPage=2' })
  await showUsers()
  const { keyId = 0 } = (await server.context.reads.keys.find(server.apiKey)) ?? {}
  const another = { keyId, name: 'one of very many', scopes: ['read' as const], expiresAt: null }
  for (let n = 1; n < ownerKeysMax; n++) await server.context.writes.scopedKeys.add(another)
  await show('createKey', { body: newKey })
}

async function showUsers(): Promise<void> {
  const [password, renewed] = ['correct horse battery', 'staple, correct horse']
  const { userId } = await show('createUser', { body: { name: 'Maria', role: 'host', rooms: ['all hands'], password } })
  await show('createUser', { body: { name: 'maria', role: 'viewer', password } })
  await show('createUser', { body: { name: 'Jacques', role: 'host', rooms: ['no-such-room'] } })
  const path = { userId: String(userId) }
  await show('listUsers')
  await show('updateUser', { path, body: { role: 'viewer' } })
  await show('updateUser', { path, body: { role: 'host', rooms: ['no-such-room'] } })
  const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }
  const signIn = () => ask('signInHere', { body: { name: 'Maria', password }, token: null, headers: browser })
  const [cookie = ''] = ((await signIn()).headers['set-cookie']?.[0] ?? '').split(';')
  const other = {
    token: null,
    headers: { cookie: ((await signIn()).headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '' },
  }
  const own = { token: null, headers: { cookie } }
  await show('signInHere', { body: { name: 'Maria', password }, token: null, headers: browser })
  await show('signInHere', { body: { name: 'Maria', password: 'wrong' }, token: null })
  await show('signInHere', { body: { code: 'used already' }, token: null })
  await show('getWaysToSignIn', { token: null })
  await show('getAccount', own)
  await show('switchKey', { ...own, body: { apiKey: server.apiKey } })
  await show('switchKey', { ...own, body: { apiKey: 'no-such-key' } })
  const { data } = await show('listSignIns', own)
  const [{ signInId }] = data as [{ signInId: string }]
  await show('listUserSignIns', { path })
  await show('endSignIn', { ...own, path: { signInId } })
  await show('endSignIn', { ...own, path: { signInId } })
  await show('changePassword', { ...own, body: { current: password, password: renewed } })
  await show('signOutHere', other)
  await show('resetPassword', { path, body: { password } })
  await show('endUserSignIns', { path })
  const { keyId } = await server.context.writes.keys.add({ name: 'another', email: null })
  await server.context.writes.users.letIn({ keyId, ...path, role: 'viewer', rooms: [] })
  await show('resetPassword', { path, body: { password } })
  await show('deleteUser', { path })
  for (const operationId of ['updateUser', 'resetPassword', 'deleteUser', 'listUserSignIns', 'endUserSignIns']) {
    await show(operationId, { path })
  }
}

async function showQuality(id: string, event: object): Promise<void> {
  const sample = {
    ...event,
    stats: {
      recvAudioPacketLost: 2,
      recvVideoPacketLost: 5,
      sendAudioPacketLost: 1,
      sendVideoPacketLost: 0,
      averageAudioRtt: 41.2,
      averageVideoRtt: 41.9,
      averageAudioJitter: 4,
      averageVideoJitter: 11,
      averageSendAudioBitrate: 31_840,
      averageSendVideoBitrate: 904_200,
      averageRecvAudioBitrate: 32_110,
      averageRecvVideoBitrate: 1_204_500,
      qualityScore: { audio: 4.28, video: 3.91 },
    },
    resolutionUsage: { 720: 1 },
    deviceInfo: { deviceName: 'Chrome', deviceVersion: '140.0.0.0' },
    sdkInfo: { sdkName: 'my-sfu', sdkVersion: '2.1.0' },
  }
  await ask('reportEvents', { body: { source: 'my-sfu', events: [sample] } })
  await show('getSessionQuality', { path: { id } })
  await show('getParticipantQuality', { path: { id, participantId: 'but3ihic' } })
}

/** Daily's dialect, of what was recorded before. */
async function showDaily(id: string): Promise<void> {
  await show('listDailyMeetings', { query: '?room=daily%20stand-up&limit=100' })
  await show('getDailyMeeting', { path: { meeting: id } })
  await show('listDailyParticipants', { path: { meeting: id } })
  for (const operationId of ['listDailyMeetings', 'getDailyMeeting', 'listDailyParticipants']) {
    await show(operationId, { token: null })
    await show(operationId, { token: null, headers: { authorization: 'Bearer nonsense' } })
    await show(operationId, { claims: { roles: ['rtc'] } })
    await show(operationId, { query: operationId === 'listDailyMeetings' ? '?starting_after=none' : '' })
  }
}

async function showRooms(): Promise<void> {
  const { body } = await ask('createRoom', { body: { customRoomId: 'stand-up' } })
  const roomId = String(body.roomId)
  await show('getRoom', { path: { id: roomId } })
  await show('validateRoom', { path: { id: roomId } })
  await show('validateRoomByPost', { path: { id: roomId } })
  await show('listRooms', { query: '?perPage=2' })
  const invited = await show('createInvite', {
    path: { id: roomId },
    body: { name: 'Maria', participantId: 'maria', expiresInSeconds: 3600 },
  })
  await show('listInvites', { path: { id: roomId } })
  await show('openInvite', { body: { code: new URL(String(invited.url)).hash.slice(1) } })
  await show('revokeInvite', { path: { id: roomId, inviteId: String(invited.id) } })
  await show('revokeInvite', { path: { id: roomId, inviteId: 'ffffffffffffffffffffffff' } })
  await show('openInvite', { body: { code: 'abcdefghjkmnpq' } })
  await show('lockRoom', { path: { id: roomId } })
  await show('unlockRoom', { path: { id: roomId } })
  const kept = { path: { id: roomId, participantId: 'x7ty2kqp' } }
  await show('keepOut', kept)
  await show('listKeptOut', { path: { id: roomId } })
  await show('letBack', kept)
  await show('letBack', kept)
  for (const operationId of ['lockRoom', 'unlockRoom', 'keepOut', 'listKeptOut', 'listInvites']) await show(operationId)
  const { keyId = 0 } = (await server.context.reads.keys.find(server.apiKey)) ?? {}
  for (let n = 0; n < keptOutMax; n++) {
    const another = { keyId, roomId, participantId: `guest ${n}`, name: '', link: null, byParticipant: null }
    await server.context.writes.keptOut.add(another)
  }
  await show('keepOut', kept)
  await show('setRoomStatus', { path: { id: roomId }, body: { status: 'disabled' } })
  await show('createInvite', { path: { id: roomId } })
  await show('deactivateRoom', { body: { roomId: 'stand-up' } })
  await show('deactivateRoom', { body: { roomId } })
}

async function showSources(): Promise<void> {
  const secret = 'what you tell it, and nobody else'
  const bearer = { token: null, headers: { authorization: `Bearer ${secret}` } }
  const { id } = await show('createSource', { body: { type: 'generic', name: 'the PBX', secret } })
  const events = [
    { id: '1', type: 'participant-joined', at: '2026-01-15T12:05:00Z', roomId: 'stand-up', participantId: 'but3ihic' },
  ]
  await show('ingest', { path: { sourceId: id }, body: { events }, ...bearer })
  await show('ingestByGet', { path: { sourceId: id } })
  await show('getSource', { path: { id } })
  await show('updateSource', { path: { id }, body: { name: 'the old PBX' } })

  const { body } = await ask('createSource', { body: { type: 'jitsi', name: 'Jitsi', secret } })
  await show('ingestEvent', {
    path: { sourceId: String(body.id), about: 'room', event: 'created' },
    body: { event_name: 'muc-room-created', room_jid: 'stand-up@conference.example.org', created_at: at / 1000 },
    ...bearer,
  })
  await show('ingestEventByGet', { path: { sourceId: String(body.id), about: 'room', event: 'created' } })
  await show('listSources')
  await showLivekit()
  await show('deleteSource', { path: { id } })
}

/** LiveKit's Analytics API takes tokens of LiveKit's own. */
async function showLivekit(): Promise<void> {
  const livekit = { apiKey: 'APIhN5vqZ', secret: 'what LiveKit signs with' }
  const { body } = await ask('createSource', { body: { type: 'livekit', name: 'LiveKit', ...livekit } })
  const second = Math.floor(now / 1000) - 600
  const room = { sid: 'RM_hycBMAjmt6Ub', name: 'stand-up', creationTimeMs: String(second * 1000) }
  const participant = {
    ...{ sid: 'PA_LYHwKFJTj7Jv', identity: 'but3ihic', name: 'Jacques', region: 'eu-central' },
    joinedAtMs: String(second * 1000 + 4200),
  }
  const track = { sid: 'TR_VCwBKFJT', source: 'CAMERA' }
  const happened = [
    ['participant_joined', 4],
    ['track_published', 6],
    ['participant_left', 310],
    ['room_finished', 330],
  ] as const
  for (const [event, after] of happened) {
    const said = { event, id: `EV_${event}`, createdAt: String(second + after), room, participant, track }
    await deliverAsLivekit({ url: `${server.url}/v2/ingest/${body.id}` }, said, now, livekit)
  }
  const claims = new SignJWT({ video: { roomList: true } }).setProtectedHeader({ alg: 'HS256' })
  const token = await claims.setIssuer(livekit.apiKey).sign(Buffer.from(livekit.secret))
  const bearer = { token: null, headers: { authorization: `Bearer ${token}` } }
  const path = { projectId: String(body.projectId), sessionId: room.sid }
  await show('listLivekitSessions', { path, query: '?limit=100&page=0', ...bearer })
  await show('getLivekitSession', { path, ...bearer })
  await show('listLivekitSessions', { path: { projectId: 'p_none' }, ...bearer })
  await show('getLivekitSession', { path: { ...path, sessionId: 'RM_none' }, ...bearer })
}

async function showWebhooks(): Promise<void> {
  const endpoint = { endPoint: 'https://1.1.1.1/hook', events: ['session-*', 'participant-joined'] }
  const { id } = await show('createWebhook', { body: endpoint })
  await show('getWebhook', { path: { id } })
  await show('rotateWebhookSecret', { path: { id } })
  const { id: deliveryId } = await show('sendTestWebhook', { path: { id } })
  await show('listWebhookDeliveries', { path: { id } })
  await show('replayWebhookDelivery', { path: { id, deliveryId } })
  await show('replayWebhookDelivery', { path: { id, deliveryId: 'msg_none' } })
  await show('replayWebhookDeliveries', { path: { id }, body: { failed: true, from: '2026-01-15' } })
  await show('updateWebhook', { path: { id }, body: { enabled: false } })
  await show('listWebhooks', { query: '?perPage=1' })
  for (const operationId of ['sendTestWebhook', 'replayWebhookDelivery', 'replayWebhookDeliveries']) {
    await show(operationId, { path: { id, deliveryId } })
  }
  await show('deleteWebhook', { path: { id } })
  while ((await ask('createWebhook', { body: endpoint })).status === 200);
  await show('createWebhook', { body: endpoint })
  for (const operationId of [
    ...[
      'getWebhook',
      'updateWebhook',
      'rotateWebhookSecret',
      'deleteWebhook',
      'listWebhookDeliveries',
      'sendTestWebhook',
    ],
    ...['replayWebhookDelivery', 'replayWebhookDeliveries'],
  ]) {
    await show(operationId)
  }
  await show('listWebhooks', { query: '?roomId=abcd-xyzw-lmno' })
}

/** One of each type, as it came to an endpoint. */
async function showSentWebhooks(): Promise<void> {
  const [receiver, gone] = [await startReceiver(), await startReceiver()]
  gone.answer = () => 410
  const of = await startServer(
    { ...settings, ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' },
    { clock: { now: () => now }, webhookLimits: { ...webhookLimits, perEndpoint: 1, pollMs: 20 } },
  )
  try {
    await ask('createWebhook', { of, body: { endPoint: receiver.url, events: ['*'] } })
    const { body: room } = await ask('createRoom', { of, body: { customRoomId: 'daily stand-up' } })
    const event = (minute: number, type: string, more: object) => ({
      type,
      id: `${type} ${minute}`,
      at: new Date(at - (20 - minute) * minuteMs).toISOString(),
      roomId: room.roomId,
      sessionKey: 'room-7',
      ...more,
    })
    const jacques = { participantId: 'but3ihic', connectionId: 'a1' }
    const events = [
      event(1, 'session-started', {}),
      event(2, 'participant-joined', { ...jacques, name: 'Jacques' }),
      event(3, 'participant-joined', { ...jacques, name: 'Jacques M.' }),
      event(9, 'participant-left', { ...jacques, reason: 'left' }),
      event(11, 'session-ended', {}),
      // Told after the end, which it moves.
      event(12, 'session-ended', {}),
    ]
    await ask('reportEvents', { of, body: { events } })
    const { body: endpoint } = await ask('createWebhook', { of, body: { endPoint: gone.url, events: ['none'] } })
    await ask('sendTestWebhook', { of, path: { id: String(endpoint.id) } })
    const types = Object.keys(Webhooks)
    const sent = () =>
      new Map([...gone.received, ...receiver.received].map((one) => [one.webhook.webhookType, one.body]))
    await until(() => sent().size === types.length)
    for (const [type, body] of sent()) {
      answered.webhooks[type] = JSON.parse(body.replaceAll(gone.url, 'https://example.org/hook'))
    }
  } finally {
    await of.stop()
    await Promise.all([receiver.stop(), gone.stop()])
  }
}

async function showWhatIsNotThere(): Promise<void> {
  await show('createStreamCookie')
  await show('streamChanges', { query: '?roomId=aaaa-bbbb-cccc' })
  const id = '621497578bea0d0404c35c4c'
  for (const operationId of ['getSession', 'listParticipants', 'listActiveParticipants', 'getParticipant']) {
    await show(operationId, { path: { id } })
  }
  for (const operationId of ['getSessionQuality', 'getParticipantQuality']) await show(operationId, { path: { id } })
  for (const query of ['?roomId=abcd-xyzw-lmno', `?sessionId=${id}`]) await show('streamChanges', { query })
  for (const operationId of ['getSource', 'deleteSource', 'ingest', 'ingestByGet', 'ingestEvent', 'ingestEventByGet'])
    await show(operationId)
  await show('updateSource', { body: { name: 'the old PBX' } })
  for (const operationId of ['getRoom', 'validateRoom', 'validateRoomByPost', 'createInvite']) {
    await show(operationId, { path: { id: 'abcd-xyzw-lmno' } })
  }
  await show('getSessionAttendance', { path: { id } })
  for (const operationId of ['getAttendance', 'getUsage']) await show(operationId, { query: '?roomId=abcd-xyzw-lmno' })
  await show('setRoomStatus', { path: { id: 'abcd-xyzw-lmno' }, body: { status: 'enabled' } })
  await show('deactivateRoom', { body: { roomId: 'abcd-xyzw-lmno' } })
  await show('endSession', { body: { roomId: 'abcd-xyzw-lmno' } })
  await show('removeParticipant', { body: { roomId: 'abcd-xyzw-lmno', participantId: 'but3ihic' } })
  await show('erasePerson', { path: { participantId: 'nobody' } })
}

async function showTheRest(): Promise<void> {
  const key = await server.context.reads.keys.find(settings.ROLLCALL_API_KEY)
  if (key === undefined) throw new Error('the server has no key')
  const link = await createLink(key, settings.ROLLCALL_PUBLIC_URL, server.context)
  const body = { code: link.split('#code=')[1] }
  await show('redeemLink', { body, token: null })
  await show('redeemLink', { body, token: null })
  await show('getRetention')
  await show('setRetention', { body: { retentionDays: 90 } })
  await show('setRetention', { body: { retentionDays: 0 } })
  await show('updateRoom', { path: { id: 'daily stand-up' }, body: { retentionDays: 30 } })
  await show('updateRoom', { path: { id: 'no such room' }, body: { retentionDays: 30 } })
  await show('exportRecord', { query: '?state=8.12.0.2.1795982126886.0.0.0.0.0.0.0.0.0.0.0.0' })
  await show('getPublicKey', { token: null })
  await show('getLiveness', { token: null })
  await show('getReadiness', { token: null })
}

/** Somebody who is inside, who left, and who is erased. */
async function showErasure(): Promise<void> {
  const told = { roomId: 'farewell', sessionKey: 'farewell-1', at: new Date(at).toISOString() }
  const person = { ...told, participantId: 'x7ty2kqp-2' }
  const path = { participantId: person.participantId }
  await ask('reportEvents', { body: { events: [{ id: 'farewell-1', type: 'participant-joined', ...person }] } })
  await show('erasePerson', { path })
  const { data } = (await ask('listSessions', { query: '?customRoomId=farewell' })).body as { data: [{ id: string }] }
  const session = { path: { id: data[0].id } }
  await show('eraseSession', session)
  const room = { path: { roomId: 'farewell' } }
  await show('eraseRoom', room)
  const left = { id: 'farewell-2', type: 'participant-left', ...person }
  await ask('reportEvents', { body: { events: [left, { id: 'farewell-3', type: 'session-ended', ...told }] } })
  await show('erasePerson', { path })
  await show('erasePerson', { path })
  await show('eraseSession', session)
  await show('eraseSession', session)
  await show('eraseRoom', room)
  await show('eraseRoom', room)
}

async function showFirstVersion(): Promise<void> {
  const { meetingId } = await show('createMeeting', { body: { userMeetingId: 'weekly' } })
  const event = {
    id: 'weekly-1',
    type: 'participant-joined',
    at: new Date(at).toISOString(),
    roomId: meetingId,
    participantId: 'm4rv3l00',
  }
  await ask('reportEvents', { body: { source: 'my-sfu', events: [event] } })
  const { data } = await show('listMeetingSessions', { query: '?userMeetingId=weekly' })
  const [{ id }] = data as [{ id: string }]
  await show('listMeetings', { query: '?query=weekly' })
  await show('getMeetingSession', { path: { id } })
  await show('getMeetingSession', { path: { id: '621497578bea0d0404c35c4c' } })
  const body = { participantId: 'm4rv3l00' }
  await show('removeMeetingParticipant', { path: { id }, body })
  await show('removeMeetingParticipant', { path: { id }, body })
  await show('erasePerson', { path: body })
  await show('endMeetingSession', { path: { id }, body: { force: true } })
  await show('erasePerson', { path: body })
  await show('endMeetingSession', { path: { id } })
  await show('endMeetingSession', { path: { id: '621497578bea0d0404c35c4c' } })
  for (const operationId of ['getMeeting', 'validateMeeting', 'openPrebuiltMeeting']) {
    await show(operationId, { path: { id: 'weekly' } })
    await show(operationId, { path: { id: 'abcd-xyzw-lmno' } })
  }
}

async function showErrors(t: TestContext): Promise<void> {
  await showError('listSessions', { query: '?page=0' })
  await showError('listSessions', { token: null })
  await showError('listSessions', { claims: { roles: 'rtc' } })
  await showError('createRoom', { body: { customRoomId: 'x'.repeat(2 * 1024 * 1024) } })
  await showError('createRoom', { body: '<room/>', headers: { 'content-type': 'text/xml' } })
  t.mock.method(server.context.reads.sessions, 'find', async () => {
    throw new Error('something of ours')
  })
  await showError('getSession', { path: { id: '621497578bea0d0404c35c4c' } })
  t.mock.method(server.context.writes.rooms, 'create', async () => {
    throw new Refusal('BUSY', 'Too many facts wait for the disk: send these again in a moment')
  })
  await showError('createRoom')
  const limited = await startServer({ ...settings, ROLLCALL_RATE_LIMIT: '10' }, { clock: { now: () => now } })
  try {
    let answer = await ask('listSessions', { of: limited })
    while (answer.status !== 429) answer = await ask('listSessions', { of: limited })
    answered.errors[429] = answer.body
  } finally {
    await limited.stop()
  }
}

/** The keys and the types of a value, without what it says. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)])
}

describe('the examples of the document', () => {
  test('are what the server answers, and what it sends, field by field', async (t) => {
    await showSessions()
    await showRooms()
    await showSources()
    // As long as no endpoint hears of all rooms, nothing is planned about a session meanwhile.
    await showFirstVersion()
    await showWebhooks()
    await showSentWebhooks()
    await showWhatIsNotThere()
    await showTheRest()
    await showErasure()
    await showErrors(t)
    if (process.env.UPDATE_EXAMPLES) {
      await writeFile(path, `${JSON.stringify(answered, null, 2)}\n`)
      return t.diagnostic(`${path} is written anew`)
    }
    for (const operationId of new Set([...Object.keys(answered.operations), ...Object.keys(kept.operations)])) {
      const { [operationId]: now } = answered.operations
      assert.deepEqual(
        shapeOf(kept.operations[operationId]),
        shapeOf(now),
        `the example of ${operationId} is out of date`,
      )
    }
    assert.deepEqual(shapeOf(kept.errors), shapeOf(answered.errors))
    for (const type of Object.keys(Webhooks)) {
      const { [type]: now } = answered.webhooks
      assert.deepEqual(shapeOf(kept.webhooks[type]), shapeOf(now), `the example of ${type} is out of date`)
    }
  })

  test('are as the document says', async () => {
    const { document, check } = await describeServer(server.url)
    let examples = 0
    const checkContent = (pointer: string, content: Content | undefined) => {
      const { example } = content?.['application/json'] ?? {}
      if (example === undefined) return
      examples++
      check(`${pointer}/content/application~1json/schema`, example)
    }
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, { requestBody, responses }] of Object.entries(operations)) {
        const pointer = `${toPointer(path)}/${method}`
        checkContent(`${pointer}/requestBody`, requestBody?.content)
        for (const [status, { content }] of Object.entries(responses)) {
          checkContent(`${pointer}/responses/${status}`, content)
        }
      }
    }
    for (const [type, { post }] of Object.entries(document.webhooks)) {
      checkContent(`/webhooks/${type}/post/requestBody`, post.requestBody?.content)
    }
    assert.ok(examples > 100, String(examples))
  })

  test('are there for whatever is answered or sent, and for every body that is taken', async () => {
    const { document } = await describeServer(server.url)
    const without: string[] = []
    const look = (what: string, content: Content | undefined) => {
      const json = content?.['application/json']
      if (json !== undefined && json.example === undefined) without.push(what)
    }
    for (const operations of Object.values(document.paths)) {
      for (const { operationId = '', requestBody, responses } of Object.values(operations)) {
        look(`the body of ${operationId}`, requestBody?.content)
        for (const [status, { content }] of Object.entries(responses)) look(`${operationId} ${status}`, content)
      }
    }
    for (const [type, { post }] of Object.entries(document.webhooks)) look(type, post.requestBody?.content)
    // The document is no example of itself.
    assert.deepEqual(without, ['getOpenApi 200'])
  })
})
