import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launchChromium } from '../../support/chromium.ts'
import { startServer } from '../../support/start-server.ts'

/** How long a busy machine may take to draw the page, in milliseconds. */
const patienceMs = 120_000

test('/docs shows every call in a browser, and lets it be tried, and may ask nobody but its own server', async (t) => {
  await using browser = await launchChromium(t)
  if (browser === undefined) return
  const server = await startServer()
  t.after(() => server.stop())
  const page = await browser.newPage()
  page.setDefaultTimeout(patienceMs)
  const asked: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  for (const path of ['/docs', '/docs/']) {
    await page.goto(`${server.url}${path}#tag/sessions/GET/v2/sessions`)
    await page.getByRole('heading', { name: 'List sessions' }).waitFor()
  }
  assert.deepEqual(complaints, [])

  await page.getByRole('button', { name: 'Test Request' }).first().click()
  const tried = page.waitForResponse((response) => response.url().startsWith(`${server.url}/v2/sessions`))
  await page.getByRole('button', { name: /get request to/ }).click()
  assert.equal((await tried).status(), 401)
  for (const url of asked) assert.ok(url.startsWith(`${server.url}/`) || url.startsWith('data:'), url)

  const forbidden = await page.evaluate(async () => {
    const violation = new Promise<string>((resolve) => {
      document.addEventListener('securitypolicyviolation', ({ blockedURI }) => resolve(blockedURI), { once: true })
    })
    const failed = await fetch('https://elsewhere.example/').catch(() => true)
    return failed === true && violation
  })
  assert.equal(forbidden, 'https://elsewhere.example/')
})
