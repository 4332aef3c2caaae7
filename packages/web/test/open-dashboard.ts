import type { TestContext } from 'node:test'
import type { TestServer } from '../../server/test/support/start-server.ts'
import { openBrowser, watch } from './browser.ts'
import { makeLink } from './link.ts'

/** How long a busy machine may take over one step, in milliseconds. */
const patienceMs = 150_000

/** The dashboard, signed in, in a page of its own; undefined where there is no browser. */
export async function openDashboard(t: TestContext, server: TestServer) {
  const browser = await openBrowser(t)
  if (browser === undefined) return undefined
  const page = await browser.newPage()
  page.setDefaultTimeout(patienceMs)
  const complaints = watch(page)
  await page.goto(await makeLink(server))
  return { page, complaints, button: (name: string) => page.getByRole('button', { name, exact: true }) }
}
