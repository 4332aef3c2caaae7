import type { TestContext } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { requireProgram } from '../../client/test/system-program.ts'
import { buildWhereStale } from '../build.ts'

/** A real browser, with a camera that shows a moving picture and a microphone that beeps. Undefined where there is none: the test is skipped. */
export async function openBrowser(t: TestContext): Promise<Browser | undefined> {
  const executablePath =
    process.env.CHROMIUM_PATH ??
    (await requireProgram(t, { names: ['chromium', 'chromium-browser', 'google-chrome'], packages: ['chromium'] }))
  if (executablePath === undefined) return undefined
  await buildWhereStale()
  const args = [
    '--no-sandbox',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    // The browsers of a test are one machine: their addresses need not be hidden from each other.
    '--disable-features=WebRtcHideLocalIpsWithMdns',
  ]
  const browser = await chromium.launch({ executablePath, args })
  t.after(() => browser.close())
  return browser
}

/** What a page complained of: errors, refusals of its content security policy, and requests to other hosts. */
export function watch(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d|ERR_|WebSocket connection/.test(message.text()))
      complaints.push(message.text())
  })
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url())
    if (/^(http|ws)/.test(protocol) && hostname !== '127.0.0.1') complaints.push(`asked ${request.url()}`)
  })
  return complaints
}
