import { existsSync } from 'node:fs'
import { buildServer } from '../../../../build/build.ts'

await buildServer()

const path = new URL('../../dist/thread.js', import.meta.url)

/** The program of the thread that writes, as it is built: it starts in a third of the time. Undefined where nothing builds it. */
export const builtThread = existsSync(path) ? path : undefined
