import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { startServer } from '../support/start-server.ts'
import { callsIn, hasTool, makeCache, runTool, settingsFor } from './client-programs.ts'

describe('a typed client in Go', () => {
  test('decodes every documented answer, whole numbers into integers, and misses no field', async (t) => {
    if (!(await hasTool(t, 'go', ['version']))) return
    const program = join(await makeCache('go'), 'typed')
    await runTool('go', ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'go/typed') })
    const server = await startServer()
    try {
      const calls = callsIn(await runTool(program, [], { env: await settingsFor(server) }))
      assert.equal(calls.length, 23)
    } finally {
      await server.stop()
    }
  })
})
