import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import type { Source } from '@rollcall/protocol'
import { basic, janusKey } from '../support/senders/janus-events.ts'
import { bigbluebuttonSecret, deliverAsBigbluebutton, servePublicKey } from '../support/senders/senders.ts'
import { addSource, deliver, livekitKey, signAsLivekit } from '../support/senders/source-client.ts'
import { onSqlite, startServer, type TestServer } from '../support/start-server.ts'

// Each sender's events with a text of two words wherever a text may be, and then the bytes of the database.

const said = 'tangerine wombat'
/** In place of what the record shows, so that the search is seen to find what is there. */
const shown = 'Peppermint Heron'
const secret = 'a secret that my media server has'
const start = Date.UTC(2026, 0, 5, 9)

type Value = { [name: string]: unknown }
type Sender = {
  type: string
  settings: { [name: string]: string }
  send(source: Source, events: Value[]): Promise<{ status: number; text: string }>
  /** Where the name of an event stands. */
  name: string
  /** Fields that the record shows, by the end of their paths: names, ids and reasons. */
  recorded: RegExp
  events: Value[]
}

function sendersOf(publicKey: Awaited<ReturnType<typeof servePublicKey>>): Sender[] {
  const bearer = { authorization: `Bearer ${secret}` }
  const each = async (events: Value[], send: (body: string) => ReturnType<typeof deliver>) => {
    for (const event of events.slice(0, -1)) await send(JSON.stringify(event))
    return send(JSON.stringify(events.at(-1)))
  }
  const meeting = { 'internal-meeting-id': 'm-1', 'external-meeting-id': 'algebra', name: 'x', 'viewer-pass': 'x' }
  const user = { 'internal-user-id': 'w_1', 'external-user-id': '7', name: shown, 'ip-address': 'x', userdata: 'x' }
  const bbb = (id: string, more: Value = {}) => ({
    data: { type: 'event', id, attributes: { meeting, ...more }, event: { ts: start } },
  })
  const room = { sid: 'RM_1', name: 'r', creationTime: String(start / 1000), metadata: 'x', turnPassword: 'x' }
  const participant = { sid: 'PA_1', identity: 'ann', name: shown, metadata: 'x', attributes: { a: 'x' } }
  const track = { sid: 'TR_1', source: 'CAMERA', type: 'VIDEO', name: 'x', mimeType: 'x', stream: 'x' }
  const stream = { streamOutputs: [{ url: 'x' }], fileResults: [{ filename: 'x', location: 'x' }], error: 'x' }
  const egressInfo = { egressId: 'EG_1', roomId: 'RM_1', roomName: 'r', startedAt: `${start}000000`, ...stream }
  const livekit = (event: string) => ({
    event,
    id: `EV_${event}`,
    createdAt: String(start / 1000),
    ...(event.startsWith('egress') ? { egressInfo } : { room, participant }),
    ...(event.startsWith('track') && { track }),
  })
  const jitsi = (event_name: string, more: Value) => ({
    event_name,
    room_name: 'catchup',
    room_jid: 'catchup@conference.meet',
    is_breakout: false,
    ...more,
  })
  const occupant = { occupant_jid: 'a@meet/x', id: 'ann', name: shown, email: 'x', joined_at: start / 1000 }
  const janus = (type: number, event: Value) => ({
    emitter: 'j-1',
    type,
    timestamp: start * 1000,
    session_id: 1,
    handle_id: 2,
    opaque_id: 'x',
    event,
  })
  const ofPlugin = (plugin: string, data: Value) => janus(64, { plugin: `janus.plugin.${plugin}`, data })
  const person = { room: 'r', id: 7, display: shown }
  const videosdk = { meetingId: 'm', sessionId: 's', participantId: 'ann', participantName: shown, start: '2026-01-05' }
  const own = {
    at: start,
    roomId: 'standup',
    participantId: 'ann',
    name: shown,
    metadata: {},
    reason: 'bye',
    text: 'x',
  }
  return [
    {
      type: 'bigbluebutton',
      settings: { secret: bigbluebuttonSecret },
      send: (source, events) => deliverAsBigbluebutton(source.url, events),
      name: 'data.id',
      recorded: /-(meeting|user)-id$|user\.name$/,
      events: [
        bbb('meeting-created'),
        bbb('user-joined', { user }),
        bbb('user-left', { user }),
        bbb('transcript-updated', { transcript: { text: 'x', locale: 'en' } }),
        bbb('chat-group-message-sent', { 'chat-message': { message: 'x', sender: { name: 'x' } } }),
        bbb('meeting-ended'),
      ],
    },
    {
      type: 'livekit',
      settings: livekitKey,
      send: ({ url }, events) => each(events, async (body) => deliver(url, body, await signAsLivekit(body))),
      name: 'event',
      recorded:
        /^(id|room\.(sid|name)|participant\.(sid|identity|name|disconnectReason|kind)|track\.(sid|source)|egressInfo\.(egressId|room(Id|Name)))$/,
      events: [
        ...['room_started', 'participant_joined', 'track_published', 'egress_started', 'egress_updated'],
        ...['egress_ended', 'track_unpublished', 'participant_left', 'room_finished'],
      ].map(livekit),
    },
    {
      type: 'jitsi',
      settings: { secret },
      send: ({ url }, events) => each(events, (body) => deliver(url, body, bearer)),
      name: 'event_name',
      recorded: /room_name$|room_jid$|room_id$|\.(occupant_jid|id|name)$/,
      events: [
        jitsi('muc-room-created', { created_at: start / 1000 }),
        jitsi('muc-occupant-joined', { occupant }),
        jitsi('muc-occupant-left', { occupant: { ...occupant, left_at: start / 1000 + 5 } }),
        jitsi('muc-room-destroyed', {
          created_at: start / 1000,
          destroyed_at: start / 1000 + 9,
          all_occupants: [occupant],
        }),
      ],
    },
    {
      type: 'janus',
      settings: janusKey,
      send: ({ url }, events) => deliver(url, JSON.stringify(events), basic),
      name: 'event.data.event',
      recorded: /^emitter$|data\.(room|id|display)$/,
      events: [
        ofPlugin('videoroom', { event: 'joined', ...person, private_id: 1 }),
        ofPlugin('videoroom', { event: 'published', ...person, streams: [{ description: 'x' }] }),
        ofPlugin('videoroom', { event: 'leaving', ...person }),
        ofPlugin('videoroom', { event: 'destroyed', room: 'r' }),
        ofPlugin('audiobridge', { event: 'joined', ...person }),
        ofPlugin('audiobridge', { event: 'left', ...person }),
        ofPlugin('textroom', { event: 'message', room: 'r', from: 'x', text: 'x' }),
        janus(256, { status: 'update', info: { x: 'x' } }),
        janus(8, { owner: 'local', jsep: { type: 'offer', sdp: 'x' } }),
      ],
    },
    {
      type: 'videosdk',
      settings: { publicKeyUrl: publicKey.url },
      send: ({ url }, events) => each(events, (body) => deliver(url, body, publicKey.sign(body))),
      name: 'webhookType',
      recorded: /^data\.(\w+Id|participantName|reason)$/,
      events: ['session-started', 'participant-joined', 'participant-left', 'transcription-text'].map(
        (webhookType) => ({
          webhookType,
          data: { ...videosdk, reason: 'bye', text: 'x' },
        }),
      ),
    },
    {
      type: 'generic',
      settings: { secret },
      send: ({ url }, events) => deliver(url, JSON.stringify({ events }), bearer),
      name: 'type',
      recorded: /^(id|\w+Id|name|reason|metadata.*)$/,
      events: ['participant-joined', 'participant-left'].map((type) => ({ id: `${type}-1`, type, ...own })),
    },
  ]
}

