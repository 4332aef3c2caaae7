import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { json } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Source } from '@rollcall/protocol'
import { WebSocket } from 'ws'
import { reconcileLimits } from '../../src/sources/reconciling/limits.ts'
import { withoutTable } from '../store/hidden-table.ts'
import { dataParent } from '../support/data-parent.ts'
import { createServer } from '../support/http.ts'
import { basic, createJanus, janusKey, post, see, seeSoon } from '../support/senders/janus-events.ts'
import { addSource, deliver, deliverBytes, getSource, listSeen } from '../support/senders/source-client.ts'
import { onSqlite, startServer, type TestServer } from '../support/start-server.ts'

// What the event handlers of a Janus 1.1.2 sent while two browsers came and went, a request a line; and events in its words.
const capture = (await readFile(join(import.meta.dirname, '../fixtures/janus-1.1.2-videoroom.ndjson'), 'utf8'))
  .trim()
  .split('\n')
const captureStart = 1795427974834

const start = 1795420000000

let server: TestServer
let source: Source
before(async () => {
  // Long after all of it, and yet so that no silence is concluded.
  server = await startServer({}, { clock: { now: () => captureStart + 600_000 } })
  source = await addSource(server, 'janus', janusKey)
})
after(() => server.stop())

const captured = [
  {
    session: '0-9656',
    people: [
      ['2129712230980493', '0-8548 left'],
      ['4636365604414608', '2514-9656 left'],
    ],
  },
]

