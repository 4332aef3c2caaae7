import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type { TestServer } from '../../start-server.ts'

// More of each, in every size, are a command of their own: UPLOADS=20 node --test test/api/early-answers.system.ts
export const times = Number(process.env.UPLOADS ?? 2)
const sizes = process.env.UPLOADS === undefined ? [20_000_000] : [8_000_000, 20_000_000, 40_000_000]
const run = promisify(execFile)

export type Upload = { url: string; token: string; sizeBytes: number; isStreamed: boolean }
/** How often each status came, or what was thrown instead. */
export type Came = { [status: string]: number }
/** Uploads as often as `times` says; undefined where what it needs is not there. */
export type Uploader = (t: TestContext, upload: Upload) => Promise<Came | undefined>

/** A program of this folder, which prints what came. */
export function withProgram(command: string, ...args: string[]): Uploader {
  return async (t, { url, token, sizeBytes, isStreamed }) => {
    const how = isStreamed ? 'streamed' : 'length'
    try {
      const { stdout } = await run(command, [...args, url, token, String(sizeBytes), how, String(times)])
      return JSON.parse(stdout) as Came
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      t.skip(`there is no ${command}`)
      return undefined
    }
  }
}

/** What is refused for its size is answered so to each of these, in every size and way. */
export function testTooLarge(uploaders: { [name: string]: Uploader }, serverOf: () => TestServer): void {
  for (const [name, upload] of Object.entries(uploaders)) {
    for (const sizeBytes of sizes) {
      for (const isStreamed of [false, true]) {
        // Over HTTP/1.1 a browser streams no body.
        if (name === 'Chromium' && isStreamed) continue
        const what = `${sizeBytes / 1_000_000} MB ${isStreamed ? 'streamed' : 'with a length'}`
        test(`${name}: 413 for ${what}`, async (t) => {
          const server = serverOf()
          const token = await server.sign()
          const came = await upload(t, { url: `${server.url}/v2/rooms`, token, sizeBytes, isStreamed })
          if (came !== undefined) assert.deepEqual(came, { '413': times })
        })
      }
    }
  }
}
