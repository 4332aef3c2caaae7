import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { buildPages } from '../../build/build.ts'
import { createLink } from '../server/src/api/auth/sign-in-link.ts'
import { type App, startApp } from '../server/src/app/app.ts'
import { readConfig } from '../server/src/config.ts'
import { recordSession } from '../server/test/support/record-session.ts'

// npm run bench -w packages/web. How long a session with 2,000 people takes to open, and whether moving it in time keeps up with the
// hand. Times are of this machine: they are printed, and no test asserts them.

const people = 2000
const rounds = 9
const drags = 5
const movesPerDrag = 60
/** A mouse tells where it is about so often. */
const moveMs = 16
/** After so long the server keeps the JSON of a session that is over, and makes it no more for each caller. */
const quietMs = 35_000
const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'

await buildPages((line) => console.error(line))
const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-web-'))
const app = await startApp(readConfig({ PORT: '0', ROLLCALL_DATA: folder, LOG_LEVEL: 'silent' }))
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  console.log(`Node ${process.version}, Chromium ${browser.version()}, ${availableParallelism()} × ${cpus()[0]?.model}`)
  const sessionId = await fill(app)
  const page = await signIn(app, browser)
  tell('just over, opened from the list', await repeat(() => openFromList(page, sessionId)))
  tell('just over, opened by its address', await repeat(() => openByAddress(page, sessionId)))
  await setTimeout(quietMs)
  tell('over for a while, opened from the list', await repeat(() => openFromList(page, sessionId)))
  tell('over for a while, opened by its address', await repeat(() => openByAddress(page, sessionId)))
  const { intervals, lost } = await dragAlong(page)
  tell('dragged, from frame to frame', intervals)
  console.log(`  moves of the mouse that had no effect: ${lost} of ${drags * movesPerDrag}`)
} finally {
  await browser.close()
  await app.stop()
  await rm(folder, { recursive: true, force: true })
}

/** Two times inside each, over an hour that is gone. */
async function fill({ context, firstKey }: App): Promise<string> {
  if (firstKey === undefined) throw new Error('the server has no key')
  const startAt = Date.now() - 7_200_000
  const stays = Array.from({ length: people }, (_, n) => {
    const who = { participantId: `person-${n}`, name: `Person ${n}` }
    return [
      { ...who, joinedAt: startAt + n * 100, leftAt: startAt + 1_750_000 + n * 10 },
      { ...who, joinedAt: startAt + 1_850_000 + n * 10, leftAt: startAt + 3_600_000 - n },
    ]
  }).flat()
  return recordSession(
    { context, apiKey: firstKey.apiKey },
    { roomId: 'all-hands', startAt, endAt: startAt + 3_600_000, stays },
  )
}

async function signIn({ context, firstKey, url }: App, browser: Browser): Promise<Page> {
  if (firstKey === undefined) throw new Error('the server has no key')
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  await page.goto(await createLink(firstKey, url, context))
  await page.getByRole('link', { name: 'all-hands' }).waitFor()
  return page
}

async function repeat(run: () => Promise<number>): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) times.push(await run())
  return times
}

/** Measured in the page, from the click to the frame that shows the rows: what drives the browser adds nothing. */
async function openFromList(page: Page, sessionId: string): Promise<number> {
  await page.goto(app.url)
  const link = page.locator(`a[href="/sessions/${sessionId}"]`)
  await link.waitFor()
  return link.evaluate(async (element) => {
    const begun = performance.now()
    ;(element as HTMLElement).click()
    while (document.querySelector('main li') === null) await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    return performance.now() - begun
  })
}

/** Measured from the begin of the navigation. */
async function openByAddress(page: Page, sessionId: string): Promise<number> {
  await page.goto(`${app.url}/sessions/${sessionId}`, { waitUntil: 'commit' })
  return page.evaluate(async () => {
    while (document.querySelector('main li') === null) await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    return performance.now()
  })
}

/** Zooms in, then drags back and forth: how far it moved in all tells whether a move of the mouse was lost. */
async function dragAlong(page: Page): Promise<{ intervals: number[]; lost: number }> {
  const timeline = page.getByRole('region', { name: /^Timeline/ })
  for (let step = 0; step < 6; step += 1) await timeline.press('+')
  const track = page.locator('main li [data-track]').first()
  const box = await track.boundingBox()
  if (box === null) throw new Error('no row is drawn')
  const bar = page.locator('main li [data-track] > [role="img"]').first()
  await page.evaluate(() => {
    const frames: number[] = []
    Object.assign(globalThis, { frames })
    const note = (at: number) => {
      frames.push(at)
      requestAnimationFrame(note)
    }
    requestAnimationFrame(note)
  })
  const step = 3
  let lost = 0
  const y = box.y + box.height / 2
  for (let drag = 0; drag < drags; drag += 1) {
    const direction = drag % 2 === 0 ? 1 : -1
    const from = box.x + box.width / 2 - (direction * step * movesPerDrag) / 2
    const before = await rightEdge(bar)
    await page.mouse.move(from, y)
    await page.mouse.down()
    for (let move = 1; move <= movesPerDrag; move += 1) {
      await page.mouse.move(from + direction * step * move, y)
      await page.waitForTimeout(moveMs)
    }
    await page.mouse.up()
    const moved = Math.abs((await rightEdge(bar)) - before)
    lost += Math.round(Math.abs(movesPerDrag * step - moved) / step)
  }
  const frames = await page.evaluate(() => (globalThis as unknown as { frames: number[] }).frames)
  return { intervals: frames.slice(1).map((at, n) => at - (frames[n] ?? at)), lost }
}

async function rightEdge(bar: ReturnType<Page['locator']>): Promise<number> {
  const box = await bar.boundingBox()
  if (box === null) throw new Error('the bar left what is shown')
  return box.x + box.width
}

function tell(what: string, values: number[]): void {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0).toFixed(0)
  console.log(`  ${what}: median ${at(0.5)} ms, 99 of 100 within ${at(0.99)} ms, most ${at(1)} ms`)
}
