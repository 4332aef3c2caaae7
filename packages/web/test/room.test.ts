import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { joinRoom, Rollcall } from '@rollcall/client'
import type { Permission } from '@rollcall/protocol'
import type { Browser, Page } from 'playwright-core'
import { startNetwork } from '../../client/test/network.ts'
import { insideOf, listSessions } from '../../server/test/support/api-calls.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { openBrowser, watch } from './browser.ts'

let server: TestServer
let rollcall: Rollcall
before(async () => {
  server = await startServer()
  rollcall = new Rollcall(server)
})
after(() => server.stop())

// A browser that hangs has to fail here, not to hold up the run.
const guard = { timeout: 600_000 }
const patience = { timeout: 150_000 }

type Guest = { page: Page; complaints: string[] }

async function open(
  browser: Browser,
  roomId: string,
  name: string,
  { permissions, base = server.url }: { permissions?: Permission[]; base?: string } = {},
): Promise<Guest> {
  const { url } = await rollcall.rooms.invite(roomId, { name, ...(permissions && { permissions }) })
  const context = await browser.newContext()
  const page = await context.newPage()
  page.setDefaultTimeout(patience.timeout)
  const complaints = watch(page)
  await page.goto(url.replace(server.url, base))
  return { page, complaints }
}

async function enter(...given: Parameters<typeof open>): Promise<Guest> {
  const guest = await open(...given)
  await guest.page.getByRole('button', { name: 'Join', exact: true }).click()
  return guest
}

/** Waits until this page plays moving pictures of so many others. */
async function seeOthers({ page }: Guest, names: string[]): Promise<void> {
  for (const name of names) {
    const video = page.locator(`figure[aria-label="${name}"] video`)
    await video.waitFor({ state: 'visible' })
    const element = await video.elementHandle()
    const playing = (video: SVGElement | HTMLElement | null) =>
      (video as HTMLVideoElement).getVideoPlaybackQuality().totalVideoFrames
    const before = await element?.evaluate(playing)
    await page.waitForFunction(
      ([video, before]) =>
        (video as HTMLVideoElement).getVideoPlaybackQuality().totalVideoFrames > (before as number) + 3,
      [element, before ?? 0],
      patience,
    )
  }
}

async function insideNow(roomId: string): Promise<string[]> {
  const [session] = await listSessions(server, roomId)
  return session === undefined
    ? []
    : session.participants
        .filter(({ participantId }) => insideOf(session).includes(participantId))
        .map(({ name }) => name)
        .sort()
}

