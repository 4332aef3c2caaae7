import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import type { Page } from 'playwright-core'
import { type Receiver, startReceiver } from '../../server/test/support/clients/webhook-receiver.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { openBrowser, watch } from './browser.ts'
import { makeLink } from './link.ts'
import { recordMeeting } from './meeting.ts'

let server: TestServer
let receiver: Receiver
let rollcall: Rollcall
before(async () => {
  server = await startServer({ ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' })
  receiver = await startReceiver()
  rollcall = new Rollcall(server)
})
after(async () => {
  await server.stop()
  await receiver.stop()
})

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const rows = (page: Page, name: RegExp) => page.getByRole('row', { name })

describe('the webhooks page', { timeout: 600_000 }, () => {
  test('adds an endpoint, shows its secret once, and shows what was sent and what it was answered', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const page = await browser.newPage()
    page.setDefaultTimeout(150_000)
    const complaints = watch(page)
    await page.goto(await makeLink(server))
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.getByText('Nobody is told yet').waitFor()
    await button(page, 'Add an endpoint').click()
    await page.getByLabel('Address').fill(receiver.url)
    await page.getByLabel('Events').fill('session-*, participant-joined')
    await button(page, 'Add').click()
    const secret = (await page.getByLabel('Secret', { exact: true }).textContent()) ?? ''
    assert.match(secret, /^whsec_/)
    await page.getByRole('link', { name: 'To its page' }).click()
    await page.getByText('Nothing was sent yet').waitFor()
    const [endpoint] = (await rollcall.webhooks.list().page()).data
    assert.deepEqual([endpoint?.endPoint, endpoint?.events], [receiver.url, ['session-*', 'participant-joined']])
    assert.ok(!(await page.content()).includes(secret))

    receiver.answer = ({ webhook }) =>
      webhook.webhookType === 'session-ended' ? { status: 500, body: 'out of paper' } : { status: 200, body: 'thanks' }
    await button(page, 'Send a test').click()
    await rows(page, /^test Delivered 1 200 /).waitFor()
    await recordMeeting(server)
    // It is tried again after five seconds, and then after minutes.
    await rows(page, /^session-ended .*Pending.* [12] it answered 500/).waitFor()
    assert.equal(await rows(page, /^participant-joined .*Delivered 1 200/).count(), 2)
    await button(page, 'Details of session-ended').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('out of paper').waitFor()
    await dialog.getByText('"webhookType": "session-ended"').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click()

    receiver.answer = () => 200
    await button(page, 'Send failed ones again').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Send failed ones again' }).click()
    await page.getByText('One is sent again.').waitFor()
    await rows(page, /^session-ended .*Delivered/).waitFor()
    const before = receiver.taken.length
    await button(page, 'Send again: test').click()
    await rows(page, /^test Delivered/).waitFor()
    assert.deepEqual(complaints, [])
    const taken = receiver.taken.slice(before)
    assert.ok(taken.every(({ webhook }) => webhook.webhookType === 'test'))
    assert.equal((await rollcall.webhooks.deliveries(endpoint?.id ?? '', { state: 'parked' }).page()).pageInfo.total, 0)
  })

  test('changes, disables, enables and deletes an endpoint, and says what is wrong', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { id, secret } = await rollcall.webhooks.create({ endPoint: receiver.url, events: ['*'] })
    const page = await browser.newPage()
    page.setDefaultTimeout(150_000)
    await page.goto(await makeLink(server))
    await page.getByRole('heading', { name: 'Sessions' }).waitFor()
    await page.goto(`${server.url}/webhooks/${id}`)
    await button(page, 'Change').click()
    await page.getByLabel('Address').fill('ftp://example.org/')
    await page.getByLabel('Events').fill('session-ended')
    await button(page, 'Save').click()
    assert.match((await page.getByRole('alert').textContent()) ?? '', /^endPoint=ftp:.* is not understood/)
    await page.getByLabel('Address').fill(`${receiver.url}/2`)
    await button(page, 'Save').click()
    await page.getByRole('heading', { name: `${receiver.url}/2` }).waitFor()
    assert.deepEqual((await rollcall.webhooks.get(id)).events, ['session-ended'])

    await button(page, 'Disable').click()
    await button(page, 'Enable').waitFor()
    assert.equal((await rollcall.webhooks.get(id)).enabled, false)
    assert.ok(await button(page, 'Send a test').isDisabled())
    await button(page, 'Enable').click()
    await button(page, 'Disable').waitFor()
    assert.equal((await rollcall.webhooks.get(id)).enabled, true)

    await button(page, 'New secret').click()
    await page.getByRole('dialog').getByRole('button', { name: 'New secret' }).click()
    const fresh = (await page.getByLabel('Secret', { exact: true }).textContent()) ?? ''
    assert.match(fresh, /^whsec_/)
    assert.notEqual(fresh, secret)
    await page.getByRole('dialog', { name: 'The new secret' }).getByRole('button', { name: 'Close' }).click()
    await page.getByText('Old secret good until').waitFor()

    await button(page, 'Delete').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'Webhooks' }).waitFor()
    await assert.rejects(rollcall.webhooks.get(id), { code: 'WEBHOOK_NOT_FOUND' })
  })
})
