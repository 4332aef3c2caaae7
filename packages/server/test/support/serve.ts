import { flushCompileCache } from 'node:module'
import type { AppParts } from '../../src/app/app.ts'
import { readConfig, startApp } from './built-server.ts'

// A server in a process of its own, as `npm start` runs it, but with limits that a test brings: `runServer` starts it.

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
