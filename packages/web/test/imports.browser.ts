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

const table = `room,person,name,joined,left
standup,ann@example.org,Ann,03/04/2026 10:00:00,03/04/2026 10:30:00
standup,bob@example.org,Bob,03/04/2026 10:05:00,03/04/2026 10:01:00
`

test('a file is dropped and imported; what it leaves open is asked for, and each line that was not taken is told with its reason', async (t) => {
  const dashboard = await openDashboard(t, server)
  if (dashboard === undefined) return
  const { page, complaints, button } = dashboard
  const choose = (name: string, content: string) =>
    page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(content) })
  await page.getByRole('link', { name: 'Import' }).click()
  await page.getByText('What another system recorded becomes sessions here').waitFor()
  await button('Import').click()
  await page.getByRole('alert').getByText('There is no file yet').waitFor()

  const files = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer()
    transfer.items.add(new File([text], 'standup.csv', { type: 'text/csv' }))
    return transfer
  }, table)
  await page.getByRole('region', { name: 'File' }).dispatchEvent('drop', { dataTransfer: files })
  await page.getByText(/^standup\.csv/).waitFor()
  await page.getByLabel('Time zone').selectOption('Asia/Tokyo')
  await button('Import').click()
  await page.getByRole('alert').getByText('begins with the day or the month cannot be seen').waitFor()
  await page.getByLabel('Order of dates').selectOption('dmy')
  await button('Import').click()
  await page.getByText('1 session with 1 time inside; 1 place not taken').waitFor()
  await page.getByRole('row', { name: 'line 3 it ends before it begins' }).waitFor()
  const { data } = await new Rollcall(server).sessions.list().page()
  assert.deepEqual(
    data.map(({ start, participants }) => [start, participants.map(({ name }) => name)]),
    [['2026-04-03T01:00:00.000Z', ['Ann']]],
  )
  await choose('again.csv', table)
  await button('Import').click()
  await page.getByText('all of which were here before').waitFor()

  await choose('empty.csv', '')
  await button('Import').click()
  await page.getByText('empty.csv is empty').waitFor()
  await choose('photo.csv', '\u0000\u0001')
  await page.getByLabel('Whose file it is').selectOption('daily')
  await button('Import').click()
  await page
    .getByRole('alert')
    .getByText(/The file/)
    .waitFor()
  assert.deepEqual(complaints, [])
})