describe('a videoroom of Janus', () => {
  test('is recorded as a real Janus told of it, however often it tells', async () => {
    for (const body of [...capture, ...capture]) assert.equal((await deliver(source.url, body, basic)).status, 200)
    await seeSoon(() => see(server, '1234', captureStart), captured)
    const [session] = (await listSeen(server)).filter(({ room }) => room === '1234')
    assert.equal(session?.engine, 'janus')
    assert.deepEqual(
      session?.people.map(({ name }) => name),
      ['Jacques', 'Rahul'],
    )
    const { health } = await getSource(server, source.id)
    assert.deepEqual([health.recorded, health.duplicate, health.refused], [4, 4, 0])
  })

  test('is recorded alike when each event comes alone, packed', async () => {
    const alone = await addSource(server, 'janus', janusKey)
    for (const event of capture.flatMap((body) => JSON.parse(body) as { event: { data?: { room?: number } } }[])) {
      if (event.event.data?.room !== undefined) event.event.data.room = 1235
      const headers = { ...basic, 'content-encoding': 'gzip' }
      assert.equal(await deliverBytes(alone.url, gzipSync(JSON.stringify(event)), headers), 200)
    }
    await seeSoon(() => see(server, '1235', captureStart), captured)
  })

  test('keeps every digit of a room and a user, numbers of 64 bits and texts', async () => {
    const janus = createJanus('digits', start)
    const join = JSON.stringify(janus.joined('ROOM', 'ID', 0))
    await deliver(
      source.url,
      join.replaceAll('"ROOM"', '18446744073709551615').replaceAll('"ID"', '9007199254740993'),
      basic,
    )
    await post(source, janus.joined('a room', 'a-b-c', 1), janus.joined('18446744073709551615', '9007199254740992', 2))
    assert.deepEqual(await see(server, '18446744073709551615', start), [
      {
        session: '0-',
        people: [
          ['9007199254740993', '0-'],
          ['9007199254740992', '2-'],
        ],
      },
    ])
    assert.deepEqual(await see(server, 'a room', start), [{ session: '1-', people: [['a-b-c', '1-']] }])
  })

  test('has whoever stops publishing still inside, and whoever only watches not at all', async () => {
    const janus = createJanus('watching', start)
    await post(
      source,
      janus.joined('watched', 1, 0),
      janus.videoroom(1000, { event: 'published', room: 'watched', id: 1, streams: [] }, janus.handleOf(1)),
      janus.videoroom(2000, { event: 'subscribing', room: 'watched', private_id: 7 }, janus.handleOf(2)),
      janus.videoroom(2001, { event: 'subscribed', room: 'watched', streams: [] }, janus.handleOf(2)),
      janus.videoroom(3000, { event: 'unpublished', room: 'watched', id: 1 }),
      janus.videoroom(3001, { event: 'unpublished', room: 'watched', id: 1 }),
      janus.detached(2, 4000),
    )
    assert.deepEqual(await see(server, 'watched', start), [{ session: '0-', people: [['1', '0-']] }])
  })

  test('is known by the media of a handle to have somebody inside, written of no more often than every half minute', async () => {
    const janus = createJanus('media', start)
    const media = (id: number, at: number, more: object = {}) => ({
      ...janus.detached(id, at),
      type: 32,
      event: { media: 'audio', rtt: 3, ...more },
    })
    await post(source, janus.joined('with media', 1, 0), janus.joined('with media', 2, 1))
    assert.deepEqual(await post(source, media(1, 20_000)), [])
    assert.deepEqual(await post(source, media(1, 40_000)), ['recorded'])
    assert.deepEqual(await post(source, media(1, 42_000), media(2, 60_000, { receiving: false })), [])
    await post(source, janus.leaving('with media', 2, 50_000))
    assert.deepEqual(await post(source, media(2, 90_000), media(3, 90_000)), [])
  })

  test('goes on for whoever comes back within the grace, and begins anew after it', async () => {
    const janus = createJanus('coming back', start)
    await post(
      source,
      janus.joined('back', 1, 0),
      janus.leaving('back', 1, 10_000),
      janus.joined('back', 1, 25_000),
      janus.leaving('back', 1, 30_000),
      janus.joined('back', 1, 90_000),
      janus.leaving('back', 1, 95_000),
    )
    await seeSoon(
      () => see(server, 'back', start),
      [
        { session: '0-30000', people: [['1', '0-10000 left', '25000-30000 left']] },
        { session: '90000-95000', people: [['1', '90000-95000 left']] },
      ],
    )
  })

  test('lets go of whoever is kicked, and of everybody when it is destroyed', async () => {
    const janus = createJanus('rough', start)
    await post(
      source,
      janus.joined('rough', 1, 0),
      janus.joined('rough', 2, 1000),
      janus.kicked('rough', 1, 5000),
      janus.destroyed('rough', 8000),
      // The handle is given up later, of which nothing follows.
      janus.detached(2, 60_000),
      janus.joined('rough', 3, 61_000),
    )
    assert.deepEqual(await see(server, 'rough', start), [
      {
        session: '0-8000',
        people: [
          ['1', '0-5000 kicked'],
          ['2', '1000-8000 session-ended'],
        ],
      },
      { session: '61000-', people: [['3', '61000-']] },
    ])
  })

  test('lets go of whoever’s leave was lost, when their handle or session ends', async () => {
    const janus = createJanus('lossy', start)
    const [first, second] = [111, 222].map((session_id) => ({ session_id, handle_id: 1 }))
    await post(
      source,
      janus.joined('lossy', 1, 0),
      janus.joined('lossy', 2, 0, first),
      janus.joined('lossy', 3, 0, second),
    )
    // The same twice: what was not answered is sent again.
    for (let n = 0; n < 2; n++) {
      await post(
        source,
        janus.detached(1, 4000),
        janus.session('timeout', 111, 5000),
        janus.session('destroyed', 111, 5001),
      )
    }
    assert.deepEqual(await see(server, 'lossy', start), [
      {
        session: '0-',
        people: [
          ['1', '0-4000 detached'],
          ['2', '0-5000 timeout'],
          ['3', '0-'],
        ],
      },
    ])
  })

  test('is not left by whoever came back by another handle, when the older one ends', async () => {
    const janus = createJanus('handles', start)
    const [older, newer] = [1, 2].map((handle_id) => ({ session_id: 333, handle_id }))
    const detached = { ...janus.detached(1, 9000), ...older }
    await post(source, janus.joined('handles', 1, 0, older), janus.joined('handles', 1, 5000, newer), detached)
    assert.deepEqual(await see(server, 'handles', start), [{ session: '0-', people: [['1', '0-']] }])
    await post(source, { ...detached, ...newer, timestamp: detached.timestamp + 1000 })
    assert.deepEqual((await see(server, 'handles', start))[0]?.people, [['1', '0-9001 detached']])
  })

  test('has the name that Janus 1.3 adds to what is published, and to what is not any more, at once', async () => {
    const janus = createJanus('renamed', start)
    const name = async () => (await listSeen(server)).find(({ room }) => room === 'renamed')?.people[0]?.name
    const about = (event: string, display: string) => ({ event, room: 'renamed', id: 1, display })
    await post(source, janus.videoroom(0, about('joined', 'Ann'), janus.handleOf(1)))
    await post(source, janus.videoroom(1000, about('published', 'Anna'), janus.handleOf(1)))
    assert.equal(await name(), 'Anna')
    assert.deepEqual(await post(source, janus.videoroom(2000, about('unpublished', 'Anne'))), ['recorded'])
    assert.deepEqual(await post(source, janus.videoroom(2001, about('unpublished', 'Anne'))), [])
    assert.equal(await name(), 'Anne')
    await post(source, janus.leaving('renamed', 1, 3000))
    assert.deepEqual(await post(source, janus.videoroom(3001, about('unpublished', 'Ann'))), [])
    assert.equal(await name(), 'Anne')
  })

  test(
    'has the name and the metadata that Janus 1.3 adds to a join, to what is not published any more and to a leave',
    onSqlite,
    async () => {
      const janus = createJanus('newer', start)
      const data = { event: 'joined', room: 'newer', id: 1, metadata: { seat: 4 } }
      const large = { ...data, id: 2, display: 'Bob', metadata: 'x'.repeat(9000) }
      await post(source, janus.videoroom(0, data, janus.handleOf(1)), janus.videoroom(1, large))
      const unpublished = { ...data, event: 'unpublished', metadata: { seat: 5 } }
      const ofAnn = async () => {
        const db = new DatabaseSync(join(server.dataFolder, 'rollcall.db'), { readOnly: true })
        const one = db.prepare(`select metadata_json as text from participants where metadata_json like '%seat%'`).all()
        db.close()
        return one.map(({ text }) => JSON.parse(String(text)))
      }
      await post(source, janus.videoroom(31_000, unpublished))
      assert.deepEqual(await ofAnn(), [{ seat: 5 }])
      await post(source, janus.videoroom(31_002, { ...data, event: 'leaving', display: 'Ann', metadata: { seat: 6 } }))
      assert.deepEqual(await ofAnn(), [{ seat: 6 }])
      const [session] = (await listSeen(server)).filter(({ room }) => room === 'newer')
      assert.deepEqual(
        session?.people.map(({ name }) => name),
        ['Ann', 'Bob'],
      )
      const db = new DatabaseSync(join(server.dataFolder, 'rollcall.db'), { readOnly: true })
      const kept = db.prepare(`select fact_json as text from facts where source like '%newer'`).all()
      db.close()
      assert.deepEqual(
        kept.map(({ text }) => JSON.parse(String(text)).metadata ?? null),
        [{ seat: 4 }, null, { seat: 5 }, { seat: 6 }],
      )
    },
  )

  test('with an event that lacks what it takes is kept as ignored, and stops none of the others', async () => {
    const janus = createJanus('odd', start)
    const odd = [
      janus.videoroom(0, { event: 'joined', room: 'odd' }),
      { type: 64, event: {} },
      { ...janus.joined('odd', 1, 0), timestamp: -1 },
      7 as never,
    ]
    const outcomes = await post(source, ...odd, janus.joined('odd', 2, 0), janus.videoroom(1, null as never))
    assert.deepEqual(outcomes, ['ignored', 'ignored', 'ignored', 'ignored', 'recorded'])
    for (const body of ['', 'not json', 'null']) {
      const { status, body: answer } = await deliver(source.url, body, basic)
      assert.ok(status === 200 && ['ignored', 'duplicate'].includes(answer.results[0]?.outcome ?? ''), body)
    }
  })
})