describe('what people say and write', () => {
  test('is nowhere in the database, whatever event of whichever sender it comes in', onSqlite, async (t) => {
    const { server, senders } = await startAll(t)
    for (const sender of senders) {
      const source = await addSource(server, sender.type, sender.settings)
      const all = sender.events.flatMap((event) => variantsOf(event, sender))
      const { status, text } = await sender.send(source, all)
      assert.equal(status, 200, `${sender.type}: ${text}`)
    }
    const bytes = await readDatabase(server)
    assert.ok(bytes.includes(shown), 'what the record shows is found so')
    const at = bytes.indexOf(said.split(' ')[1] ?? '')
    const around = bytes.subarray(Math.max(0, at - 300), at + 100).toString('latin1')
    assert.equal(at, -1, around.replaceAll(/[^ -~]/g, ' '))
  })

  test(
    'is nowhere in the database from POST /v2/events, but for the fields that are documented as kept',
    onSqlite,
    async (t) => {
      const { server, senders } = await startAll(t)
      const generic = senders.find(({ type }) => type === 'generic') as Sender
      const events = generic.events.flatMap((event) => variantsOf(event, generic))
      const { status } = await server.call('POST', '/v2/events', { events })
      assert.equal(status, 200)
      const bytes = await readDatabase(server)
      assert.ok(bytes.includes(shown))
      assert.equal(bytes.indexOf(said.split(' ')[1] ?? ''), -1)
    },
  )
})

