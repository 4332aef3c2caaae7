import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KeyPair, Rollcall, signToken } from '@rollcall/client'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { buildPages } from '../../build/build.ts'
import { createLink } from '../server/src/api/auth/sign-in-link.ts'
import { startApp } from '../server/src/app/app.ts'
import { fillDemo } from '../server/src/cli/demo/demo.ts'
import { readConfig } from '../server/src/config.ts'
import { type Receiver, startReceiver } from '../server/test/support/clients/webhook-receiver.ts'
import { until } from '../server/test/support/until.ts'

// Takes the pictures of the pages anew, of demo data: docs/images, in light, dark and phone width.

const images = join(import.meta.dirname, '../../docs/images')
const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const patienceMs = 180_000
const imageMaxBytes = 200_000
const looks = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 780 }, colorScheme: 'light' },
} as const

await buildPages((line) => console.log(line))
await mkdir(images, { recursive: true })
const folder = await mkdtemp(join(tmpdir(), 'rollcall-screenshots-'))
const settings = { PORT: '0', ROLLCALL_DATA: folder, LOG_LEVEL: 'silent', ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' }
const app = await startApp(readConfig(settings))
const receiver = await startReceiver()
const args = ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']
const browser = await chromium.launch({ executablePath, args })
try {
  const key = await fillDemo(app.context)
  const rollcall = new Rollcall({ url: app.url, ...key })
  const [live] = (await rollcall.sessions.list({ query: 'demo-workshop' }).page()).data
  const [measured] = (await rollcall.sessions.list({ query: 'demo-standup', status: 'ended' }).page()).data
  await addSource(key)
  const webhookId = await sendWebhooks(rollcall, receiver)
  const pages: { [name: string]: string } = {
    sessions: '/',
    session: `/sessions/${live?.id}`,
    attendance: `/sessions/${live?.id}?view=attendance`,
    quality: `/sessions/${measured?.id}?view=quality`,
    overview: '/overview',
    rooms: '/rooms',
    sources: '/sources',
    keys: '/keys',
    webhooks: '/webhooks',
    webhook: `/webhooks/${webhookId}`,
  }
  for (const [look, options] of Object.entries(looks)) {
    const context = await browser.newContext(options)
    const page = await open(context)
    await page.goto(app.url)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await take(page, `sign-in-${look}`)
    await page.goto(await createLink(key, app.url, app.context))
    await page.getByRole('heading', { name: 'Sessions' }).waitFor()
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(app.url + path)
      await page.locator('h1').waitFor()
      await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' })
      await take(page, `${name}-${look}`)
    }
    await context.close()
  }
  for (const [look, options] of Object.entries(looks)) {
    const { roomId } = await rollcall.rooms.create({ customRoomId: `demo-room-${look}` })
    let last: Page | undefined
    for (const name of ['Ada Lovelace', 'Alan Turing', 'Grace Hopper']) {
      const { url } = await rollcall.rooms.invite(roomId, { name, permissions: ['allow_join', 'allow_mod'] })
      last = await open(await browser.newContext(options))
      await last.goto(url)
      const join = last.getByRole('button', { name: 'Join', exact: true })
      await join.and(last.locator(':not([data-loading])')).waitFor()
      if (name === 'Grace Hopper') await take(last, `lobby-${look}`)
      await join.click()
    }
    await last?.waitForFunction(
      () =>
        [...document.querySelectorAll('video')].filter((video) => video.getVideoPlaybackQuality().totalVideoFrames > 5)
          .length === 3,
    )
    if (last !== undefined) await take(last, `room-${look}`)
    // Nine people in moving pictures are more than most machines draw at once.
    await Promise.all(browser.contexts().map((context) => context.close()))
  }
} finally {
  await browser.close()
  await app.stop()
  await receiver.stop()
  await rm(folder, { recursive: true, force: true })
}

/** A media server that has not reported yet. */
async function addSource(key: KeyPair): Promise<void> {
  const token = await signToken(key, { roles: ['crawler'] })
  const answer = await fetch(`${app.url}/v2/sources`, {
    method: 'POST',
    headers: { authorization: token, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'livekit', name: 'eu-1', apiKey: 'demo', secret: randomBytes(32).toString('hex') }),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

/** An endpoint that took some of what was sent, and one that was disabled. @returns the id of the first */
async function sendWebhooks(rollcall: Rollcall, receiver: Receiver): Promise<string> {
  receiver.answer = ({ webhook }) =>
    webhook.webhookType === 'session-ended' ? { status: 503, body: 'down for maintenance' } : 200
  const disabled = await rollcall.webhooks.create({ endPoint: `${receiver.url}/old`, events: ['session-ended'] })
  await rollcall.webhooks.update(disabled.id, { enabled: false })
  const { id } = await rollcall.webhooks.create({ endPoint: receiver.url, events: ['session-*', 'participant-*'] })
  await rollcall.webhooks.test(id)
  const reporter = rollcall.report()
  const startAt = Date.now() - 3 * 60_000
  const ada = { roomId: 'demo-interview', sessionKey: 'shown', participantId: 'ada', name: 'Ada Lovelace' }
  await reporter.add({ ...ada, id: 'in', type: 'participant-joined', at: startAt })
  await reporter.add({ ...ada, id: 'out', type: 'participant-left', at: startAt + 150_000 })
  await reporter.add({ ...ada, id: 'end', type: 'session-ended', at: startAt + 160_000 })
  await reporter.close()
  await until(() => receiver.received.length >= 5)
  return id
}

async function open(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  return page
}

/** Once nothing moves any more that has to settle: charts and fonts. */
async function take(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(800)
  const path = join(images, `${name}.png`)
  await page.screenshot({ path })
  const { size } = await stat(path)
  if (size > imageMaxBytes) throw new Error(`${path} has ${size} bytes: at most ${imageMaxBytes}`)
  console.log(name, size)
}
