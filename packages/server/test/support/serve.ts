import { flushCompileCache } from 'node:module'
import type { AppParts } from '../../src/app.ts'

// A server in a process of its own, as `npm start` runs it, but with limits that a test brings: `runServer` starts it.

const built = new URL('../../dist/', import.meta.url)
const { startApp } = (await import(`${built}app.js`)) as typeof import('../../src/app.ts')
const { readConfig } = (await import(`${built}config.js`)) as typeof import('../../src/config.ts')
const [, , limits = '{}'] = process.argv

const app = await startApp(readConfig(process.env), {
  ...(JSON.parse(limits) as AppParts),
  onFailure: () => process.exit(1),
})
process.stdout.write(`running at ${app.url}\n`)
// Whatever ends this process, the next one starts from what was compiled for it.
flushCompileCache()
process.once('SIGTERM', async () => {
  await app.stop()
  process.exit(0)
})
