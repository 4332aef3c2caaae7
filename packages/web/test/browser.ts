import { after, type TestContext } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { buildPages } from '../../../build/build.ts'
import { launchChromium } from '../../server/test/support/chromium.ts'

const more = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  // The browsers of a test are one machine: their addresses need not be hidden from each other.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
]

let browser: Browser | undefined
// One for all tests of a file: a browser takes longer to start than most of them last.
after(() => browser?.close())

/**
 * A real browser, with a camera that shows a moving picture and a microphone that beeps; what a test opens in it is closed
 * after the test. Undefined where there is none: the test is skipped.
 */
export async function openBrowser(t: TestContext): Promise<Browser | undefined> {
  const opened = browser ?? (await launchChromium(t, more))
  if (opened === undefined) return undefined
  browser ??= stilled(opened)
  await buildPages()
  t.after(() => Promise.all(opened.contexts().map((context) => context.close())))
  return opened
}

/** In its pages nothing moves but pictures: a dialog that was closed is gone, and another is there as soon as it is asked for. */
function stilled(launched: Browser): Browser {
  const newContext = launched.newContext.bind(launched)
  launched.newContext = (options) => newContext({ reducedMotion: 'reduce', ...options })
  return launched
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