describe('the room page', guard, () => {
  test('three people meet and see each other move; one drops and returns, one is removed; the record says so', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create({ customRoomId: 'three people' })
    await using network = Object.assign(await startNetwork(server.url), {
      [Symbol.asyncDispose]: () => network.close(),
    })
    const ann = await enter(browser, roomId, 'Ann', { permissions: ['allow_join', 'allow_mod'] })
    const bob = await enter(browser, roomId, 'Bob')
    const cem = await enter(browser, roomId, 'Cem', { base: network.url })
    await Promise.all([seeOthers(ann, ['Bob', 'Cem']), seeOthers(bob, ['Ann', 'Cem']), seeOthers(cem, ['Ann', 'Bob'])])
    assert.deepEqual(await insideNow(roomId), ['Ann', 'Bob', 'Cem'])

    network.cut()
    await cem.page.getByText('The connection is away').waitFor()
    await Promise.all([seeOthers(cem, ['Ann', 'Bob']), seeOthers(ann, ['Cem'])])
    const timesOf = async (name: string) => {
      const [session] = await listSessions(server, roomId)
      return session?.participants.find((one) => one.name === name)?.timelog.length
    }
    assert.deepEqual([await insideNow(roomId), await timesOf('Cem')], [['Ann', 'Bob', 'Cem'], 2])

    await bob.page.reload()
    await seeOthers(bob, ['Ann', 'Cem'])
    assert.equal(await timesOf('Bob'), 2)

    await ann.page.locator('figure[aria-label="Bob"]').hover()
    await ann.page.getByRole('button', { name: 'Remove Bob' }).click()
    await bob.page.getByRole('heading', { name: 'You were removed' }).waitFor()
    assert.deepEqual(await insideNow(roomId), ['Ann', 'Cem'])

    await cem.page.getByRole('button', { name: 'Leave' }).click()
    await cem.page.getByRole('heading', { name: 'You left' }).waitFor()
    await ann.page.locator('figure[aria-label="Cem"]').waitFor({ state: 'detached' })
    const sessions = await listSessions(server, roomId)
    assert.equal(sessions.length, 1)
    for (const { complaints } of [ann, bob, cem]) assert.deepEqual(complaints, [])
  })

  test('a guest who has to ask waits until somebody inside lets them in', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create()
    const ann = await enter(browser, roomId, 'Ann', { permissions: ['allow_join'] })
    await ann.page.getByText('Nobody else is here yet').waitFor()
    const eve = await enter(browser, roomId, 'Eve', { permissions: ['ask_join'] })
    await eve.page.getByText('Somebody inside has to let you in').waitFor()
    assert.deepEqual(await insideNow(roomId), ['Ann'])
    await ann.page.getByRole('button', { name: 'Let in' }).click()
    await seeOthers(eve, ['Ann'])
    assert.deepEqual(await insideNow(roomId), ['Ann', 'Eve'])
  })

  test('whoever turns off camera or microphone is seen so by the others, also after a reload, and a moderator can mute', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create()
    const ann = await enter(browser, roomId, 'Ann', { permissions: ['allow_join', 'allow_mod'] })
    const bob = await enter(browser, roomId, 'Bob')
    await seeOthers(ann, ['Bob'])
    await bob.page.getByRole('button', { name: 'Camera off' }).click()
    await ann.page.locator('figure[aria-label="Bob"] video').waitFor({ state: 'hidden' })
    await bob.page.getByRole('button', { name: 'Camera on' }).click()
    await seeOthers(ann, ['Bob'])
    await ann.page.locator('figure[aria-label="Bob"]').hover()
    await ann.page.getByRole('button', { name: 'Mute Bob' }).click()
    await bob.page.getByText('A moderator muted you').waitFor()
    await ann.page.locator('figure[aria-label="Bob"]').getByText('muted').waitFor()

    await bob.page.getByRole('button', { name: 'Camera off' }).click()
    await bob.page.reload()
    await bob.page.getByRole('button', { name: 'Unmute' }).waitFor()
    await bob.page.getByRole('button', { name: 'Camera on' }).waitFor()
    await ann.page.locator('figure[aria-label="Bob"]').getByText('muted').waitFor()
  })

  test('a ninth person is told that it takes a media server, and leaves the eight alone', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create()
    const token = await server.sign({ roles: ['rtc'] })
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    const rooms = names.map((name) => joinRoom({ url: server.url, token, roomId, participantId: name, name }))
    await Promise.all(rooms.map(({ joined }) => joined))
    const late = await enter(browser, roomId, 'Late')
    await late.page.getByRole('heading', { name: 'Eight people are here already' }).waitFor()
    await late.page.getByText('A larger meeting takes a media server').waitFor()
    assert.deepEqual(await insideNow(roomId), names)
    await Promise.all(rooms.map((room) => room.leave()))
  })

  test('a link without a token, and one for a room that is closed, say what is wrong', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const page = await browser.newPage()
    await page.goto(`${server.url}/room/abcd-efgh-ijkl`)
    await page.getByRole('heading', { name: 'This link is not whole' }).waitFor()
    const { roomId } = await rollcall.rooms.create()
    const late = await open(browser, roomId, 'Late')
    await rollcall.rooms.deactivate(roomId)
    await late.page.getByRole('button', { name: 'Join', exact: true }).click()
    await late.page.getByRole('heading', { name: 'There is no such room' }).waitFor(patience)
  })
})