describe('an event that is not understood', () => {
  test('is kept as its name, its ids and its time', onSqlite, async (t) => {
    const { server, senders } = await startAll(t)
    const bigbluebutton = senders.find(({ type }) => type === 'bigbluebutton') as Sender
    const source = await addSource(server, 'bigbluebutton', bigbluebutton.settings)
    const user = { 'internal-user-id': 'w_1', 'ip-address': '192.0.2.7', 'user-agent': 'Mozilla/5.0' }
    const meeting = { 'internal-meeting-id': 'm-1', 'external-meeting-id': 'algebra' }
    const attributes = { meeting, user, words: 'good morning' }
    const data = { type: 'event', id: 'user-sang', attributes, event: { ts: start } }
    const malformed = { ...data, id: 'user-joined', event: { ts: 'now' } }
    await bigbluebutton.send(source, [{ data }, { data: malformed }])
    const db = new DatabaseSync(join(server.dataFolder, 'rollcall.db'), { readOnly: true })
    const kept = db.prepare('select fact_json as text from facts order by seq').all() as { text: string }[]
    db.close()
    const ids = {
      'data.attributes.meeting.internal-meeting-id': 'm-1',
      'data.attributes.meeting.external-meeting-id': 'algebra',
      'data.attributes.user.internal-user-id': 'w_1',
    }
    assert.deepEqual(
      kept.map(({ text }) => JSON.parse(text).event),
      [
        { 'data.id': 'user-sang', ...ids, 'data.event.ts': start },
        { 'data.id': 'user-joined', ...ids, 'data.event.ts': 'now' },
      ],
    )
  })
})

async function startAll(t: TestContext) {
  const publicKey = await servePublicKey()
  t.after(() => publicKey.close())
  const env = { ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' }
  const server = await startServer(env, { clock: { now: () => start + 60_000 } })
  t.after(() => server.stop())
  return { server, senders: sendersOf(publicKey) }
}

/** The event with what is said in every other field; without each of its fields, or with another in its place; and of an unknown name. */
function variantsOf(event: Value, { name, recorded }: Sender): Value[] {
  const paths = pathsOf(event)
  const known = changed(event, paths, (path, value) => (path === name || recorded.test(path) ? value : say(value)))
  const spoken = changed(event, paths, (path, value) => (path === name ? value : say(value)))
  const broken = paths.flatMap((path) =>
    [undefined, said, { said }, [said], null].map((wrong) =>
      changed(known, [path], (_, value) => (recorded.test(path) && wrong === said ? value : wrong)),
    ),
  )
  const unknown = changed(spoken, [name], () => 'something-new')
  return [known, ...broken, unknown, changed(spoken, [name], () => said)]
}

function say(value: unknown): unknown {
  return typeof value === 'string' && !/^\d{4}-|^\d+$/.test(value) ? said : value
}

/** The paths of all that is no object. */
function pathsOf(value: Value, before = ''): string[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'object' && inner !== null ? pathsOf(inner as Value, `${before}${name}.`) : `${before}${name}`,
  )
}

/** A copy with other values at some paths, and what is said in a field more of every object. */
function changed(event: Value, paths: string[], change: (path: string, value: unknown) => unknown): Value {
  const copy = structuredClone(event)
  for (const path of paths) {
    const steps = path.split('.')
    const last = steps.pop() as string
    const parent = steps.reduce<Value | undefined>((value, step) => value?.[step] as Value | undefined, copy)
    if (parent !== undefined) parent[last] = change(path, parent[last])
  }
  addTo(copy)
  return copy

  function addTo(value: Value): void {
    for (const [name, inner] of Object.entries(value)) {
      // Metadata are kept as the caller gives them.
      if (typeof inner === 'object' && inner !== null && name !== 'metadata') addTo(inner as Value)
    }
    if (!Array.isArray(value)) Object.assign(value, { words: said, more: { [said]: [said] } })
  }
}

/** All that lies in the data folder, the write-ahead log too. */
async function readDatabase({ dataFolder }: TestServer): Promise<Buffer> {
  const names = (await readdir(dataFolder)).filter((name) => name.startsWith('rollcall.db'))
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(dataFolder, name)))))
}
