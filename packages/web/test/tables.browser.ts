import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import type { Browser, Page } from 'playwright-core'
import { recordSession } from '../../server/test/support/record-session.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { openBrowser } from './browser.ts'
import { makeLink } from './link.ts'

let server: TestServer
let rollcall: Rollcall
before(async () => {
  server = await startServer()
  rollcall = new Rollcall(server)
})
after(() => server.stop())

const patienceMs = 150_000
const minuteMs = 60_000

async function signIn(browser: Browser, locale = 'de-DE'): Promise<Page> {
  const context = await browser.newContext({ locale })
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  await page.goto(await makeLink(server))
  await page.getByRole('heading', { name: 'Sessions' }).waitFor()
  return page
}

/** The first column of a table, as it reads from above. */
const firstColumn = (page: Page, label: string) =>
  page.getByRole('region', { name: label }).locator('tbody tr > :first-child').allInnerTexts()

describe('a table that is whole on the page', { timeout: 600_000 }, () => {
  test('is put in order by its heads, also by the keyboard, and says by which', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create({ customRoomId: 'order' })
    const startAt = Date.now() - 3_600_000
    const people = [
      { name: 'Zoë', from: 0, minutes: 30 },
      { name: 'Person 10', from: 1, minutes: 5 },
      { name: 'ärgerlich', from: 2, minutes: 5 },
      { name: 'Person 9', from: 3, minutes: 20 },
    ]
    const stays = people.map(({ name, from, minutes }, n) => ({
      ...{ participantId: `p${n}`, name, joinedAt: startAt + from * minuteMs },
      leftAt: startAt + (from + minutes) * minuteMs,
    }))
    const sessionId = await recordSession(server, { roomId, startAt, endAt: startAt + 40 * minuteMs, stays })
    const page = await signIn(browser)
    await page.goto(`${server.url}/sessions/${sessionId}?view=attendance`)
    const head = (name: string) => page.getByRole('columnheader', { name })
    const names = async () => (await firstColumn(page, 'Attendance')).map((text) => text.split('\n')[0])
    await head('Person').waitFor()
    const given = ['Zoë', 'Person 10', 'ärgerlich', 'Person 9']
    assert.deepEqual(await names(), given)
    assert.equal(await head('Person').getAttribute('aria-sort'), 'none')

    await head('Person').getByRole('button').click()
    // As the reader's language has it, and by number where there is one.
    assert.deepEqual(await names(), ['ärgerlich', 'Person 9', 'Person 10', 'Zoë'])
    assert.equal(await head('Person').getAttribute('aria-sort'), 'ascending')
    const byTime = head('Inside for').getByRole('button')
    await byTime.focus()
    await page.keyboard.press('Enter')
    // Where two are alike, the order is as it was given.
    assert.deepEqual(await names(), ['Person 10', 'ärgerlich', 'Person 9', 'Zoë'])
    assert.equal(await head('Person').getAttribute('aria-sort'), 'none')
    await page.keyboard.press('Space')
    assert.deepEqual(await names(), ['Zoë', 'Person 9', 'Person 10', 'ärgerlich'])
    assert.equal(await head('Inside for').getAttribute('aria-sort'), 'descending')
    await page.keyboard.press('Enter')
    assert.deepEqual(await names(), given)
  })

  test('is the grid of a course too, of which all pages are in one order', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create({ customRoomId: 'course' })
    const startAt = Date.now() - 3_600_000
    const stays = [{ participantId: 'p119', name: 'Person 119', joinedAt: startAt, leftAt: startAt + 30 * minuteMs }]
    await recordSession(server, { roomId, startAt, endAt: startAt + 30 * minuteMs, stays })
    const { id } = await rollcall.schedules.create({
      ...{ name: 'Course', roomIds: ['course'], start: new Date(startAt).toISOString().slice(0, 16) },
      ...{ durationMinutes: 30, timeZone: 'UTC' },
      roster: Array.from({ length: 120 }, (_, n) => ({ participantId: `p${n}`, name: `Person ${n}` })),
    })
    const page = await signIn(browser)
    await page.goto(`${server.url}/schedules/${id}`)
    const absent = page.getByRole('columnheader', { name: 'Absent', exact: true })
    await absent.getByRole('button').click()
    assert.equal((await firstColumn(page, 'Who was there'))[0], 'Person 119')
    assert.equal(await absent.getAttribute('aria-sort'), 'ascending')
  })

  test('is printed with everybody and in which zone it is, and without what is pressed; people are found without accents', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create({ customRoomId: 'hall' })
    const startAt = Date.now() - 3_600_000
    const stays = Array.from({ length: 120 }, (_, n) => ({
      ...{ participantId: `p${n}`, name: n === 7 ? 'Zoë Ångström' : `Person ${n}` },
      ...{ joinedAt: startAt + n, leftAt: startAt + 30 * minuteMs },
    }))
    const sessionId = await recordSession(server, { roomId, startAt, endAt: startAt + 40 * minuteMs, stays })
    const page = await signIn(browser)
    await page.goto(`${server.url}/sessions/${sessionId}?view=attendance`)
    const rows = page.getByRole('region', { name: 'Attendance' }).locator('tbody tr')
    await rows.first().waitFor()
    assert.equal(await rows.count(), 50)
    await page.emulateMedia({ media: 'print' })
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')))
    assert.equal(await rows.count(), 120)
    assert.deepEqual(await page.getByRole('button').and(page.locator(':not(th *)')).allInnerTexts(), [])
    assert.equal(await page.getByLabel('Times are those of').isVisible(), true)
    await page.emulateMedia({ media: 'screen' })
    await page.evaluate(() => dispatchEvent(new Event('afterprint')))
    assert.equal(await rows.count(), 50)
    await page.getByLabel('Find a person').fill('zoe angstrom')
    assert.deepEqual(await firstColumn(page, 'Attendance'), ['Zoë Ångström\n\np7'])
  })

  test('is no list that comes page by page: its heads are no buttons', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const page = await signIn(browser)
    const head = page.getByRole('columnheader', { name: 'Started' }).first()
    await head.waitFor()
    assert.equal(await head.getByRole('button').count(), 0)
  })
})
