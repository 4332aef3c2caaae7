import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import { recordSession } from '../../server/test/support/record-session.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { openBrowser, watch } from './browser.ts'
import { makeLink } from './link.ts'

let server: TestServer
let rollcall: Rollcall
before(async () => {
  server = await startServer()
  rollcall = new Rollcall({ url: server.url, apiKey: server.apiKey, secret: server.secret })
})
after(() => server.stop())

const startAt = Date.now() - 3 * 3_600_000

async function record(customRoomId: string, name: string): Promise<void> {
  const { roomId } = await rollcall.rooms.create({ customRoomId })
  const stays = [{ participantId: name.toLowerCase(), name, joinedAt: startAt, leftAt: startAt + 600_000 }]
  await recordSession(server, { roomId, startAt, endAt: startAt + 600_000, stays })
}

test('a room, a session and a person are erased by whoever types or confirms it, and how long a key and a room are kept is set', async (t) => {
  const browser = await openBrowser(t)
  if (browser === undefined) return
  await record('Board', 'Zoe')
  await record('Class', 'Ann')
  await record('Hall', 'Bob')
  const page = await browser.newPage()
  page.setDefaultTimeout(150_000)
  const complaints = watch(page)
  const dialog = page.getByRole('dialog')
  const button = (name: string) => page.getByRole('button', { name, exact: true })
  await page.goto(await makeLink(server))

  await page.getByRole('link', { name: 'Keys', exact: true }).click()
  await page.getByText('Sessions are kept for ever, as this server has it.').waitFor()
  await button('Change how long sessions are kept').click()
  await dialog.getByLabel('Days').fill('90')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Sessions are erased 90 days after their end.').waitFor()
  assert.equal((await rollcall.retention.get()).retentionDays, 90)

  await page.getByRole('link', { name: 'Rooms', exact: true }).click()
  await button('More about Class').click()
  await page.getByRole('menuitem', { name: 'How long it is kept' }).click()
  await dialog.getByLabel('Days').fill('7')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Sessions erased 7 days after their end').waitFor()
  await button('More about Class').click()
  await page.getByRole('menuitem', { name: 'How long it is kept' }).click()
  await dialog.getByLabel('Days').fill('')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Sessions erased 7 days after their end').waitFor({ state: 'detached' })

  await button('More about Board').click()
  await page.getByRole('menuitem', { name: 'Erase' }).click()
  const erase = dialog.getByRole('button', { name: 'Erase Board' })
  assert.ok(await erase.isDisabled())
  await dialog.getByLabel('Type Board to go on').fill('Board')
  await erase.click()
  await button('More about Board').waitFor({ state: 'detached' })
  await assert.rejects(rollcall.rooms.get('Board'), { code: 'ROOM_NOT_FOUND' })

  const { data } = await rollcall.sessions.list({ customRoomId: 'Class' }).page()
  const [session] = data
  assert.ok(session)
  await page.goto(`${server.url}/sessions/${session.id}`)
  await button('Erase this session').click()
  await dialog.getByRole('button', { name: 'Erase', exact: true }).click()
  await page.getByRole('heading', { name: 'Sessions' }).waitFor()
  await assert.rejects(rollcall.sessions.get(session.id), { code: 'SESSION_NOT_FOUND' })

  await page.goto(`${server.url}/people/bob`)
  await button('Erase this person').click()
  await dialog.getByLabel('Type Bob to go on').fill('Bob')
  await dialog.getByRole('button', { name: 'Erase', exact: true }).click()
  await page.getByRole('heading', { name: 'People' }).waitFor()
  const left = await rollcall.sessions.list().page()
  assert.deepEqual(
    left.data.map(({ customRoomId, participants }) => [customRoomId, participants.map(({ name }) => name)]),
    [['Hall', ['']]],
  )
  assert.deepEqual(complaints, [])
})
