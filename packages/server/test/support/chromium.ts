import type { TestContext } from 'node:test'
import { type Browser, chromium } from 'playwright-core'
import { requireProgram } from '../../../client/test/system-program.ts'

/** It runs as root too, and asks no host of its own accord. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * A browser: the one at `CHROMIUM_PATH`, else the system's; root on Debian installs it. Where there is none the test is
 * skipped and says so, and undefined is given; where CI is set, that is a failure.
 * @param more what this test needs of it besides, such as a camera that is none
 */
export async function launchChromium(t: TestContext, more: string[] = []): Promise<Browser | undefined> {
  const executablePath =
    process.env.CHROMIUM_PATH ??
    (await requireProgram(t, {
      names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
      packages: ['chromium'],
    }))
  return executablePath === undefined ? undefined : chromium.launch({ executablePath, args: [...args, ...more] })
}
