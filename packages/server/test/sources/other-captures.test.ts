import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { basic, janusKey } from '../support/senders/janus-events.ts'
import { addSource, deliver, listSeen } from '../support/senders/source-client.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// What a real Janus and a real Prosody sent, sent again at the times of then. What is right was read off what their users did.

test('what a Janus 1.4.2 sent: joins, a leave, a kick, a closed tab, a destroyed room, and a Janus that was killed', async (t) => {
  const rooms = await replayJanus(t)
  const stays = rooms.map(({ room, people }) => ({ room, people: people.map(({ times }) => times) }))
  assert.deepEqual(stays, [
    { room: '1234', people: ['3-48', '3-6', '3-7'] },
    { room: '5678', people: ['56-59'] },
    // It was killed while she was inside: that she published is the last that it said of her, or of itself.
    { room: 'standup', people: ['100-101'] },
  ])
})

test('what a Janus 1.4.2 sent: whoever changes their name has the new one', async (t) => {
  const [first] = await replayJanus(t)
  assert.deepEqual(
    first?.people.map(({ name }) => name),
    ['Anna', 'Cyd', 'Dan'],
  )
})

test('what Prosody’s event_sync sent: two connections of one person, a room made anew, a breakout, a room that ends twice', async (t) => {
  const lines = await readCapture<{ at: number; path: string; body: string }>('jitsi-event-sync')
  const startMs = Math.floor((lines[0]?.at ?? 0) / 1000) * 1000
  const { server, setNow } = await startAt(t, startMs)
  const secret = 'a secret that Prosody has too'
  const source = await addSource(server, 'jitsi', { secret })
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` }
  for (const { at, path, body } of lines) {
    setNow(at)
    assert.equal((await deliver(`${source.url}/${path}`, body, headers)).status, 200)
  }
  const seen = (await listRounded(server, startMs)).map(({ room, people }) => ({
    room,
    people: people.map(({ name, times }) => `${name || 'a guest'} ${times}`),
  }))
  assert.deepEqual(seen, [
    // Anna had one connection from 0 to 4, another from 2 to 13, and two more within that.
    { room: 'catch2', people: ['Anna 0-13', 'Bob 0-6', 'a guest 2-14'] },
    { room: 'catch2', people: ['Anna 15-17'] },
    { room: 'school', people: ['a guest 18-23', 'Anna 18-23', 'Cyd 18-21 31-35'] },
    { room: 'school/b1', people: ['Cyd 21-31', 'a guest 23-33', 'Anna 23-33'] },
  ])
})

async function replayJanus(t: TestContext) {
  const lines = await readCapture<{ rx: number; e: object }>('janus-1.4.2-videoroom')
  const startMs = lines[0]?.rx ?? 0
  const { server, setNow } = await startAt(t, startMs)
  const source = await addSource(server, 'janus', janusKey)
  for (const { rx, e } of lines) {
    setNow(rx)
    assert.equal((await deliver(source.url, JSON.stringify([e]), basic)).status, 200)
  }
  return listRounded(server, startMs)
}

async function readCapture<T>(name: string): Promise<T[]> {
  const text = await readFile(join(import.meta.dirname, `../fixtures/${name}.ndjson`), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

async function startAt(t: TestContext, startMs: number): Promise<{ server: TestServer; setNow: (ms: number) => void }> {
  let nowMs = startMs
  const server = await startServer({}, { clock: { now: () => nowMs } })
  t.after(() => server.stop())
  return {
    server,
    setNow(ms) {
      nowMs = ms
    },
  }
}

/** Who was in each room when, in seconds after the start. */
async function listRounded(server: TestServer, startMs: number) {
  const round = (ms: number | null) => (ms === null ? '' : Math.round((ms - startMs) / 1000))
  return (await listSeen(server)).map(({ room, people }) => ({
    room,
    people: people.map(({ name, timelog }) => ({
      name,
      times: timelog.map(({ start, end }) => `${round(start)}-${round(end)}`).join(' '),
    })),
  }))
}
