import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { engineOf, type Source } from '@rollcall/protocol'
import { dataParent } from '../support/data-parent.ts'
import { addNeighbour } from '../support/record-session.ts'
import { runProgram } from '../support/run-program.ts'
import {
  addSource,
  deliver,
  deliverAsLivekit,
  getSource,
  listSeen,
  livekitKey,
  signAsLivekit,
} from '../support/senders/source-client.ts'
import { signToken } from '../support/sign-token.ts'
import { send, startServer, type TestServer } from '../support/start-server.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

/** Everything of every type that is a secret. */
const secrets = { livekit: livekitKey.secret, bigbluebutton: 'the secret of a whole BigBlueButton' }

const joined = {
  event: 'participant_joined',
  id: 'EV_1',
  createdAt: '1771351848',
  room: { sid: 'RM_1', name: 'room of a source' },
  participant: { sid: 'PA_1', identity: 'anna', joinedAt: '1771351848', joinedAtMs: '1771351848526' },
}

describe('a source', () => {
  test('is answered with an address of its own that cannot be guessed, and the lines to paste', async () => {
    const added = await Promise.all([
      addSource(server, 'livekit', { ...livekitKey, url: 'https://livekit.example.org' }),
      addSource(server, 'livekit', livekitKey),
      addSource(server, 'janus'),
      addSource(server, 'jitsi'),
      addSource(server, 'bigbluebutton', { secret: secrets.bigbluebutton }),
      addSource(server, 'videosdk'),
      addSource(server, 'generic'),
    ])
    for (const { id, type, name, url, setup } of added) {
      assert.match(id, new RegExp(`^${type}-[A-Za-z0-9_-]{22}$`))
      assert.equal(engineOf(id), type)
      assert.equal(name, type)
      assert.equal(url, `${server.url}/v2/ingest/${id}`)
      assert.ok(setup.includes(url) || setup.includes(encodeURIComponent(url)), setup)
    }
    assert.equal(new Set(added.map(({ id }) => id)).size, added.length)
    assert.deepEqual(added[0]?.settings, { apiKey: livekitKey.apiKey, url: 'https://livekit.example.org' })
  })

  test('never shows its secrets again', async () => {
    const made = await addSource(server, 'jitsi')
    const [, madeSecret = ''] = /Bearer ([\w-]{43})"/.exec(made.setup) ?? []
    assert.notEqual(madeSecret, '')
    const given = await addSource(server, 'generic', { secret: 'a secret of my own choice' })
    await addSource(server, 'bigbluebutton', { secret: secrets.bigbluebutton })
    const ofJanus = ['password', 'apiSecret', 'roomSecret'].map((name) => [name, `the ${name} of a Janus`])
    await addSource(server, 'janus', Object.fromEntries(ofJanus))
    const texts = [
      given.setup,
      (await server.call('GET', '/v2/sources')).text,
      (await server.call('GET', `/v2/sources/${made.id}`)).text,
      (await server.call('PATCH', `/v2/sources/${made.id}`, { name: 'renamed' })).text,
      (await server.call('DELETE', `/v2/sources/${made.id}`)).text,
    ]
    for (const text of texts) {
      for (const secret of [madeSecret, 'my own choice', 'of a Janus', ...Object.values(secrets)])
        assert.ok(!text.includes(secret), text)
    }
  })

  test('has its secrets in no file in clear', async () => {
    const folder = await mkdtemp(join(dataParent, 'rollcall-test-'))
    const other = await startServer({ ROLLCALL_DATA: folder })
    await addSource(other, 'livekit', livekitKey)
    await addSource(other, 'generic', { secret: secrets.bigbluebutton })
    await other.stop()
    for (const file of await readdir(folder)) {
      const bytes = await readFile(join(folder, file))
      for (const secret of Object.values(secrets)) assert.ok(!bytes.includes(secret), `${file} holds a secret`)
    }
    await rm(folder, { recursive: true })
  })

  test('that lacks what its type takes, or has it wrong, is refused by name', async () => {
    const wrong: [object, RegExp][] = [
      [{}, /^type is missing: it takes one of livekit, jitsi/],
      [{ type: 'zoom', name: 'x' }, /^type=zoom is not understood: it takes one of livekit/],
      [{ type: 'jitsi' }, /^name is missing/],
      [{ type: 'livekit', name: 'x', apiKey: 'k' }, /^secret is missing: a livekit source takes a text/],
      [{ type: 'livekit', name: 'x', secret: 's' }, /^apiKey is missing/],
      [{ type: 'bigbluebutton', name: 'x' }, /^secret is missing/],
      [
        { type: 'livekit', name: 'x', ...livekitKey, url: 'ws://x' },
        /^url=ws:\/\/x is not understood: it takes an http/,
      ],
      [
        { type: 'livekit', name: 'x', settings: livekitKey },
        /^"?settings"? is not known: this takes type, name, apiKey, secret/,
      ],
      [{ type: 'jitsi', name: 'x', apiKey: 'k' }, /^apiKey is no setting of a jitsi source: it takes name, secret$/],
      [{ type: 'videosdk', name: 'x', publicKeyUrl: 'file:///etc/passwd' }, /^publicKeyUrl=file/],
    ]
    for (const [body, error] of wrong) {
      const answer = await server.call('POST', '/v2/sources', body)
      assert.equal(answer.status, 400)
      assert.match(String(answer.body.error), error)
    }
  })

  test('is changed by what it takes, and by nothing else: what would change nothing is refused by name', async () => {
    const { id } = await addSource(server, 'livekit', livekitKey)
    const change = async (body: object) => {
      const { status, body: answer } = await server.call('PATCH', `/v2/sources/${id}`, body)
      return `${status} ${answer.error}`
    }
    assert.match(
      await change({ settings: { secret: 'another' } }),
      /^400 "?settings"? is not known: this takes name, apiKey/,
    )
    assert.match(
      await change({ password: 'x' }),
      /^400 password is no setting of a livekit source: it takes name, apiKey/,
    )
    const others: [string, object][] = [
      ['/v2/webhooks', { endPoint: 'https://example.org/', events: ['session-ended'], secret: 'x' }],
      ['/v2/webhooks/x/replay', { form: 'now' }],
    ]
    for (const [path, body] of others) {
      const { status, body: answer } = await server.call('POST', path, body)
      assert.equal(status, 400)
      assert.match(String(answer.error), /is not known: this takes/)
    }
  })

  test('whose credentials change takes what is signed with those before for another day, and no longer', async () => {
    let nowMs = Date.now()
    const own = await startServer({}, { clock: { now: () => nowMs } })
    try {
      const source = await addSource(own, 'livekit', livekitKey)
      const body = JSON.stringify(joined)
      const old = await signAsLivekit(body)
      const next = { apiKey: 'APInext', secret: 'the next secret of that LiveKit' }
      const current = await signAsLivekit(body, next)
      const statusOf = async (headers: { [name: string]: string }) => (await deliver(source.url, body, headers)).status
      assert.deepEqual([await statusOf(old), await statusOf(current)], [200, 401])
      const changed = await own.call('PATCH', `/v2/sources/${source.id}`, next)
      assert.equal(changed.status, 200)
      for (const secret of [livekitKey.secret, next.secret]) assert.ok(!changed.text.includes(secret))
      // Another change in between ends nothing.
      await own.call('PATCH', `/v2/sources/${source.id}`, { name: 'renamed' })
      nowMs += 24 * 3_600_000 - 1
      assert.deepEqual([await statusOf(old), await statusOf(current)], [200, 200])
      nowMs += 1
      assert.deepEqual([await statusOf(old), await statusOf(current)], [401, 200])
    } finally {
      await own.stop()
    }
  })

  test('whose address gets a GET, as behind a redirect, says so: to the sender, and in its health', async () => {
    const livekit = await addSource(server, 'livekit', livekitKey)
    assert.match(livekit.setup, /redirect/)
    // Jitsi's events come to addresses below that of its source.
    for (const [method, type, path] of [
      ['GET', 'livekit', ''],
      ['HEAD', 'livekit', ''],
      ['GET', 'jitsi', '/events/room/created'],
      ['HEAD', 'jitsi', '/events/room/created'],
    ] as const) {
      const source = await addSource(server, type, type === 'livekit' ? livekitKey : {})
      const answer = await send(`${source.url}${path}`, method, {})
      assert.equal(answer.status, 503, `${method} ${path}`)
      if (method === 'GET') assert.match(answer.text, /redirect/)
      assert.match(
        (await getSource(server, source.id)).health.lastError ?? '',
        /configure the address that needs no redirect/,
        `${method} ${path}`,
      )
    }
  })

  test('whose address lies on this machine or its network is refused, with the setting that allows it', async () => {
    const wrong = [
      { type: 'livekit', name: 'x', ...livekitKey, url: 'http://169.254.169.254/latest' },
      { type: 'videosdk', name: 'x', publicKeyUrl: `${server.url}/v2/public/rsa-public-key` },
    ]
    for (const body of wrong) {
      const { status, text } = await server.call('POST', '/v2/sources', body)
      assert.equal(status, 400)
      assert.match(text, /no public address: set ROLLCALL_ALLOW_PRIVATE_ADDRESSES=on/)
    }
    const { id } = await addSource(server, 'videosdk')
    const { status } = await server.call('PATCH', `/v2/sources/${id}`, { publicKeyUrl: 'http://[::1]/key' })
    assert.equal(status, 400)
    const open = await startServer({ ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' })
    assert.equal((await open.call('POST', '/v2/sources', wrong[1])).status, 200)
    await open.stop()
  })

  test('keeps what a change does not name, and goes by what it names at once', async () => {
    const source = await addSource(server, 'livekit', { ...livekitKey, url: 'https://livekit.example.org' })
    const { body: renamed } = await server.call<Source>('PATCH', `/v2/sources/${source.id}`, { name: 'second' })
    assert.deepEqual(renamed, { ...source, name: 'second', updatedAt: renamed.updatedAt })
    const body = JSON.stringify({ ...joined, id: 'EV_changed' })
    const changed = { apiKey: livekitKey.apiKey, secret: 'another secret' }
    await server.call('PATCH', `/v2/sources/${source.id}`, { secret: changed.secret })
    const wrong = { ...changed, secret: 'a secret of nobody' }
    assert.equal((await deliver(source.url, body, await signAsLivekit(body, wrong))).status, 401)
    assert.equal((await deliver(source.url, body, await signAsLivekit(body, changed))).status, 200)
  })

  test('is another key’s thing to everybody else: not there, word for word', async () => {
    const source = await addSource(server, 'generic')
    const neighbour = await addNeighbour(server)
    const now = { now: Date.now(), lifetimeMs: 60_000 }
    const token = await signToken(neighbour, { roles: ['crawler'] }, now)
    const nobody = 'generic-AAAAAAAAAAAAAAAAAAAAAA'
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const [theirs, none] = await Promise.all(
        [source.id, nobody].map((id) => server.call(method, `/v2/sources/${id}`, undefined, { token })),
      )
      assert.deepEqual([theirs?.status, none?.status], [404, 404])
      assert.equal(theirs?.body.error, String(none?.body.error).replace(nobody, source.id))
    }
    const { body } = await server.call<{ data: Source[] }>('GET', '/v2/sources', undefined, { token })
    assert.deepEqual(body.data, [])
    assert.equal((await getSource(server, source.id)).id, source.id)
  })

  test('is managed by tokens alone that name the role crawler and no room', async () => {
    const tokens = [
      await server.sign({ roles: ['rtc'] }),
      await server.sign({ roles: undefined as never }),
      await server.sign({ roles: ['crawler'], roomId: 'abcd-efgh-ijkl' }),
    ]
    for (const token of tokens) {
      for (const [method, path] of [
        ['POST', '/v2/sources'],
        ['GET', '/v2/sources'],
        ['GET', '/v2/sources/x'],
        ['PATCH', '/v2/sources/x'],
        ['DELETE', '/v2/sources/x'],
      ] as const) {
        assert.equal((await server.call(method, path, undefined, { token })).status, 403)
      }
    }
  })

  test('that was taken away is not found any more, and what it reported stays', async () => {
    const source = await addSource(server, 'livekit', livekitKey)
    const event = { ...joined, room: { sid: 'RM_gone', name: 'of a source that is gone' } }
    await deliverAsLivekit(source, event)
    assert.equal((await server.call('DELETE', `/v2/sources/${source.id}`)).status, 200)
    assert.equal((await server.call('DELETE', `/v2/sources/${source.id}`)).status, 404)
    const body = JSON.stringify({ ...event, id: 'EV_2' })
    assert.equal((await deliver(source.url, body, await signAsLivekit(body))).status, 404)
    const seen = (await listSeen(server)).find(({ room }) => room === 'of a source that is gone')
    assert.equal(seen?.engine, 'livekit')
  })

  test('of a key that is disabled is not found', async () => {
    const neighbour = await addNeighbour(server)
    const token = await signToken(neighbour, { roles: ['crawler'] }, { now: Date.now(), lifetimeMs: 60_000 })
    const { body: source } = await server.call<Source>('POST', '/v2/sources', { type: 'generic', name: 'x' }, { token })
    const unknown = { ...source, url: source.url.replace(source.id, 'generic-AAAAAAAAAAAAAAAAAAAAAA') }
    await server.context.writes.keys.disable({ apiKey: neighbour.apiKey })
    const [disabled, none] = await Promise.all([deliver(source.url, '{}'), deliver(unknown.url, '{}')])
    assert.deepEqual([disabled.status, none.status], [404, 404])
  })
})

describe('the health of a source', () => {
  test('counts what became of its facts and deliveries, and names the last error', async () => {
    const source = await addSource(server, 'livekit', livekitKey)
    const about = { ...joined, room: { sid: 'RM_health', name: 'health' } }
    assert.equal(source.health.lastFactAt, null)
    await deliverAsLivekit(source, about)
    await deliverAsLivekit(source, about)
    await deliverAsLivekit(source, { ...about, participant: { ...about.participant, name: 'Anna' } })
    await deliverAsLivekit(source, { ...about, id: 'EV_3', event: 'track_published' })
    await deliverAsLivekit(source, { ...about, id: 'EV_4', event: 'something_new' })
    await deliver(source.url, '{}', { authorization: 'x' })
    const { health } = await getSource(server, source.id)
    const { recorded, duplicate, ignored, refused } = health
    assert.deepEqual({ recorded, duplicate, ignored, refused }, { recorded: 1, duplicate: 1, ignored: 2, refused: 2 })
    assert.match(health.lastError ?? '', /not signed by LiveKit/)
    assert.ok(health.lastFactAt !== null && health.lastErrorAt !== null)
    assert.ok(Math.abs(health.clockSkewMs ?? Number.NaN) < 60_000)
  })

  test('says what came, what became of it and why, and names nobody', async () => {
    const source = await addSource(server, 'livekit', livekitKey)
    const about = { ...joined, room: { sid: 'RM_kinds', name: 'a room of names' } }
    await deliverAsLivekit(source, about)
    await deliverAsLivekit(source, { ...about, id: 'EV_again', participant: { sid: 'PA_2', identity: 'bert' } })
    await deliverAsLivekit(source, { ...about, participant: { ...about.participant, name: 'Anna' } })
    await deliverAsLivekit(source, { ...about, id: 'EV_3', event: 'track_published' })
    await deliver(source.url, '{}', { authorization: 'x' })
    const { arrivals } = (await getSource(server, source.id)).health
    const told = arrivals.map(({ what, outcome, times, reason }) => [what, outcome, times, reason])
    const sorted = told.sort((a, b) => `${a[1]} ${b[0]}`.localeCompare(`${b[1]} ${a[0]}`))
    assert.deepEqual(sorted, [
      [null, 'ignored', 1, 'it says nothing of who is inside'],
      ['participant-joined', 'recorded', 2, 'its time cannot be: it counts as of when it came'],
      ['participant-joined', 'refused', 1, 'the id … was used before for a fact with other content'],
      [null, 'refused', 1, sorted.at(-1)?.[3]],
    ])
    assert.match(String(sorted.at(-1)?.[3]), /not signed by LiveKit/)
    assert.doesNotMatch(JSON.stringify(arrivals), /anna|bert|EV_|names/i)
  })

  test('is there after a restart', async () => {
    const folder = await mkdtemp(join(dataParent, 'rollcall-test-'))
    const first = await startServer({ ROLLCALL_DATA: folder })
    const source = await addSource(first, 'livekit', livekitKey)
    await deliverAsLivekit(source, joined)
    await first.stop()
    const second = await startServer({ ROLLCALL_DATA: folder })
    assert.equal((await getSource(second, source.id)).health.recorded, 1)
    await second.stop()
    await rm(folder, { recursive: true })
  })
})

describe('rollcall source', () => {
  const rollcall = (...args: string[]) =>
    // Where the server is reached, which chose its port itself, the command finds out.
    runProgram('cli.js', server.storeEnv, args).ended

  test('add prints the lines to paste, and the source works at once, beside a running server', async () => {
    const { apiKey, secret } = livekitKey
    const options = ['--name', 'from the command line', '--api-key', apiKey, '--secret', secret]
    const { code, stdout, stderr } = await rollcall('source', 'add', 'livekit', ...options)
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.ok(!stdout.includes(secret))
    const [, id] = /^Source {2}(livekit-\S{22})\n/.exec(stdout) ?? []
    const [url] = /http\S+\/v2\/ingest\/\S+/.exec(stdout) ?? []
    const source = await getSource(server, id ?? '')
    assert.deepEqual([source.name, source.url], ['from the command line', url])
    assert.equal(await deliverAsLivekit(source, { ...joined, room: { sid: 'RM_cli', name: 'cli' } }), 'recorded')

    await getSource(server, source.id)
    const { stdout: listed } = await rollcall('source', 'list')
    assert.match(listed, new RegExp(`^${id} +from the command line +\\S+Z +1/0/0/0$`, 'm'))

    const removed = await rollcall('source', 'remove', id ?? '')
    assert.equal(removed.stdout, `from the command line (${id}) is taken away.\n`)
    assert.equal((await server.call('GET', `/v2/sources/${id}`)).status, 404)
  })

  test('add makes a secret where the sender is to be told one, and shows it in the lines', async () => {
    const { stdout } = await rollcall('source', 'add', 'generic', '--name', 'mine')
    const [, secret = ''] = /Bearer (\S{43})'/.exec(stdout) ?? []
    const [url = ''] = /http[^' ]+/.exec(stdout) ?? []
    const authorization = `Bearer ${secret}`
    assert.equal((await deliver(url, '{"events":[]}', { authorization })).status, 200)
    assert.equal((await deliver(url, '{"events":[]}', { authorization: `${authorization}x` })).status, 401)
  })

  test('says in one line what is wrong, with exit code 1', async () => {
    const wrong: [string[], RegExp][] = [
      [['source', 'add'], /Missing required positional argument: TYPE/],
      [['source', 'add', 'zoom', '--name', 'x'], /zoom is no type of source: it takes one of livekit/],
      [['source', 'add', 'livekit', '--name', 'x', '--api-key', 'k'], /secret is missing: a livekit source takes/],
      [['source', 'add', 'livekit', '--name', 'x', '--secrets', 'k'], /--secrets is not an option of this command/],
      [['source', 'add', 'generic', '--name', 'x', '--key', 'none'], /there is no key none/],
      [
        ['source', 'add', 'videosdk', '--name', 'x', '--public-key-url', 'http://127.0.0.1/'],
        /publicKeyUrl is not taken: 127\.0\.0\.1 is no public address: set ROLLCALL_ALLOW_PRIVATE_ADDRESSES=on/,
      ],
      [['source', 'remove', 'none'], /there is no source none/],
    ]
    const answers = await Promise.all(wrong.map(([args]) => rollcall(...args)))
    answers.forEach(({ code, stdout, stderr }, i) => {
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' }, stderr)
      assert.match(stderr, /^rollcall: [^\n]+\n$/)
      assert.match(stderr, wrong[i]?.[1] ?? /never/)
    })
  })
})
