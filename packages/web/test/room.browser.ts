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
  return visit(browser, url.replace(server.url, base))
}

async function visit(browser: Browser, url: string): Promise<Guest> {
  const context = await browser.newContext()
  const page = await context.newPage()
  page.setDefaultTimeout(patience.timeout)
  const complaints = watch(page)
  await page.goto(url)
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

/** Waits until so many tiles are there, all of one size, as wide as they are high by 16 to 9, and all on the screen. */
async function seeWholeTiles(page: Page, count: number): Promise<void> {
  const areSo = (count: number) => {
    const boxes = [...document.querySelectorAll('figure')].map((figure) => figure.getBoundingClientRect())
    const isWhole = ({ width, height, right, bottom }: DOMRect) =>
      Math.abs(width / height - 16 / 9) < 0.03 && right <= innerWidth && bottom <= innerHeight
    const widths = new Set(boxes.map(({ width }) => Math.round(width)))
    return boxes.length === count && widths.size === 1 && boxes.every(isWhole)
  }
  await page.waitForFunction(areSo, count, patience)
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
  test('three people meet and see each other move, whole; one drops and returns, one is kept out and let back; the record says so', async (t) => {
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

    const mend = network.fail()
    const banner = cem.page.getByText('Connection to the server lost')
    await banner.waitFor()
    mend()
    await Promise.all([seeOthers(cem, ['Ann', 'Bob']), seeOthers(ann, ['Cem'])])
    await banner.waitFor({ state: 'detached' })
    const timesOf = async (name: string) => {
      const [session] = await listSessions(server, roomId)
      return session?.participants.find((one) => one.name === name)?.timelog.length
    }
    assert.deepEqual([await insideNow(roomId), await timesOf('Cem')], [['Ann', 'Bob', 'Cem'], 2])

    await bob.page.reload()
    await seeOthers(bob, ['Ann', 'Cem'])
    assert.equal(await timesOf('Bob'), 2)

    for (const { page } of [ann, bob, cem]) await seeWholeTiles(page, 3)
    await bob.page.getByText('Host: Ann').waitFor()
    await bob.page.getByRole('heading', { name: 'three people' }).waitFor()
    await ann.page.locator('figure[aria-label="Bob"]').hover()
    await ann.page.getByRole('button', { name: 'Remove Bob' }).click()
    await ann.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await bob.page.getByRole('heading', { name: 'You were removed' }).waitFor()
    assert.deepEqual(await insideNow(roomId), ['Ann', 'Cem'])

    await bob.page.reload()
    await bob.page.getByRole('button', { name: 'Join', exact: true }).click()
    await bob.page.getByRole('heading', { name: 'You are kept out of this room' }).waitFor()
    assert.deepEqual(await insideNow(roomId), ['Ann', 'Cem'])
    await ann.page.getByRole('button', { name: 'Let Bob back' }).click()
    await ann.page.getByRole('button', { name: 'Let Bob back' }).waitFor({ state: 'detached' })
    await bob.page.getByRole('button', { name: 'Join again' }).click()
    await bob.page.getByRole('button', { name: 'Join', exact: true }).click()
    await seeOthers(ann, ['Bob'])
    assert.equal(await timesOf('Bob'), 3)
    await bob.page.getByRole('button', { name: 'Leave' }).click()

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
    await bob.page.getByText('A host muted you').waitFor()
    await ann.page.locator('figure[aria-label="Bob"]').getByText('muted').waitFor()

    await bob.page.getByRole('button', { name: 'Camera off' }).click()
    await bob.page.reload()
    await bob.page.getByRole('button', { name: 'Unmute' }).waitFor()
    await bob.page.getByRole('button', { name: 'Camera on' }).waitFor()
    await ann.page.locator('figure[aria-label="Bob"]').getByText('muted').waitFor()
  })

  test('a link with a name is one person in two windows; whoever types that name is marked for everybody, and so in the record', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create()
    const { url } = await rollcall.rooms.invite(roomId, {
      name: 'Ms Lovelace',
      permissions: ['allow_join', 'allow_mod'],
    })
    const [laptop, phone] = [await visit(browser, url), await visit(browser, url)]
    assert.equal(await laptop.page.getByLabel('Your name').isEditable(), false)
    for (const { page } of [laptop, phone]) await page.getByRole('button', { name: 'Join', exact: true }).click()
    await laptop.page.getByRole('heading', { name: 'You are here in another window' }).waitFor()
    assert.deepEqual(await insideNow(roomId), ['Ms Lovelace'])

    const many = await visit(browser, (await rollcall.rooms.invite(roomId)).url)
    await many.page.getByLabel('Your name').fill('ms. LOVELACE')
    await many.page.getByRole('button', { name: 'Join', exact: true }).click()
    for (const { page } of [phone, many]) {
      await page.locator('figure[aria-label="ms. LOVELACE"]').getByText('somebody else has it').waitFor()
    }
    const [session] = await listSessions(server, roomId)
    assert.deepEqual(session?.participants.map(({ name, nameSource }) => [name, nameSource]).sort(), [
      ['Ms Lovelace', 'bound'],
      ['ms. LOVELACE', 'alike'],
    ])
    await many.page.reload()
    await seeOthers(phone, ['ms. LOVELACE'])
    assert.equal((await listSessions(server, roomId))[0]?.participants.length, 2)
  })

  test('a host shares the screen beside the camera, locks the room, and ends the meeting for everybody after a question', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create()
    const ann = await enter(browser, roomId, 'Ann', { permissions: ['allow_join', 'allow_mod'] })
    const bob = await enter(browser, roomId, 'Bob')
    await seeOthers(bob, ['Ann'])
    await ann.page.getByRole('button', { name: 'Share screen' }).click()
    await seeOthers(bob, ['Ann: screen', 'Ann'])
    await seeOthers(ann, ['Ann: screen', 'Ann', 'Bob'])
    await ann.page.getByRole('button', { name: 'Stop sharing' }).click()
    await bob.page.locator('figure[aria-label="Ann: screen"]').waitFor({ state: 'detached' })

    await ann.page.getByRole('button', { name: 'Lock', exact: true }).click()
    await bob.page.getByText('locked: nobody new comes in').waitFor()
    const late = await enter(browser, roomId, 'Late')
    await late.page.getByRole('heading', { name: 'The room is locked' }).waitFor()
    await ann.page.getByRole('button', { name: 'End for everyone' }).click()
    assert.deepEqual(await insideNow(roomId), ['Ann', 'Bob'])
    await ann.page.getByRole('dialog').getByRole('button', { name: 'End for everyone' }).click()
    for (const { page } of [ann, bob]) await page.getByRole('heading', { name: 'The meeting is over' }).waitFor()
    for (const { complaints } of [ann, bob, late]) assert.deepEqual(complaints, [])
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

  test('a link that was revoked, and one of an older form, are met as they should be', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create()
    const { url, id } = await rollcall.rooms.invite(roomId, { name: 'Ann' })
    await rollcall.rooms.revokeInvite(roomId, id)
    const { page } = await visit(browser, url)
    await page.getByRole('heading', { name: 'This link is not good, or no longer' }).waitFor()
    await page.getByText('Ask whoever sent it for another').waitFor()
    const token = await server.sign({ roles: ['rtc'], roomId, permissions: ['allow_join'] })
    const old = await visit(browser, `${server.url}/room/${roomId}#token=${token}&name=Old`)
    await old.page.getByRole('button', { name: 'Join', exact: true }).click()
    await old.page.getByText('Nobody else is here yet').waitFor()
    assert.deepEqual(await insideNow(roomId), ['Old'])
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
