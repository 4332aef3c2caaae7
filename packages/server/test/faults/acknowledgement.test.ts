import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Fact, Source } from '@rollcall/protocol'
import { WebSocket } from 'ws'
import { dataParent } from '../support/data-parent.ts'
import { request } from '../support/http.ts'
import { runProgram } from '../support/run-program.ts'
import { createJanus, janusKey, seeSoon } from '../support/senders/janus-events.ts'
import { type Sender, type SenderKind, secondOfJoin, senderKinds } from '../support/senders/senders.ts'
import { addSource, getSource, listSeen, signAsLivekit } from '../support/senders/source-client.ts'
import { onSqlite, startServer, type TestServer } from '../support/start-server.ts'
import { openMuteLine } from './mute-line.ts'

/** People who join one after another. */
const people = 12

describe('nothing that a sender would send again is lost', () => {
  test('when the store fails: each is told so that it sends again', onSqlite, async (t) => {
    const { server, senders, db } = await start(t)
    await Promise.all(senders.map((sender) => sender.sendJoin(0, server.url)))
    db.exec('alter table marks rename to marks_that_are_gone')
    await ofEach(t, senders, async (sender) => {
      assert.ok(await isToSendAgain(sender, 1, server.url))
      const { health } = await getSource(server, sender.source.id)
      assert.deepEqual([health.refused, health.lastError], [0, 'This could not be recorded: send it again'])
    })
    db.exec('alter table marks_that_are_gone rename to marks')
    await sendAgain(t, senders, 1, server, 2)
  })

  test(
    'when too many facts wait for the disk: it is held, nothing more is read, and then it is taken',
    onSqlite,
    async (t) => {
      const { server, senders, db } = await start(t, { ingestMaxWaitMs: 600_000 })
      await Promise.all(senders.map((sender) => sender.sendJoin(0, server.url)))
      // The disk is as slow as can be, and the queue before it is full.
      db.exec('begin immediate')
      const { recorded } = await fillQueue(server)
      const answers: number[] = []
      const sending = senders.map(async (sender) => answers.push((await sender.sendJoin(1, server.url)).status))
      await delay(300)
      const large = JSON.stringify({ event: 'room_painted', padding: 'x'.repeat(24 * 1024 * 1024) })
      const url = `${server.url}/v2/ingest/${senders[0]?.source.id}`
      const outgoing = request(url, { method: 'POST', headers: await signAsLivekit(large) })
      const largeAnswered = once(outgoing, 'response')
      outgoing.end(large)
      await delay(500)
      assert.deepEqual(answers, [])
      assert.ok((outgoing.socket?.writableLength ?? 0) > 0, 'the rest of the body waits on the sender’s side')
      db.exec('rollback')
      await Promise.all(sending)
      assert.ok(answers.every((status) => status === 200))
      await Promise.all([recorded, largeAnswered])
      await ofEach(t, senders, (sender) => assertRecorded(server, sender, 2))
    },
  )

  test('when they wait for longer than it is held: each is told so that it sends again', onSqlite, async (t) => {
    const { server, senders, db } = await start(t, { ingestMaxWaitMs: 100 })
    await Promise.all(senders.map((sender) => sender.sendJoin(0, server.url)))
    db.exec('begin immediate')
    const { recorded } = await fillQueue(server)
    await ofEach(t, senders, async (sender) => assert.ok(await isToSendAgain(sender, 1, server.url)))
    db.exec('rollback')
    await recorded
    await sendAgain(t, senders, 1, server, 2)
  })

  test('when the server stops in the middle', async (t) => {
    const { server, senders, restart } = await start(t)
    const sent = senders.map((sender) => sendAll(sender, server.url))
    await Promise.race(sent.flat())
    await server.stop()
    await sendUntakenAgain(t, senders, sent, await restart())
  })

  test('when the process is killed in the middle', onSqlite, async (t) => {
    const { senders, restart, runAndKill } = await start(t)
    const { sent } = await runAndKill(async (url) => {
      const sent = senders.map((sender) => sendAll(sender, url))
      await Promise.race(sent.flat())
      return { sent }
    })
    await sendUntakenAgain(t, senders, sent, await restart())
  })

  test(
    'when the process is killed between commit and answer: what is sent again is there once',
    onSqlite,
    async (t) => {
      const { senders, restart, runAndKill, db } = await start(t)
      const { sent, line } = await runAndKill(async (url) => {
        const line = await openMuteLine(t, url)
        const sent = senders.map((sender) => isToSendAgain(sender, 0, line.url))
        for (const { source } of senders) while (countFacts(db, source) === 0) await delay(10)
        return { sent, line }
      })
      line.cut()
      assert.ok((await Promise.all(sent)).every((isToSendAgain) => isToSendAgain))
      await sendAgain(t, senders, 0, await restart(), 1)
    },
  )
})

