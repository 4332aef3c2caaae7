import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import { deliver, deliverAsLivekit, livekitKey } from '../../server/test/support/senders/source-client.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { openDashboard } from './open-dashboard.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

const event = { type: 'participant-joined', at: '2026-01-05T09:00:00Z', roomId: 'standup', participantId: 'anna' }

test('a source is added, its lines work as they are shown, and what came and what was refused is seen as it happens', async (t) => {
  const dashboard = await openDashboard(t, server)
  if (dashboard === undefined) return
  const { page, complaints, button } = dashboard
  const dialog = page.getByRole('dialog')
  await page.getByRole('link', { name: 'Sources' }).click()
  await page.getByText('No media server reports here yet').waitFor()

  await button('Add a source').click()
  await page.getByLabel('Media server').selectOption('generic')
  await page.getByLabel('Name').fill('own server')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await dialog.getByText('Waiting for the first event').waitFor()
  const lines = (await dialog.getByLabel('Lines to paste', { exact: true }).textContent()) ?? ''
  const [, url = '', secret = ''] = /^curl '(\S+)' -H 'Authorization: Bearer (\S+)'/.exec(lines) ?? []
  const send = (id: string, sent: string) =>
    deliver(url, JSON.stringify({ events: [{ id, ...event }] }), { authorization: `Bearer ${sent}` })
  assert.equal((await send('1', secret)).status, 200)
  await dialog.getByRole('listitem').filter({ hasText: 'Recordedparticipant-joined' }).waitFor()
  await dialog.getByText('Waiting for the first event').waitFor({ state: 'detached' })
  assert.equal((await send('2', 'another')).status, 401)
  await dialog
    .getByRole('listitem')
    .filter({ hasText: /^Refused.*Authorization/ })
    .waitFor()
  await dialog.getByRole('button', { name: 'Close' }).click()
  await dialog.waitFor({ state: 'detached' })
  assert.ok(!(await page.content()).includes(secret), 'it is shown once')

  await button('Add a source').click()
  await page.getByLabel('Media server').selectOption('livekit')
  await page.getByLabel('Name').fill('eu-1')
  await page.getByLabel('API key').fill(livekitKey.apiKey)
  await page.getByRole('textbox', { name: 'API secret' }).fill(livekitKey.secret)
  await page.getByLabel('Address of its API').fill('ftp://nowhere')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await dialog.getByRole('alert').getByText('an http or https address').waitFor()
  await page.getByLabel('Address of its API').fill('')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  const yaml = (await dialog.getByLabel('Lines to paste', { exact: true }).textContent()) ?? ''
  const livekit = (await new Rollcall(server).sources()).find(({ name }) => name === 'eu-1')
  assert.ok(yaml.includes(`api_key: ${livekitKey.apiKey}\n  urls:\n    - ${livekit?.url}`), yaml)
  await dialog.getByRole('button', { name: 'Close' }).click()
  const card = page.getByRole('region', { name: 'eu-1', exact: true })
  const joined = { event: 'participant_joined', createdAt: `${Math.floor(Date.now() / 1000)}`, id: 'EV_1' }
  const place = { room: { sid: 'RM_1', name: 'live' }, participant: { sid: 'PA_1', identity: 'ann' } }
  await deliverAsLivekit({ url: livekit?.url ?? '' }, { ...joined, ...place })
  await card.getByRole('listitem').filter({ hasText: 'Recordedparticipant-joined' }).waitFor()
  const wrong = { ...livekitKey, secret: 'of another LiveKit, and as long as that' }
  await assert.rejects(deliverAsLivekit({ url: livekit?.url ?? '' }, { ...joined, ...place }, Date.now(), wrong))
  await card
    .getByRole('listitem')
    .filter({ hasText: /^Refused.*not signed/ })
    .waitFor()

  await button('Change eu-1').click()
  await page.getByLabel('Name').fill('eu-2')
  await button('Change it').click()
  await button('Take away eu-2').click()
  await dialog.getByRole('button', { name: 'Take away', exact: true }).click()
  await page.getByRole('region', { name: 'eu-2', exact: true }).waitFor({ state: 'detached' })
  assert.deepEqual(
    (await new Rollcall(server).sources()).map(({ name }) => name),
    ['own server'],
  )
  assert.deepEqual(complaints, [])
})
