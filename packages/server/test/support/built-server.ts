import { buildServer } from '../../../../build/build.ts'

// Of a run, once for all of its files: to look at the age of every source takes as long as to start Node.
if (process.env.ROLLCALL_TEST_BUILT === undefined) await buildServer()

// The server as it is built: a file of tests loads it in half the time of its sources.

const built = new URL('../../dist/', import.meta.url)
export const { startApp } = (await import(`${built}app.js`)) as typeof import('../../src/app/app.ts')
export const { readConfig } = (await import(`${built}config.js`)) as typeof import('../../src/config.ts')
export const { Refusal } = (await import(`${built}error.js`)) as typeof import('../../src/error.ts')
/** The program of the thread that writes. */
export const builtThread = new URL('thread.js', built)