describe('Janus by wsevh, which takes what it sent for delivered, loses nothing that it has still to send', () => {
  const sender = { name: 'Janus', engine: 'janus' } as const
  const janus = createJanus('janus-1', secondOfJoin(0) * 1000)
  const joinOf = (n: number) => JSON.stringify([janus.joined('Janus', `p${n}`, n * 1000)])

  test(
    'when too many facts wait for the disk: nothing more is read, and then all of it is taken',
    onSqlite,
    async (t) => {
      const { server, db } = await start(t)
      const socket = await openSocket(await addSource(server, 'janus', janusKey), server.url)
      socket.send(joinOf(0))
      await seeSoon(() => countSeen(server), 1)
      db.exec('begin immediate')
      const { recorded } = await fillQueue(server)
      for (let n = 1; n < people; n++) {
        socket.send(joinOf(n))
        socket.send(JSON.stringify({ ...janus.media(n), padding: 'x'.repeat(1024 * 1024) }))
      }
      await delay(500)
      assert.ok(socket.bufferedAmount > 1024 * 1024, 'the rest waits on the sender’s side')
      db.exec('rollback')
      await recorded
      await seeSoon(() => countSeen(server), people, 60_000)
      await assertRecorded(server, sender, people)
      socket.close()
    },
  )

  test('when the process is killed: what it sends on its next connection goes on from there', onSqlite, async (t) => {
    const { server, restart, runAndKill, db } = await start(t)
    const source = await addSource(server, 'janus', janusKey)
    await runAndKill(async (url) => {
      const socket = await openSocket(source, url)
      for (let n = 0; n < people; n++) socket.send(joinOf(n))
      while (countFacts(db, source) < people) await delay(10)
    })
    const again = await restart()
    const socket = await openSocket(source, again.url)
    for (let n = people; n < 2 * people; n++) socket.send(joinOf(n))
    await seeSoon(() => countSeen(again), 2 * people, 60_000)
    await assertRecorded(again, sender, 2 * people)
    socket.close()
  })
})

type NamedSender = Sender & Pick<SenderKind, 'name' | 'engine' | 'takes'>

/** Few enough to be filled at once, more than all that the tests send beside them. */
const factsWaitingMax = 5000

