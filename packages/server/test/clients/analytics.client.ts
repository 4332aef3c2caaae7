import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { livekitToken, recordAsLivekit } from '../support/livekit-record.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { callsIn, hasTool, makeCache, runTool } from './client-programs.ts'

// Programs of our own with the calls and the types of public clients of LiveKit Cloud's Analytics API: only the address is another.

const jackson = '2.18.2'
const sessions = 230

let server: TestServer
let env: { [name: string]: string }
before(async () => {
  server = await startServer()
  const { path, detailed } = await recordAsLivekit(server, sessions)
  env = {
    ANALYTICS_URL: `${server.url}${path}`,
    ANALYTICS_TOKEN: await livekitToken(),
    ANALYTICS_SESSION: detailed,
    ANALYTICS_COUNT: String(sessions + 2),
  }
})
after(() => server.stop())

describe('code that was written for LiveKit Cloud’s Analytics API works with another base URL', () => {
  test('in TypeScript: it bills by sessions and by days, collects, sums up, and shows a status', async () => {
    const stdout = await runTool(process.execPath, [join(import.meta.dirname, 'typescript/analytics.ts')], { env })
    assert.equal(callsIn(stdout).length, 7)
  })

  test('in Python: minutes are multiplied by a price, a short page is the last, bandwidth is added up', async (t) => {
    if (!(await hasTool(t, 'python3', ['--version']))) return
    const stdout = await runTool('python3', [join(import.meta.dirname, 'python/analytics.py')], { env })
    assert.equal(callsIn(stdout).length, 3)
  })

  test('in Go: bytes are strings, counts are ints, and times that are absent are zero', async (t) => {
    if (!(await hasTool(t, 'go', ['version']))) return
    const program = join(await makeCache('go'), 'analytics')
    await runTool('go', ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'go/analytics') })
    assert.equal(callsIn(await runTool(program, [], { env })).length, 3)
  })

  test('in Java: longs come of texts, and no field is unknown', async (t) => {
    if (!(await hasTool(t, 'java', ['-version'])) || !(await hasTool(t, 'mvn', ['-version']))) return
    const folder = await makeCache('java')
    for (const name of ['databind', 'core', 'annotations']) {
      const artifact = `com.fasterxml.jackson.core:jackson-${name}:${jackson}`
      await runTool('mvn', ['-q', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`])
    }
    const program = join(import.meta.dirname, 'java/Analytics.java')
    const stdout = await runTool('java', ['-cp', join(folder, '*'), program], { env })
    assert.equal(callsIn(stdout).length, 1)
  })
})