test('a remote publisher, whose events say neither that it is one nor whose handle it is, comes to nobody’s record', async () => {
  const janus = createJanus('remote', start)
  const ofRemote = (at: number, event: string) => janus.videoroom(at, { event, room: 'far', id: 9, display: 'Far' })
  const alone = [ofRemote(0, 'published'), ofRemote(1, 'updated'), ofRemote(2, 'unpublished'), ofRemote(3, 'leaving')]
  await post(source, ...alone)
  await post(source, janus.joined('far', 1, 10), ofRemote(11, 'published'), ofRemote(12, 'leaving'))
  const people = (await listSeen(server)).filter(({ room }) => room === 'far').map((one) => one.people.length)
  assert.deepEqual(people, [1])
})

describe('a Janus that is asked', () => {
  test('has people alone recorded: no dummy, nobody of another Janus, and those of its AudioBridges too', async (t) => {
    const api = await serveJanusApi({
      'janus.plugin.videoroom': [
        { room: 1, participants: [{ id: 10, display: 'Loop', dummy: true }] },
        {
          room: 2,
          participants: [
            { id: 20, display: 'Ann' },
            { id: 21, display: 'Far', remote: true },
          ],
        },
      ],
      'janus.plugin.audiobridge': [{ room: 2, participants: [{ id: 30, display: 'Bob', setup: true }] }],
    })
    t.after(() => api.close())
    const limits = { ...reconcileLimits, intervalMs: 100, settleMs: 20 }
    const asking = await startServer({ ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' }, { reconcileLimits: limits })
    t.after(() => asking.stop())
    await addSource(asking, 'janus', { ...janusKey, url: api.url })
    const listPeople = async () =>
      (await listSeen(asking)).map(({ room, people }) => [room, ...people.map(({ name }) => name)]).toSorted()
    await seeSoon(listPeople, [
      ['2', 'Ann'],
      ['audiobridge/2', 'Bob'],
    ])
    const asked = api.lists
    await seeSoon(async () => api.lists > asked + 4, true)
    assert.deepEqual(await listPeople(), [
      ['2', 'Ann'],
      ['audiobridge/2', 'Bob'],
    ])
  })
})

type ListedRoom = { room: number; participants: object[] }

/** As much of Janus's HTTP API as lists who is inside. */
async function serveJanusApi(plugins: { [name: string]: ListedRoom[] }) {
  const handles: string[] = []
  const api = { url: '', lists: 0, close: () => http.close() }
  const http = createServer(async (request, response) => {
    const answer = request.url === '/janus/info' ? { janus: 'server_info' } : reply(request.url, await json(request))
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  api.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/janus`
  return api

  function reply(url = '', message: unknown) {
    const { janus, plugin, body } = message as {
      janus: string
      plugin?: string
      body?: { request: string; room: number }
    }
    if (janus === 'create') return { janus: 'success', data: { id: 1 } }
    if (janus === 'attach') return { janus: 'success', data: { id: handles.push(plugin ?? '') } }
    if (janus !== 'message') return { janus: 'success' }
    const rooms = plugins[handles[Number(url.split('/').at(-1)) - 1] ?? ''] ?? []
    const participants = rooms.find(({ room }) => room === body?.room)?.participants
    if (body?.request !== 'list') return { janus: 'success', plugindata: { data: { participants } } }
    api.lists += 1
    const list = rooms.map(({ room, participants }) => ({ room, num_participants: participants.length }))
    return { janus: 'success', plugindata: { data: { list } } }
  }
}

describe('an AudioBridge of Janus', () => {
  const joined = (janus: ReturnType<typeof createJanus>, room: string, id: number, at: number, handle = `${id}`) =>
    janus.audiobridge(at, { event: 'joined', room, id, display: 'Ann', setup: true }, janus.handleOf(handle))
  const left = (janus: ReturnType<typeof createJanus>, room: string, id: number, at: number) =>
    janus.audiobridge(at, { event: 'left', room, id, display: 'Ann' })

  test('is recorded as a room of its own, with who leaves, whose handle is detached, and its end', async () => {
    const janus = createJanus('audio', start)
    await post(
      source,
      janus.joined('both', 1, 0),
      joined(janus, 'both', 7, 1000),
      joined(janus, 'both', 8, 2000),
      joined(janus, 'both', 9, 2500),
      left(janus, 'both', 7, 3000),
      janus.detached(8, 4000),
      janus.audiobridge(5000, { event: 'destroyed', room: 'both' }),
    )
    assert.deepEqual(await see(server, 'both', start), [{ session: '0-', people: [['1', '0-']] }])
    assert.deepEqual(await see(server, 'audiobridge/both', start), [
      {
        session: '1000-5000',
        people: [
          ['7', '1000-3000 left'],
          ['8', '2000-4000 detached'],
          ['9', '2500-5000 session-ended'],
        ],
      },
    ])
  })

  test('has whoever is kicked out once, though they leave again, and may be back by then', async () => {
    const janus = createJanus('kicking', start)
    const kicked = janus.audiobridge(5000, { event: 'kicked', room: 'kicking', id: 7 })
    const back = joined(janus, 'kicking', 7, 5500, 'another')
    const again = left(janus, 'kicking', 7, 6000)
    const all = [joined(janus, 'kicking', 7, 0), kicked, back, again]
    for (const events of [all, all]) await post(source, ...events)
    await post(source, left(janus, 'kicking', 7, 9000))
    assert.deepEqual(await see(server, 'audiobridge/kicking', start), [
      { session: '0-', people: [['7', '0-5000 kicked', '5500-9000 left']] },
    ])
  })
})

describe('a Janus that crashes without a word', () => {
  test('has had everybody inside until the last that came of their media, also where Rollcall stopped meanwhile', async (t) => {
    const folder = await mkdtemp(join(dataParent, 'rollcall-janus-'))
    const clock = { now: () => start + 200_000 }
    const open = () => startServer({ ROLLCALL_DATA: folder, PORT: '0' }, { clock })
    const janus = createJanus('media', start)
    const first = await open()
    const { id } = await addSource(first, 'janus', janusKey)
    const addressOf = ({ url }: TestServer) => ({ url: `${url}/v2/ingest/${id}` }) as Source
    await post(addressOf(first), janus.joined('still', 1, 0), janus.joined('still', 2, 300))
    const hangup = { connection: 'hangup', reason: 'ICE failed' }
    await post(addressOf(first), janus.mediaOf(1, 10_000), janus.mediaOf(1, 70_000), janus.mediaOf(2, 80_000, hangup))
    await first.stop()
    const second = await open()
    t.after(() => second.stop())
    t.after(() => rm(folder, { recursive: true }))
    await post(addressOf(second), janus.started(150_000))
    const [session] = await see(second, 'still', start)
    assert.deepEqual(session?.people, [
      ['1', '0-70000 source-restarted inferred'],
      ['2', '300-70000 source-restarted inferred'],
    ])
  })
})

describe('a Janus that starts again', () => {
  test('has let everybody go when it was last heard of, and those of another Janus stay', async () => {
    const [janus, other] = [createJanus('crashing', start), createJanus('steady', start)]
    await post(
      source,
      janus.joined('crashed', 1, 0),
      janus.joined('crashed', 2, 1000),
      other.joined('crashed', 3, 2000),
    )
    await post(source, janus.leaving('crashed', 2, 5000), janus.media(60_000), other.media(64_000))
    const restart = [janus.started(65_000), janus.joined('crashed', 1, 70_000)]
    assert.deepEqual(await post(source, ...restart), ['recorded', 'recorded'])
    assert.deepEqual(await post(source, ...restart), ['duplicate', 'duplicate'])
    assert.deepEqual(await see(server, 'crashed', start), [
      {
        session: '0-',
        people: [
          ['1', '0-60000 source-restarted inferred', '70000-'],
          ['2', '1000-5000 left'],
        ],
      },
      { session: '2000-', people: [['3', '2000-']] },
    ])
  })

  test('has let everybody go when the one that was killed was last heard of, whatever a plugin of the new one says first', async () => {
    const janus = createJanus('loading', start)
    await post(source, janus.joined('loading', 1, 0), janus.media(60_000))
    await post(source, janus.loaded('janus.plugin.echojs', 7_000_000), janus.started(7_000_034))
    const [seen] = await see(server, 'loading', start)
    assert.deepEqual(seen?.people, [['1', '0-60000 source-restarted inferred']])
  })

  test('has let everybody go as it went down, where it said so', async () => {
    const janus = createJanus('stopping', start)
    await post(source, janus.joined('stopped', 1, 0), janus.shutdown(30_000))
    await seeSoon(
      () => see(server, 'stopped', start),
      [{ session: '0-30000', people: [['1', '0-30000 source-restarted inferred']] }],
    )
    await post(source, janus.started(90_000), janus.joined('stopped', 1, 95_000))
    assert.deepEqual(
      (await see(server, 'stopped', start)).map(({ session }) => session),
      ['0-30000', '95000-'],
    )
  })
})

describe('a delivery of Janus', () => {
  test('is taken with the user and password of the source alone', async () => {
    const janus = createJanus('authentic', start)
    const body = JSON.stringify(janus.joined('authentic', 1, 0))
    const authorization = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    const wrong = [{}, authorization('janus:wrong'), authorization(`rollcall:${janusKey.password}`)]
    for (const headers of wrong) assert.equal((await deliver(source.url, body, headers)).status, 401)
    const { password } = janusKey
    assert.equal((await deliver(`${source.url}?password=${encodeURIComponent(password)}`, body)).status, 401)
    assert.deepEqual(await see(server, 'authentic', start), [])
    const made = await addSource(server, 'janus')
    const [, secret = ''] = /backend_pwd = "([\w-]{43})"/.exec(made.setup) ?? []
    assert.equal((await deliver(made.url, body, authorization(`rollcall:${secret}`))).status, 200)
    assert.ok(made.setup.includes(`"${made.url.replace('http', 'ws')}?password=${secret}"`), made.setup)
    assert.ok(!(await getSource(server, made.id)).setup.includes(secret))
  })

  test('that could not be recorded is cut off without an answer, so that Janus sends it again', async (t) => {
    const own = await startServer({}, { clock: { now: () => start + 1000 } })
    t.after(() => own.stop())
    const failing = await addSource(own, 'janus', janusKey)
    const janus = createJanus('failing', start)
    for (const table of ['marks', 'sources']) {
      await withoutTable(own, table, () =>
        assert.rejects(post(failing, janus.joined('failing', 1, 0)), { code: 'ECONNRESET' }, table),
      )
    }
    assert.deepEqual(await post(failing, janus.joined('failing', 1, 0)), ['recorded'])
    assert.deepEqual(await see(own, 'failing', start), [{ session: '0-', people: [['1', '0-']] }])
    const { health } = await getSource(own, failing.id)
    assert.deepEqual([health.refused, health.lastError], [0, 'This could not be recorded: send it again'])
  })
})

/** A socket as wsevh opens it. */
async function open({ url }: Source, { password = janusKey.password, subprotocol = 'janus-event-handlers' } = {}) {
  const address = `${url.replace('http', 'ws')}?password=${encodeURIComponent(password)}`
  const socket = new WebSocket(address, subprotocol)
  await once(socket, 'open')
  return socket
}

describe('a WebSocket of Janus', () => {
  test('brings the same record as requests do', async () => {
    const other = await addSource(server, 'janus', janusKey)
    const socket = await open(other)
    assert.equal(socket.protocol, 'janus-event-handlers')
    for (const body of capture) socket.send(body.replaceAll('"room":1234', '"room":1236'))
    await seeSoon(() => see(server, '1236', captureStart), captured)
    socket.close()
  })

  test('is opened with the password, the subprotocol and the address of a source that takes one', async () => {
    const livekit = await addSource(server, 'livekit', { apiKey: 'k', secret: 's' })
    const unknown = { ...source, url: `${server.url}/v2/ingest/janus-AAAAAAAAAAAAAAAAAAAAAA` }
    await assert.rejects(open(source, { password: 'wrong' }), /401/)
    await assert.rejects(open(source, { subprotocol: 'chat' }), /400/)
    await assert.rejects(open(livekit), /400/)
    await assert.rejects(open(unknown), /404/)
  })

  test('is read no further while what came is not recorded, and then brings all of it, in order', async (t) => {
    const own = await startServer({}, { clock: { now: () => start + 60_000 } })
    t.after(() => own.stop())
    const slow = await addSource(own, 'janus', janusKey)
    const janus = createJanus('slow', start)
    const socket = await open(slow)
    await withoutTable(own, 'marks', async () => {
      for (let n = 0; n < 20; n++) {
        socket.send(JSON.stringify([janus.joined('slow', n, n)]))
        socket.send(JSON.stringify({ ...janus.media(n), padding: 'x'.repeat(1024 * 1024) }))
      }
      await delay(500)
      assert.ok(socket.bufferedAmount > 1024 * 1024, 'the rest waits on the sender’s side')
    })
    const people = Array.from({ length: 20 }, (_, n) => [String(n), `${n}-`])
    await seeSoon(() => see(own, 'slow', start), [{ session: '0-', people }])
    assert.equal(socket.readyState, WebSocket.OPEN)
    socket.close()
  })

  test('that the server closes as it stops loses nothing of what was sent until then', async (t) => {
    const dataFolder = join(server.dataFolder, 'stopping')
    const env = { ROLLCALL_DATA: dataFolder }
    const parts = { clock: { now: () => start + 60_000 } }
    let own = await startServer(env, parts)
    const closing = await addSource(own, 'janus', janusKey)
    const janus = createJanus('closing', start)
    const socket = await open(closing)
    const closed = once(socket, 'close')
    let sent = 0
    const sending = setInterval(() => {
      for (let n = 0; n < 5 && socket.readyState === WebSocket.OPEN; n++, sent++) {
        socket.send(JSON.stringify([janus.joined('closing', sent, sent)]))
      }
    }, 1)
    while (sent < 50) await delay(5)
    await own.stop()
    clearInterval(sending)
    assert.equal((await closed)[0], 1001)
    own = await startServer(env, parts)
    t.after(() => own.stop())
    const people = Array.from({ length: sent }, (_, n) => [String(n), `${n}-`])
    assert.deepEqual(await see(own, 'closing', start), [{ session: '0-', people }])
  })

  test('is closed when its source is taken away', async () => {
    const gone = await addSource(server, 'janus', janusKey)
    const socket = await open(gone)
    await server.call('DELETE', `/v2/sources/${gone.id}`)
    socket.send(JSON.stringify(createJanus('gone', start).joined('gone', 1, 0)))
    assert.equal((await once(socket, 'close'))[0], 1008)
    assert.deepEqual(await see(server, 'gone', start), [])
  })
})
