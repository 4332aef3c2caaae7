import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { openDashboard } from './open-dashboard.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

test('the keys page adds a key, shows its secret once, takes it back, and shows who did what', async (t) => {
  const dashboard = await openDashboard(t, server)
  if (dashboard === undefined) return
  const { page, complaints, button } = dashboard
  const dialog = page.getByRole('dialog')
  await page.getByRole('link', { name: 'Keys' }).click()
  await page.getByRole('cell', { name: 'everything: the first key' }).waitFor()

  await button('Add a key').click()
  await page.getByLabel('Name').fill('Reports')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  const shown = (await page.getByLabel('API key and secret').textContent()) ?? ''
  const [, apiKey = '', secret = ''] = /^API key {2}(\S+)\nSecret {3}([0-9a-f]{64})$/.exec(shown) ?? []
  const reports = new Rollcall({ url: server.url, apiKey, secret })
  assert.deepEqual((await reports.sessions.list().page()).data, [])
  await assert.rejects(reports.rooms.create(), { code: 'FORBIDDEN' })
  await dialog.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('row', { name: /^Reports .* read never never/ }).waitFor()
  assert.ok(!(await page.content()).includes(secret))

  await button('New secret for Reports').click()
  await button('Make it').click()
  assert.ok(!((await page.getByLabel('API key and secret').textContent()) ?? '').includes(secret))
  await dialog.getByRole('button', { name: 'Close' }).click()

  await button('Disable Reports').click()
  await dialog.getByRole('button', { name: 'Disable', exact: true }).click()
  await page.getByRole('row', { name: /^Reports .*Disabled/ }).waitFor()
  await assert.rejects(reports.sessions.list().page(), { code: 'TOKEN_INVALID' })
  await button('Delete Reports').click()
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByText('Reports', { exact: true }).waitFor({ state: 'detached' })

  for (const action of ['redeemLink', 'createKey', 'rotateKeySecret', 'updateKey', 'deleteKey']) {
    await page.getByRole('row', { name: new RegExp(`${action} Owner`) }).waitFor()
  }
  assert.deepEqual(complaints, [])
})
