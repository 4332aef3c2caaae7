import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { seeSoon } from './janus-events.ts'
import { type JanusPerson, joinVideoroom } from './janus-page.ts'
import { createJanusServer, type JanusServer, janusApiSecret, requireJanus } from './janus-server.ts'
import { addSource, listSeen } from './source-client.ts'
import { startServer, type TestServer } from './start-server.ts'

/** A camera that is none, and no question about it. */
const camera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']
const waitMs = 60_000

for (const eventHandler of ['sampleevh', 'wsevh'] as const) {
  describe(`a real Janus that reports by ${eventHandler}`, () => {
    test('has whoever is in its rooms recorded: who leaves, whose page closes, whom a killed Janus drops', async (t) => {
      const program = await requireJanus(t)
      const browser = program === undefined ? undefined : await launchChromium(t, camera)
      if (program === undefined || browser === undefined) return
      t.after(() => browser.close())
      const server = await startServer({ ROLLCALL_GRACE_SECONDS: '2', ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' })
      t.after(() => server.stop())
      const { setup } = await addSource(server, 'janus')
      const janus = await createJanusServer(t, program, { setup, eventHandler, rooms: [1234] })
      await janus.start()

      const ann = await join(t, browser, server, janus, 'Ann')
      const bob = await join(t, browser, server, janus, 'Bob')
      await ann.connected()
      await bob.connected()
      await seeSoon(
        () => listPeople(server),
        [
          ['Ann', 'inside'],
          ['Bob', 'inside'],
        ],
        waitMs,
      )
      await ann.leave()
      await seeSoon(
        () => listPeople(server),
        [
          ['Ann', 'left'],
          ['Bob', 'inside'],
        ],
        waitMs,
      )
      await bob.page.close()
      await seeSoon(() => listPeople(server), [['Ann', 'left'], ['Bob', 'left'], 'ended'], waitMs)

      await join(t, browser, server, janus, 'Cyd')
      const cyd = ['Cyd', 'inside']
      await seeSoon(() => listPeople(server), [['Ann', 'left'], ['Bob', 'left'], 'ended', cyd], waitMs)
      await janus.stop('SIGKILL')
      await janus.start()
      const gone = ['Cyd', 'source-restarted']
      await seeSoon(() => listPeople(server), [['Ann', 'left'], ['Bob', 'left'], 'ended', gone, 'ended'], waitMs)

      await join(t, browser, server, janus, 'Dan')
      await seeSoon(async () => (await listPeople(server)).at(-1), ['Dan', 'inside'], waitMs)
      await janus.stop('SIGTERM')
      await seeSoon(async () => (await listPeople(server)).at(-1), 'ended', waitMs)

      const [first] = await listSeen(server)
      assert.deepEqual([first?.room, first?.engine], ['1234', 'janus'])
      assert.deepEqual(
        first?.people.map(({ id }) => id),
        [ann.id, bob.id],
      )
    })
  })
}

async function join(t: TestContext, browser: Browser, server: TestServer, janus: JanusServer, name: string) {
  const page = await browser.newPage()
  // Whatever is served from this machine is of a secure origin.
  await page.goto(`${server.url}/livez`)
  const person: JanusPerson = await joinVideoroom(page, janus.wsUrl, janusApiSecret, 1234, name)
  t.diagnostic(`${name} is ${person.id}`)
  return { ...person, page }
}

/** Everybody of every session, oldest first, as they are now; and each session's end. */
async function listPeople(server: TestServer) {
  return (await listSeen(server)).flatMap(({ people, end }) => [
    ...people.map(({ name, timelog }) => [
      name,
      ...timelog.map((entry) => (entry.end === null ? 'inside' : (entry.reason ?? 'gone'))),
    ]),
    ...(end === null ? [] : ['ended']),
  ])
}
