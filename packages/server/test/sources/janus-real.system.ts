import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Session } from '@rollcall/protocol'
import type { Browser } from 'playwright-core'
import { reconcileLimits } from '../../src/sources/reconciling/limits.ts'
import { launchChromium } from '../support/chromium.ts'
import { seeSoon } from '../support/senders/janus-events.ts'
import { type JanusPerson, joinVideoroom } from '../support/senders/janus-page.ts'
import {
  createJanusServer,
  type JanusServer,
  janusApiSecret,
  janusRoomSecret,
  requireJanus,
} from '../support/senders/janus-server.ts'
import { addSource, listSeen } from '../support/senders/source-client.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

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

describe('a real Janus whose events are all lost', () => {
  test('has whoever is in its rooms recorded, as it is asked; commands close the pages there', async (t) => {
    const program = await requireJanus(t)
    const browser = program === undefined ? undefined : await launchChromium(t, camera)
    if (program === undefined || browser === undefined) return
    t.after(() => browser.close())
    const server = await startServer(
      { ROLLCALL_GRACE_SECONDS: '2', ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' },
      { reconcileLimits: { ...reconcileLimits, intervalMs: 500, settleMs: 100 } },
    )
    t.after(() => server.stop())
    const { id, setup } = await addSource(server, 'janus')
    // Where nobody listens.
    const lost = setup.replaceAll(server.url, 'http://127.0.0.1:1')
    const janus = await createJanusServer(t, program, { setup: lost, eventHandler: 'sampleevh', rooms: [1234] })
    await janus.start()
    const settings = { url: janus.url, apiSecret: janusApiSecret, roomSecret: janusRoomSecret }
    await server.call('PATCH', `/v2/sources/${id}`, settings)

    const ann = await join(t, browser, server, janus, 'Ann')
    await seeSoon(() => listPeople(server), [['Ann', 'inside']], waitMs)
    const bob = await join(t, browser, server, janus, 'Bob')
    const cyd = await join(t, browser, server, janus, 'Cyd')
    const inside = [['Ann', 'inside'], ...[bob, cyd].map(() => 'inside')]
    await seeSoon(async () => (await listPeople(server)).length, inside.length, waitMs)
    await bob.page.close()
    await seeSoon(async () => statusOf(await listPeople(server), 'Bob'), 'absent', waitMs)
    assert.deepEqual(statusOf(await listPeople(server), 'Ann'), 'inside')

    const [session] = (await server.call<{ data: Session[] }>('GET', '/v2/sessions')).body.data
    const of = { roomId: session?.roomId }
    const removed = await server.call('POST', '/v2/sessions/participants/remove', { ...of, participantId: ann.id })
    assert.equal(removed.body.enforced, true)
    await ann.told('kicked')
    const ended = await server.call('POST', '/v2/sessions/end', of)
    assert.equal(ended.body.enforced, true)
    await cyd.told('destroyed')
    const [last] = (await server.call<{ data: Session[] }>('GET', '/v2/sessions')).body.data
    assert.deepEqual([last?.id, last?.status], [session?.id, 'ended'])
    assert.deepEqual(statusOf(await listPeople(server), 'Ann'), 'removed')
    assert.deepEqual(statusOf(await listPeople(server), 'Cyd'), 'session-ended')
  })
})

/** How the last time inside of somebody ended. */
function statusOf(people: Awaited<ReturnType<typeof listPeople>>, name: string): string | undefined {
  const person = people.find((one) => typeof one !== 'string' && one[0] === name)
  return typeof person === 'string' ? undefined : person?.at(-1)
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
