import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { findFreePort } from '../../server/test/support/ports.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { openBrowser, watch } from './browser.ts'
import { makeLink } from './link.ts'
import { recordMeeting } from './meeting.ts'

const patienceMs = 150_000

let folder: string
let settings: { [name: string]: string }
let server: TestServer
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
  settings = { ROLLCALL_DATA: folder, PORT: String(await findFreePort()) }
  server = await startServer(settings)
  await recordMeeting(server)
})
after(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function openPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  return page
}

async function signIn(page: Page, name: string, password: string): Promise<void> {
  await page.goto(server.url)
  await page.getByRole('textbox', { name: 'Name' }).fill(name)
  await page.getByRole('textbox', { name: 'Password' }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const pagesOf = (page: Page) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents()

describe('whoever signs in', { timeout: 600_000 }, () => {
  test('by a link adds a user, who stays signed in in two tabs, and after restarts of server and browser', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const page = await openPage(await browser.newContext())
    const complaints = watch(page)
    await page.goto(await makeLink(server))
    await page.getByRole('link', { name: 'Users' }).click()
    await page.getByRole('button', { name: 'Add a user' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('Anna')
    await dialog.getByLabel('Viewer').check()
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    const password = (await dialog.getByLabel('Password').textContent()) ?? ''
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('row', { name: /^Anna viewer never/ }).waitFor()
    assert.ok(!(await page.content()).includes(password))
    assert.deepEqual(complaints, [])

    const context = await browser.newContext()
    const first = await openPage(context)
    await signIn(first, 'Anna', 'not her password')
    await first.getByText('The name or the password is wrong').waitFor()
    await signIn(first, 'anna', password)
    await first.getByRole('link', { name: 'planning' }).waitFor()
    assert.deepEqual(await pagesOf(first), ['Sessions', 'Overview', 'People', 'Rooms', 'Schedules'])
    const second = await openPage(context)
    await second.goto(`${server.url}/rooms`)
    await second.getByRole('heading', { name: 'Rooms' }).waitFor()

    await server.stop()
    server = await startServer(settings)
    const reopened = await browser.newContext({ storageState: await context.storageState() })
    const third = await openPage(reopened)
    await third.goto(server.url)
    await third.getByRole('link', { name: 'planning' }).waitFor()
    await third.getByText('Anna, viewer of Owner').waitFor()
    await third.getByRole('link', { name: 'Account' }).click()
    await third.getByLabel('Current password').fill(password)
    await third.getByLabel('New password').fill('a better password')
    await third.getByRole('button', { name: 'Change it' }).click()
    await third.getByText('It is changed.').waitFor()
    await third.getByRole('table', { name: 'Where you are signed in' }).getByText('This one').waitFor()

    const fourth = await openPage(await browser.newContext())
    await signIn(fourth, 'Anna', 'a better password')
    await fourth.getByRole('link', { name: 'planning' }).waitFor()
    const other = third.getByRole('table', { name: 'Where you are signed in' })
    await other.getByRole('button', { name: 'Sign out', exact: true }).click()
    await third.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click()
    await fourth.getByText('You are no longer signed in').waitFor()
  })

  test('with a token that is bound to a room sees that room', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { body } = await server.call<{ data: { roomId: string }[] }>('GET', '/v2/rooms')
    const token = await server.sign({ roles: ['crawler'], roomId: body.data[0]?.roomId ?? '' })
    const page = await openPage(await browser.newContext())
    await page.goto(server.url)
    await page.getByRole('tab', { name: 'With a token' }).click()
    await page.getByRole('textbox', { name: 'Token' }).fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'planning' }).waitFor()
    assert.deepEqual(await pagesOf(page), ['Sessions', 'Rooms'])
  })

  test('shares the report of a session, which opens without signing in until it is taken back', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const page = await openPage(await browser.newContext())
    await page.goto(await makeLink(server))
    await page.getByRole('link', { name: 'planning' }).click()
    await page.getByRole('button', { name: 'Share' }).click()
    await page.getByRole('button', { name: 'Make a link' }).click()
    const url = (await page.getByLabel('Link', { exact: true }).textContent()) ?? ''
    const stranger = await openPage(await browser.newContext())
    const complaints = watch(stranger)
    await stranger.goto(url)
    await stranger.getByRole('row', { name: /^Bob .* 9 min/ }).waitFor()
    assert.deepEqual(await stranger.getByRole('link').count(), 0)
    assert.deepEqual(complaints, [])
    await page.getByRole('button', { name: 'Take back' }).click()
    await page.getByRole('dialog', { name: 'Take back' }).getByRole('button', { name: 'Take back' }).click()
    await page.getByText(/^A link, until/).waitFor({ state: 'detached' })
    await stranger.reload()
    await stranger.getByText('This link opens nothing').waitFor()
  })
})
