import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Rollcall, signToken } from '@rollcall/client'
import type { Browser, Page } from 'playwright-core'
import { build } from 'vite'
import { findFreePort } from '../../server/test/support/ports.ts'
import { type Program, runServer } from '../../server/test/support/run-program.ts'
import { openBrowser } from './browser.ts'

const key = { apiKey: 'dashboard-survives', secret: 'a secret that outlives the process'.repeat(2) }
const patienceMs = 150_000

let folder: string
let settings: { [name: string]: string }
let program: Program
let url: string
let rollcall: Rollcall
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
  settings = {
    ...{ ROLLCALL_DATA: folder, PORT: String(await findFreePort()), LOG_LEVEL: 'silent' },
    ...{ ROLLCALL_API_KEY: key.apiKey, ROLLCALL_SECRET: key.secret },
  }
  await start()
  rollcall = new Rollcall({ url, ...key })
})
after(async () => {
  await kill()
  await rm(folder, { recursive: true, force: true })
})

async function start(): Promise<void> {
  ;({ program, url } = await runServer(settings, {}))
}

async function kill(): Promise<void> {
  program.child.kill('SIGKILL')
  await program.ended
}

/** The next test has a server, whatever became of this one. */
async function startWhereKilled(): Promise<void> {
  if (program.child.signalCode !== null) await start()
}

async function reportSession(roomId: string): Promise<void> {
  const reporter = rollcall.report()
  await reporter.add({ id: roomId, type: 'session-started', at: Date.now(), roomId, sessionKey: roomId })
  await reporter.close()
}

async function fillSignIn(page: Page, token: string): Promise<void> {
  await page.getByRole('tab', { name: 'With a token' }).click()
  await page.getByRole('textbox', { name: 'Token' }).fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

async function openSignedIn(browser: Browser, token?: string): Promise<Page> {
  const page = await browser.newPage()
  page.setDefaultTimeout(patienceMs)
  const good = token ?? (await signToken(key, { roles: ['crawler'] }, { expiresInSeconds: 3600 }))
  await page.goto(url)
  await fillSignIn(page, good)
  await page.getByRole('heading', { name: 'Sessions' }).waitFor()
  return page
}

const away = (page: Page) => page.getByRole('alert').filter({ hasText: 'The server does not answer' }).first()

describe('an open dashboard', { timeout: 600_000 }, () => {
  test('says in its place that the server is away, and shows what is new when it is back, without being loaded again', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    await reportSession('before')
    const page = await openSignedIn(browser)
    await page.getByRole('link', { name: 'before' }).waitFor()
    await page.evaluate(() => Object.assign(globalThis, { isSame: true }))
    t.after(startWhereKilled)
    await kill()
    await away(page).waitFor()
    await page.getByRole('link', { name: 'before' }).waitFor()
    const followed = page.waitForResponse((response) => response.url().includes('/v2/stream') && response.ok())
    await start()
    await reportSession('after')
    await page.getByRole('link', { name: 'after' }).waitFor()
    await away(page).waitFor({ state: 'detached' })
    await followed
    assert.equal(await page.evaluate(() => 'isSame' in globalThis), true)
  })

  test('opens a page whose code was never loaded as soon as the server is back', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const page = await openSignedIn(browser)
    t.after(startWhereKilled)
    await kill()
    await page.getByRole('link', { name: 'Overview' }).click()
    await away(page).waitFor()
    await page.getByRole('link', { name: 'Rooms' }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/overview')
    await start()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await page.getByText('Live sessions').waitFor()
    assert.equal(new URL(page.url()).pathname, '/overview')
  })

  test('goes on as another build where the server has one, and offers that where even this has not the page', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const page = await openSignedIn(browser)
    let loads = 0
    page.on('load', () => loads++)
    const other = await buildOther()
    t.after(() => rm(other, { recursive: true, force: true }))
    let lacks = 'nothing'
    await page.route(/\/assets\/|\/[a-z]*$/, async (route) => {
      const { pathname } = new URL(route.request().url())
      const name = pathname.startsWith('/assets/') ? pathname : 'index.html'
      const body = await readFile(join(other, name)).catch(() => undefined)
      if (route.request().resourceType() === 'fetch') return route.fallback()
      if (body === undefined || name.includes(lacks)) return route.fulfill({ status: 404 })
      const contentType = { '.js': 'text/javascript', '.css': 'text/css' }[extname(name)] ?? 'text/html'
      await route.fulfill({ body, contentType })
    })
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByText('Live sessions').waitFor()
    await page.getByTitle('The version of Rollcall').getByText('another').waitFor()
    assert.equal(new URL(page.url()).pathname, '/overview')
    assert.equal(loads, 1)

    lacks = '/assets/other-page-'
    await page.getByRole('link', { name: 'Rooms' }).click()
    await page.getByText('Its code did not come from the server').waitFor()
    assert.equal(loads, 2, 'it is loaded again once, and not again and again')
    lacks = 'nothing'
    await page.getByRole('button', { name: 'Load it again' }).click()
    await page.getByRole('heading', { name: 'Rooms' }).waitFor()
  })

  test('asks for another token over the page when one ends, and what was begun there is still there', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const desk = await rollcall.keys.create({ name: 'desk', scopes: ['all'], expiresAt: 'never' })
    const token = await signToken(desk, { roles: ['crawler'] }, { expiresInSeconds: 3600 })
    const page = await openSignedIn(browser, token)
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.getByRole('button', { name: 'Add an endpoint' }).click()
    await page.getByLabel('Address').fill('https://receiver.example.org/begun')
    await rollcall.keys.update(desk.apiKey, { disabled: true })
    await page.getByText('You are no longer signed in').waitFor()
    await rollcall.keys.update(desk.apiKey, { disabled: false })
    await fillSignIn(page, token)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor({ state: 'detached' })
    assert.equal(await page.getByLabel('Address').inputValue(), 'https://receiver.example.org/begun')
    await page.keyboard.press('Escape')
    await page.getByText('Nobody is told yet').waitFor()
  })

  test('shows a failing answer in its place, asks again on demand and by itself', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const page = await openSignedIn(browser)
    let asked = 0
    await page.route(/\/v2\/rooms/, (route) => {
      asked++
      return route.fulfill({ status: 500, json: { statusCode: 500, error: 'The disk is gone', code: 'BROKEN' } })
    })
    await page.getByRole('link', { name: 'Rooms' }).click()
    const alert = page.getByRole('alert').filter({ hasText: 'The disk is gone' })
    await alert.waitFor()
    const before = asked
    await alert.getByRole('button', { name: 'Try again' }).click()
    while (asked === before) await page.waitForTimeout(50)
    await page.unroute(/\/v2\/rooms/)
    await alert.waitFor({ state: 'detached' })
    await page.getByRole('table', { name: 'Rooms' }).or(page.getByText('No room yet')).first().waitFor()
  })
})

/** The pages of another version, whose files have other names. */
async function buildOther(): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'rollcall-pages-'))
  await build({
    root: join(import.meta.dirname, '..'),
    logLevel: 'silent',
    define: { rollcallVersion: JSON.stringify('another') },
    build: {
      outDir,
      emptyOutDir: true,
      rolldownOptions: { output: { chunkFileNames: 'assets/other-[name]-[hash].js' } },
    },
  })
  return outDir
}
