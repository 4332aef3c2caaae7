import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import type { Browser, Page } from 'playwright-core'
import { startReceiver } from '../../server/test/support/clients/webhook-receiver.ts'
import { recordSession } from '../../server/test/support/record-session.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { until } from '../../server/test/support/until.ts'
import { openBrowser } from './browser.ts'
import { makeLink } from './link.ts'
import { recordMeeting } from './meeting.ts'

let server: TestServer
let rollcall: Rollcall
before(async () => {
  server = await startServer({ ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' })
  rollcall = new Rollcall(server)
})
after(() => server.stop())

const patienceMs = 150_000
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core'), 'utf8')

type Violation = { id: string; impact: string; nodes: { html: string }[] }

/** Fails where the page hinders somebody seriously, by WCAG, in light or in dark, or has no heading that says what it is. */
async function assertNoBarrier(page: Page, name: string): Promise<void> {
  await page.evaluate(axe)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    // All that dark alters is the colours.
    const options = colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {}
    const violations = await page.evaluate(async (options) => {
      // Colours that are on their way to others are neither; they set out a frame or two after the scheme changes.
      for (let still = 0; still < 3; still++) {
        await new Promise(requestAnimationFrame)
        const moving = document.getAnimations()
        // One that is called off, as its element goes, is over too.
        await Promise.allSettled(moving.map(({ finished }) => finished))
        if (moving.length > 0) still = 0
      }
      const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<{ violations: Violation[] }> } }
      return (await axe.run(options)).violations
    }, options)
    const barriers = violations
      .filter(({ id, impact }) => impact === 'serious' || impact === 'critical' || id === 'page-has-heading-one')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 150)).join(' | ')}`)
    assert.deepEqual(barriers, [], `${name}, ${colorScheme}`)
  }
}

async function open(browser: Browser): Promise<Page> {
  const page = await browser.newPage()
  page.setDefaultTimeout(patienceMs)
  return page
}

/** One of each thing that a page shows, and the pages. */
async function fill(): Promise<string[]> {
  await using receiver = Object.assign(await startReceiver(), { [Symbol.asyncDispose]: () => receiver.stop() })
  await server.call('POST', '/v2/sources', { type: 'livekit', name: 'eu-1', apiKey: 'key', secret: 'secret'.repeat(6) })
  const { id: taking } = await rollcall.webhooks.create({ endPoint: receiver.url, events: ['*'] })
  const { id: disabled } = await rollcall.webhooks.create({ endPoint: receiver.url, events: ['test'] })
  await rollcall.webhooks.update(disabled, { enabled: false })
  const { roomId } = await rollcall.rooms.create({ customRoomId: 'live' })
  const startAt = Date.now() - 60_000
  const stays = [{ participantId: 'ann', name: 'Ann', joinedAt: startAt }]
  const liveId = await recordSession(server, { roomId, startAt, stays })
  const sessionId = await recordMeeting(server)
  await until(() => receiver.taken.length === 8)
  const { id: scheduleId } = await rollcall.schedules.create({
    ...{ name: 'Class', roomIds: ['live'], start: new Date(startAt - 3_600_000).toISOString().slice(0, 16) },
    ...{ durationMinutes: 30, timeZone: 'UTC', rrule: 'FREQ=DAILY' },
    roster: [{ participantId: 'ann', name: 'Ann' }, { participantId: 'bob' }],
  })
  return [
    '/',
    '/?person=nobody',
    `/sessions/${liveId}`,
    `/sessions/${sessionId}`,
    `/sessions/${sessionId}?view=attendance`,
    `/sessions/${sessionId}?view=quality`,
    '/sessions/none',
    '/overview',
    '/people',
    '/people/ann',
    '/schedules',
    `/schedules/${scheduleId}`,
    '/rooms',
    '/sources',
    '/imports',
    '/webhooks',
    `/webhooks/${taking}`,
  ]
}

describe('no serious barrier, in light and dark', { timeout: 600_000 }, () => {
  test('is on any page of the dashboard', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const paths = await fill()
    const page = await open(browser)
    await page.goto(server.url)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await assertNoBarrier(page, 'sign-in')
    await page.goto(await makeLink(server))
    await page.getByRole('heading', { name: 'Sessions' }).waitFor()
    for (const path of paths) {
      await page.goto(server.url + path)
      await page.locator('main').getByText(/./).first().waitFor()
      await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' })
      await assertNoBarrier(page, path)
    }
    await page.getByRole('button', { name: 'Details of session-ended' }).click()
    await page.getByRole('dialog').getByText('webhook-id').waitFor()
    await assertNoBarrier(page, 'a dialog')
  })

  test('is on the room page: before, inside, and after', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create()
    const { url } = await rollcall.rooms.invite(roomId, { name: 'Ann' })
    const page = await open(browser)
    await page.goto(url)
    const join = page.getByRole('button', { name: 'Join', exact: true })
    await join.and(page.locator(':not([data-loading])')).waitFor()
    await assertNoBarrier(page, 'lobby')
    await join.click()
    await page.getByText('Nobody else is here yet').waitFor()
    await assertNoBarrier(page, 'inside')
    await page.getByRole('button', { name: 'Leave' }).click()
    await page.getByRole('heading', { name: 'You left' }).waitFor()
    await assertNoBarrier(page, 'after')
  })
})
