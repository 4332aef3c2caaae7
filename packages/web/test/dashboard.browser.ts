import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { joinRoom, Rollcall } from '@rollcall/client'
import program from '../../server/package.json' with { type: 'json' }
import { recordSession } from '../../server/test/support/record-session.ts'
import { addSource, deliverAsLivekit, livekitKey } from '../../server/test/support/senders/source-client.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { openBrowser, watch } from './browser.ts'
import { makeLink } from './link.ts'
import { recordMeeting } from './meeting.ts'

let server: TestServer
let rollcall: Rollcall
before(async () => {
  server = await startServer()
  rollcall = new Rollcall(server)
})
after(() => server.stop())

const guard = { timeout: 600_000 }
const patienceMs = 150_000

describe('the dashboard', guard, () => {
  test('opens signed in by a link, once, and shows what the API says', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const sessionId = await recordMeeting(server)
    const link = await makeLink(server)
    const page = await browser.newPage()
    page.setDefaultTimeout(patienceMs)
    const complaints = watch(page)
    await page.goto(link)
    await page.getByRole('link', { name: 'planning' }).click()
    await page.getByText('Ann', { exact: true }).waitFor()
    assert.ok(page.url().endsWith(`/sessions/${sessionId}`), page.url())
    await page.getByRole('tab', { name: 'Attendance' }).click()
    const bob = page.getByRole('row', { name: /Bob/ })
    assert.match((await bob.textContent()) ?? '', /9 min/)
    assert.deepEqual(complaints, [])

    const other = await (await browser.newContext()).newPage()
    other.setDefaultTimeout(patienceMs)
    await other.goto(link)
    await other.getByText('This link was used already').waitFor()
    await other.getByRole('tab', { name: 'With a key' }).click()
    await other.getByLabel('API key').fill(server.apiKey)
    await other.getByRole('textbox', { name: 'Secret' }).fill(server.secret)
    await other.getByRole('button', { name: 'Sign in' }).click()
    await other.getByRole('link', { name: 'planning' }).waitFor()

    await other.getByRole('button', { name: 'Sign out' }).click()
    await other.getByRole('heading', { name: 'Sign in' }).waitFor()
    await other.goto(await makeLink(server))
    await other.getByRole('link', { name: 'planning' }).waitFor()
  })

  test('shows the version of the server beside its name', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const page = await browser.newPage()
    page.setDefaultTimeout(patienceMs)
    await page.goto(await makeLink(server))
    await page.getByRole('banner').getByText(program.version, { exact: true }).waitFor()
  })

  test('shows a session live, ends it, and afterwards shows what the API says', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create({ customRoomId: 'live' })
    const page = await browser.newPage()
    page.setDefaultTimeout(patienceMs)
    const streams: string[] = []
    page.on('request', (request) => request.url().includes('/v2/stream') && streams.push(request.url()))
    await page.goto(await makeLink(server))
    await page.getByRole('heading', { name: 'Sessions' }).waitFor()
    const join = async (name: string) =>
      joinRoom({ url: server.url, token: await server.sign({ roles: ['rtc'] }), roomId, participantId: name, name })
        .joined
    const ann = await join('Ann')
    await page.getByRole('link', { name: 'live' }).click()
    const inside = page.locator('dt:has-text("Inside now") + dd')
    await page.waitForFunction(() => document.querySelector('dl')?.textContent?.includes('Inside now1'))
    const bob = await join('Bob')
    await page.waitForFunction(() => document.querySelector('dl')?.textContent?.includes('Inside now2'))
    assert.equal(await inside.textContent(), '2')
    await bob.leave()
    await page.waitForFunction(() => document.querySelector('dl')?.textContent?.includes('Inside now1'))

    await page.getByRole('button', { name: 'End session' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'End session' }).click()
    await page.getByText('Ended', { exact: true }).first().waitFor()
    assert.equal(ann.state, 'closed')
    const [session] = (await rollcall.sessions.list({ roomId }).page()).data
    assert.equal(session?.status, 'ended')
    assert.equal(await page.locator('dt:has-text("People") + dd').textContent(), String(session?.uniqueParticipants))
    assert.equal(streams.length, 1, 'the whole dashboard follows one stream of changes')
  })

  test('leads from a session to its breakouts, and back', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const main = { roomId: 'algebra', sessionKey: 'm1' }
    const started = (id: string, place: object) => ({ id, type: 'session-started', at: Date.now(), ...place })
    const events = [
      started('main', main),
      started('breakout', { roomId: 'algebra/Group 1', sessionKey: 'b1', parent: main }),
    ]
    await server.call('POST', '/v2/events', { events })
    const page = await browser.newPage()
    page.setDefaultTimeout(patienceMs)
    await page.goto(await makeLink(server))
    await page.getByRole('link', { name: 'algebra', exact: true }).click()
    await page.getByRole('table', { name: 'Breakouts' }).getByRole('link', { name: 'algebra/Group 1' }).click()
    await page.getByRole('heading', { name: 'algebra/Group 1' }).waitFor()
    await page.locator('dt:has-text("Part of") + dd').getByRole('link', { name: 'algebra', exact: true }).click()
    await page.getByRole('heading', { name: 'algebra', exact: true }).waitFor()
  })

  test('shows who had a camera on, when', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const source = await addSource(server, 'livekit', livekitKey)
    const second = Math.floor(Date.now() / 1000) - 600
    const room = { sid: 'RM_1', name: 'on camera', creationTime: `${second}` }
    const participant = { sid: 'PA_1', identity: 'cleo', name: 'Cleo', joinedAtMs: `${second * 1000}` }
    const track = { sid: 'TR_1', source: 'CAMERA' }
    const happened = [
      ['participant_joined', 0],
      ['track_published', 60],
      ['track_unpublished', 240],
      ['participant_left', 300],
      ['room_finished', 320],
    ] as const
    for (const [event, after] of happened) {
      await deliverAsLivekit(source, {
        event,
        id: `EV_${event}`,
        createdAt: `${second + after}`,
        room,
        participant,
        track,
      })
    }
    const page = await browser.newPage()
    page.setDefaultTimeout(patienceMs)
    await page.goto(await makeLink(server))
    await page.getByRole('link', { name: 'on camera' }).click()
    await page.getByRole('img', { name: /^Camera on: .*, 3 min/ }).waitFor()
    await page.getByText('camera on', { exact: true }).waitFor()
  })

  test('keeps the state of a view in its address', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    await recordMeeting(server)
    const page = await browser.newPage()
    page.setDefaultTimeout(patienceMs)
    await page.goto(await makeLink(server))
    const person = page.getByRole('combobox', { name: 'Person' })
    await person.fill('nobody')
    await page.getByText('No session meets these filters').waitFor()
    assert.match(page.url(), /person=nobody/)
    await page.reload()
    await page.getByText('No session meets these filters').waitFor()
    assert.equal(await person.inputValue(), 'nobody')
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByRole('link', { name: 'planning' }).first().waitFor()
  })

  test('filters by a part of a room’s name, says what there is, and gives what is shown as a file', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    await recordMeeting(server)
    await server.call('POST', '/v2/rooms', { customRoomId: 'Übung' })
    const page = await browser.newPage({ locale: 'ar' })
    page.setDefaultTimeout(patienceMs)
    await page.goto(await makeLink(server))
    await page.getByRole('link', { name: 'planning' }).first().waitFor()
    assert.equal(await page.locator('html').getAttribute('dir'), 'rtl', 'laid out as the reader’s language is')
    const room = page.getByRole('combobox', { name: 'Room' })
    await room.fill('PLANN')
    await page.getByRole('option', { name: /^planning/ }).waitFor()
    await page.getByRole('link', { name: 'planning' }).first().waitFor()
    assert.match(page.url(), /part=PLANN/)
    await room.fill('ubun')
    await page.getByRole('option', { name: /^Übung/ }).click()
    await page.waitForURL(/room=%C3%9Cbung/)
    await room.fill('plann')
    await page.getByRole('option', { name: /^planning/ }).click()
    await page.waitForURL(/room=planning/)
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'These sessions, as CSV' }).click(),
    ])
    const rows = await text(await file.createReadStream())
    assert.match(rows, /planning/)
    await page.getByLabel('Started', { exact: true }).selectOption('today')
    await page.waitForURL(/from=.*to=/)
    await page.getByLabel('Started before').fill('2020-01-01T00:00')
    await page.getByText('This is before “Started after”').waitFor()
  })

  test('finds a person from anywhere, and shows their hours in a time zone of choice, in the reader’s own language', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create({ customRoomId: 'algebra' })
    const startAt = Date.parse('2026-03-03T22:30:00Z')
    const stays = [
      { participantId: 'zoe-1', name: 'Zoë Dubois', joinedAt: startAt, leftAt: startAt + 5400_000 },
      { participantId: 'rec-1', name: 'Zoë’s recorder', kind: 'recorder' as const, joinedAt: startAt },
    ]
    await recordSession(server, { roomId, startAt, endAt: startAt + 7_200_000, stays })
    const keyId = (await server.context.reads.keys.find(server.apiKey))?.keyId ?? 0
    while ((await server.context.writes.people.gather({ keyId })) > 0);
    const context = await browser.newContext({ locale: 'de-DE', timezoneId: 'Europe/Berlin' })
    const page = await context.newPage()
    page.setDefaultTimeout(patienceMs)
    const complaints = watch(page)
    await page.goto(await makeLink(server))
    await page.getByRole('heading', { name: 'Sessions' }).waitFor()
    await page.keyboard.press('/')
    await page.getByLabel('Find rooms, people and sessions').fill('zoe')
    await page
      .getByRole('dialog')
      .getByRole('link', { name: /Zoë Dubois/ })
      .click()
    await page.getByRole('heading', { name: 'Zoë Dubois' }).waitFor()
    assert.equal(await page.locator('dt:has-text("Time inside") + dd').textContent(), '1 h 30 min')
    assert.equal(await page.locator('dt:has-text("First seen") + dd').textContent(), '03.03.2026, 23:30')
    // An hour and a half over midnight in Berlin: two days.
    await page.getByText('2 days of half a year').waitFor()
    await page.getByLabel('Times are those of').selectOption('UTC')
    await page.getByText('03.03.2026, 22:30').first().waitFor()
    await page.getByRole('link', { name: 'People', exact: true }).click()
    await page.getByLabel('Find a person').fill('recorder')
    await page.getByText('Nobody is called so').waitFor()
    assert.deepEqual(complaints, [])
  })

  test('stays smooth with 2,000 people: no more rows are drawn than are seen', async (t) => {
    const browser = await openBrowser(t)
    if (browser === undefined) return
    const { roomId } = await rollcall.rooms.create()
    const startAt = Date.now() - 7_200_000
    const stays = Array.from({ length: 2000 }, (_, i) => ({
      participantId: `p${i}`,
      name: `Person ${i}`,
      joinedAt: startAt + i * 100,
      leftAt: startAt + 3_600_000 - i,
    }))
    const sessionId = await recordSession(server, { roomId, startAt, endAt: startAt + 3_600_000, stays })
    const page = await browser.newPage()
    page.setDefaultTimeout(patienceMs)
    await page.goto(await makeLink(server))
    await page.getByRole('heading', { name: 'Sessions' }).waitFor()
    await page.goto(`${server.url}/sessions/${sessionId}`)
    await page.getByText('Person 0', { exact: true }).waitFor()
    assert.ok((await page.locator('main li').count()) < 100)
    const timeline = page.getByRole('region', { name: /^Timeline/ })
    await timeline.evaluate((element) => element.scrollTo(0, element.scrollHeight))
    await page.getByText('Person 1999', { exact: true }).waitFor()
    const shown = () =>
      page
        .locator('main')
        .getByText(/ – .* · /)
        .first()
        .textContent()
    // As if the hand were faster than the screen: three turns of the wheel before anything is drawn.
    await timeline.evaluate((element) => {
      for (const deltaY of [-1, -1, 1]) element.dispatchEvent(new WheelEvent('wheel', { deltaY, ctrlKey: true }))
    })
    await page.getByText(/ · 42 min$/).waitFor()
    await timeline.press('0')
    const before = await shown()
    await timeline.press('+')
    assert.notEqual(await shown(), before)
  })
})