/** A server, and one sender of each kind. */
async function start(t: TestContext, parts: { ingestMaxWaitMs?: number } = {}) {
  const dataFolder = await mkdtemp(join(dataParent, 'rollcall-test-'))
  const env = { ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on', ROLLCALL_DATA: dataFolder }
  const limited = { ...parts, factsWaitingMax }
  const server = await startServer(env, limited)
  const running = [server]
  t.after(async () => {
    for (const one of running) await one.stop()
    await rm(dataFolder, { recursive: true })
  })
  const senders: NamedSender[] = []
  for (const kind of senderKinds) senders.push({ ...kind, ...(await kind.create(t, server)) })
  const db = process.env.ROLLCALL_TEST_DATABASE_URL === undefined ? openFile(t, dataFolder) : undefined
  return {
    server,
    senders,
    get db(): DatabaseSync {
      if (db === undefined) throw new Error('there is no SQLite file')
      return db
    },
    /** Starts a server where this one was. */
    async restart(): Promise<TestServer> {
      const again = await startServer(env, limited)
      running.push(again)
      return again
    },
    /** Runs a process in place of the server, and kills it when that is done. */
    async runAndKill<T>(work: (url: string) => Promise<T>): Promise<T> {
      await server.stop()
      const program = runProgram('main.js', { ...env, PORT: '0', LOG_LEVEL: 'silent' })
      t.after(() => program.child.kill('SIGKILL'))
      const [, url = ''] = /running at (\S+)/.exec(await program.says('stdout', /running at \S+\n/)) ?? []
      const done = await work(url)
      program.child.kill('SIGKILL')
      await program.ended
      return done
    },
  }
}

function openFile(t: TestContext, dataFolder: string): DatabaseSync {
  const db = new DatabaseSync(join(dataFolder, 'rollcall.db'), { timeout: 10_000 })
  t.after(() => db.close())
  return db
}

/** A socket as wsevh opens it. */
async function openSocket({ id }: Source, base: string): Promise<WebSocket> {
  const password = encodeURIComponent(janusKey.password)
  const socket = new WebSocket(
    `${base.replace('http', 'ws')}/v2/ingest/${id}?password=${password}`,
    'janus-event-handlers',
  )
  // Where the server is killed it breaks off.
  socket.on('error', () => {})
  await once(socket, 'open')
  return socket
}

/** Facts of a source that are durable. */
function countFacts(db: DatabaseSync, { id }: Source): number {
  const row = db.prepare("select count(*) as facts from facts where source = ? or source like ? || '/%'").get(id, id)
  return Number(row?.facts)
}

async function countSeen(server: TestServer): Promise<number> {
  return (await listSeen(server)).flatMap((session) => session.people).length
}

/** A test for each of them. */
async function ofEach(
  t: TestContext,
  senders: NamedSender[],
  work: (sender: NamedSender, i: number) => Promise<void>,
): Promise<void> {
  for (const [i, sender] of senders.entries()) {
    await t.test(`${sender.name}, which takes ${sender.takes} for success`, () => work(sender, i))
  }
}

/** Sends a join that is not taken. Whether its sender sends it again. */
async function isToSendAgain(sender: Sender, n: number, base: string): Promise<boolean> {
  const status = await statusOf(sender.sendJoin(n, base))
  return status === undefined || sender.sendsAgain(status)
}

/** Undefined where no answer comes. */
function statusOf(answer: Promise<{ status: number }>): Promise<number | undefined> {
  return answer.then(
    ({ status }) => status,
    () => undefined,
  )
}

/** Sends the same join again: then so many people are recorded. */
function sendAgain(t: TestContext, senders: NamedSender[], n: number, server: TestServer, recorded: number) {
  return ofEach(t, senders, async (sender) => {
    assert.equal((await sender.sendJoin(n, server.url)).status, 200)
    await assertRecorded(server, sender, recorded)
  })
}

type Sent = { n: number; status: number | undefined }

/** Everybody's joins at once. */
function sendAll(sender: Sender, base: string): Promise<Sent>[] {
  return Array.from({ length: people }, async (_, n) => ({ n, status: await statusOf(sender.sendJoin(n, base)) }))
}

/** What was not taken its sender has to send again: then everybody is recorded. */
function sendUntakenAgain(t: TestContext, senders: NamedSender[], sent: Promise<Sent>[][], server: TestServer) {
  return ofEach(t, senders, async (sender, i) => {
    for (const { n, status } of await Promise.all(sent[i] ?? [])) {
      if (status === 200) continue
      assert.ok(status === undefined || sender.sendsAgain(status), `${n} is lost to ${status}`)
      assert.equal((await sender.sendJoin(n, server.url)).status, 200)
    }
    await assertRecorded(server, sender, people)
  })
}

/** Everybody below that number was recorded once, in one session. */
async function assertRecorded(
  server: TestServer,
  { name, engine }: Pick<NamedSender, 'name' | 'engine'>,
  people: number,
): Promise<void> {
  const sessions = (await listSeen(server)).filter(({ room }) => room === name)
  assert.deepEqual(
    sessions.map((session) => session.engine),
    [engine],
  )
  const ids = sessions.flatMap((session) => session.people.map(({ id }) => Number(id.slice(1))))
  assert.deepEqual(
    ids.sort((a, b) => a - b),
    Array.from({ length: people }, (_, n) => n),
  )
  for (const { id, timelog } of sessions[0]?.people ?? []) assert.equal(timelog.length, 1, id)
}

/** Gives the store as many facts as may wait for the disk; `recorded` resolves when they are. */
async function fillQueue({ context, apiKey }: TestServer): Promise<{ recorded: Promise<unknown> }> {
  const key = await context.reads.keys.find(apiKey)
  const fact = { type: 'session-started', source: 'events', roomId: 'full', sessionKey: 'full' } as const
  const at = secondOfJoin(0) * 1000
  const facts = (n: number): Fact[] =>
    Array.from({ length: factsWaitingMax / 10 }, (_, i) => ({ ...fact, id: `${n} ${i}`, at, receivedAt: at }))
  const batches = Array.from({ length: 10 }, (_, n) => context.record(key?.keyId ?? 0, facts(n)))
  return { recorded: Promise.all(batches) }
}
