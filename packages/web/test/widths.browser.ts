import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import { recordSession } from '../../server/test/support/record-session.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { openBrowser } from './browser.ts'
import { makeLink } from './link.ts'

let server: TestServer
let rollcall: Rollcall
before(async () => {
  server = await startServer({ ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' })
  rollcall = new Rollcall(server)
})
after(() => server.stop())

const patienceMs = 150_000
const hourMs = 3_600_000
const roomName = 'Einführung in die Wirtschaftsinformatik'
const name = 'Maximiliane Friederike von und zu Hohenlohe-Langenburg'

/** One of each thing that a page shows, with names that are as long as they get. Gives the pages. */
async function fill(): Promise<string[]> {
  const { roomId } = await rollcall.rooms.create({ customRoomId: roomName })
  const startAt = Date.now() - 40 * hourMs
  const stays = Array.from({ length: 12 }, (_, n) => ({
    participantId: `student-${n}@university-of-somewhere.example`,
    ...{ name: `${name} ${n}`, joinedAt: startAt + n, leftAt: startAt + 30 * hourMs },
  }))
  const sessionId = await recordSession(server, { roomId, startAt, endAt: startAt + 31 * hourMs, stays })
  const live = {
    roomId,
    startAt: Date.now() - hourMs,
    stays: [{ participantId: 'ann', joinedAt: Date.now() - hourMs }],
  }
  await recordSession(server, live)
  const { id: scheduleId } = await rollcall.schedules.create({
    ...{ name: 'Class', roomIds: [roomId], start: '2026-01-05T09:00', durationMinutes: 60, timeZone: 'UTC' },
    ...{ rrule: 'FREQ=WEEKLY;COUNT=40', roster: [{ participantId: 'ann', name: 'Ann'.repeat(40) }] },
  })
  await server.call('POST', '/v2/sources', { type: 'livekit', name: 'eu-1', apiKey: 'key', secret: 'secret'.repeat(6) })
  await server.call('POST', '/v2/users', { name: 'maximiliane', password: 'correct horse battery', role: 'viewer' })
  await server.call('POST', '/v2/keys', { name: 'The job that reports each night', scopes: ['read'] })
  const { id: webhookId } = await rollcall.webhooks.create({
    ...{ endPoint: `https://127.0.0.1/${'receiver/'.repeat(8)}`, events: ['session-*', 'participant-*'] },
  })
  const { keyId } = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
  while ((await server.context.writes.people.gather({ keyId })) > 0);
  const lists = ['', 'overview', 'people', 'rooms', 'schedules', 'sources', 'imports', 'webhooks', 'keys', 'users']
  return [
    ...lists.map((list) => `/${list}`),
    '/account',
    '/?person=nobody',
    ...['timeline', 'attendance', 'quality'].map((view) => `/sessions/${sessionId}?view=${view}`),
    '/people/ann',
    `/schedules/${scheduleId}?from=2026-01-01&to=2026-12-31`,
    `/webhooks/${webhookId}`,
  ]
}

/** What of the page lies beyond its sides, where nothing scrolls it there, or is cut off without saying so. */
function findUnseen(): string[] {
  const unseen = document.documentElement.scrollWidth > innerWidth ? ['the page scrolls sideways'] : []
  const told = (one: Element) => `${one.tagName} ${one.className} "${(one.textContent ?? '').slice(0, 40)}"`
  const isScrolled = (one: Element | null): boolean =>
    one !== null && (/auto|scroll|hidden/.test(getComputedStyle(one).overflowX) || isScrolled(one.parentElement))
  for (const one of document.querySelectorAll('header *, main *')) {
    const { left, right, width, height } = one.getBoundingClientRect()
    // What is there for those who hear it alone is a dot.
    if (width < 2 || height < 2) continue
    if ((right > innerWidth + 1 || left < -1) && !isScrolled(one.parentElement)) unseen.push(`beyond: ${told(one)}`)
    const { overflowX, textOverflow } = getComputedStyle(one)
    const isCut = overflowX === 'hidden' && textOverflow !== 'ellipsis' && one.scrollWidth > one.clientWidth + 1
    if (isCut) unseen.push(`cut: ${told(one)}`)
  }
  // A phone folds the columns of a table that it has no room for, but for a grid of persons and days.
  for (const one of document.querySelectorAll('main section[tabindex="0"]')) {
    const label = one.getAttribute('aria-label')
    const isGrid = label === 'Who was there'
    if (innerWidth < 500 && !isGrid && one.scrollWidth > one.clientWidth + 1) unseen.push(`scrolls sideways: ${label}`)
  }
  // Names break anywhere, and so a column that others squeeze is a letter wide.
  for (const one of document.querySelectorAll('tbody tr > :first-child')) {
    if (one.getBoundingClientRect().width < 90) unseen.push(`squeezed: ${told(one)}`)
  }
  return unseen
}

describe('every page shows all that is on it', { timeout: 900_000 }, () => {
  let paths: string[] | undefined
  for (const { width, locale, is } of [
    { width: 390, locale: 'en-US', is: 'as wide as a phone' },
    { width: 768, locale: 'de-DE', is: 'as wide as a tablet' },
    { width: 768, locale: 'ar', is: 'from right to left' },
    { width: 1440, locale: 'en-US', is: 'as wide as a screen' },
  ]) {
    test(`${is}, without scrolling sideways`, async (t) => {
      const browser = await openBrowser(t)
      if (browser === undefined) return
      paths ??= await fill()
      const context = await browser.newContext({ locale, viewport: { width, height: 900 } })
      const page = await context.newPage()
      page.setDefaultTimeout(patienceMs)
      await page.goto(await makeLink(server))
      // Signed in, before another page is asked for.
      await page.getByRole('heading', { name: 'Sessions' }).waitFor()
      for (const path of paths) {
        await page.goto(`${server.url}${path}`)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.getByLabel('Times are those of').waitFor()
        await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' })
        if (path.startsWith('/schedules/')) {
          await page.getByRole('row', { name: /^Ann/ }).waitFor()
          await page.getByRole('link', { name: roomName }).waitFor()
        }
        assert.deepEqual(await page.evaluate(findUnseen), [], `${path}, ${width} px, ${locale}`)
      }
    })
  }
})

test('a session over several days is told with its days, and in the reader’s own way', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const { roomId } = await rollcall.rooms.create({ customRoomId: 'night' })
  const startAt = Date.parse('2026-03-03T18:00:00Z')
  const endAt = startAt + 30 * hourMs
  const stays = [{ participantId: 'bob', name: 'Bob', joinedAt: startAt, leftAt: endAt }]
  const sessionId = await recordSession(server, { roomId, startAt, endAt, stays })
  const context = await browser.newContext({ locale: 'de-DE', timezoneId: 'Europe/Berlin' })
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  await page.goto(await makeLink(server))
  await page.getByRole('heading', { name: 'Sessions' }).waitFor()
  await page.goto(`${server.url}/sessions/${sessionId}`)
  await page.getByText('03.03.2026, 19:00 – 05.03.2026, 01:00 · 30 h').waitFor()
  await page.getByRole('tab', { name: 'Attendance' }).click()
  const cells = page.getByRole('row', { name: /^Bob/ }).getByRole('cell')
  assert.deepEqual((await cells.allInnerTexts()).slice(1, 3), ['03.03.2026, 19:00', '05.03.2026, 01:00'])
  assert.doesNotMatch((await page.locator('body').allInnerTexts()).join(), /\d\/\d+\/\d\d|\d [AP]M\b/)
})

test('whoever came in one week alone has a bar of it', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  const { roomId } = await rollcall.rooms.create({ customRoomId: 'once' })
  const startAt = Date.parse('2026-03-03T18:00:00Z')
  const stays = [{ participantId: 'cem', joinedAt: startAt, leftAt: startAt + hourMs }]
  await recordSession(server, { roomId, startAt, endAt: startAt + hourMs, stays })
  const { keyId } = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
  while ((await server.context.writes.people.gather({ keyId })) > 0);
  const page = await (await browser.newContext({ colorScheme: 'light' })).newPage()
  page.setDefaultTimeout(patienceMs)
  await page.goto(await makeLink(server))
  await page.getByRole('heading', { name: 'Sessions' }).waitFor()
  await page.goto(`${server.url}/people/cem`)
  await page.getByRole('img', { name: 'Hours by week: at most 1 h in a week' }).waitFor()
  // The colour of a bar is somewhere in it.
  await page.waitForFunction(() => {
    const canvas = document.querySelector('canvas')
    const { data } = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] }
    for (let at = 0; at < data.length; at += 4) {
      if (data[at] === 0x23 && data[at + 1] === 0x70 && data[at + 2] === 0x32) return true
    }
    return false
  })
})
