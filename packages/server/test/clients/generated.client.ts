import assert from 'node:assert/strict'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../support/start-server.ts'
import { callsIn, hasTool, makeCache, runTool, settingsFor } from './client-programs.ts'

// Each generator is of a fixed version: what is tested is our document, not its next release.
const goGenerator = 'github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2'
const goRuntime = 'github.com/oapi-codegen/runtime@v1.9.0'
const pythonGenerator = 'openapi-python-client==0.29.1'
const typescriptPackages = ['@hey-api/openapi-ts@0.99.0', 'typescript@5.9.3', '@types/node@24.19.2']

let server: TestServer
let document: string

before(async () => {
  server = await startServer()
  document = join(await makeCache('document'), 'openapi.json')
  const answer = await fetch(`${server.url}/openapi.json`)
  await writeFile(document, await answer.text())
})
after(() => server.stop())

/** Each tour has a server of its own: it counts what it finds. */
async function takeTour(file: string, args: string[], env: { [name: string]: string } = {}): Promise<string[]> {
  const toured = await startServer()
  try {
    return callsIn(await runTool(file, args, { env: { ...env, ...(await settingsFor(toured)) } }))
  } finally {
    await toured.stop()
  }
}

describe('a client that is generated from /openapi.json', () => {
  test('in Go, by oapi-codegen, compiles and takes the tour of the README', async (t) => {
    if (!(await hasTool(t, 'go', ['version']))) return
    const folder = await makeCache('go-generated')
    await cp(join(import.meta.dirname, 'go/generated'), folder, { recursive: true })
    // Without skip-prune it leaves out the shapes that webhooks alone refer to, and refers to them.
    const generate = [
      'run',
      goGenerator,
      '-generate',
      'types,client,skip-prune',
      '-package',
      'main',
      '-o',
      'rollcall.gen.go',
      document,
    ]
    await runTool('go', generate, { cwd: folder })
    await runTool('go', ['get', goRuntime], { cwd: folder })
    await runTool('go', ['mod', 'tidy'], { cwd: folder })
    await runTool('go', ['build', '-o', 'tour', '.'], { cwd: folder })
    assert.deepEqual(await takeTour(join(folder, 'tour'), []), [
      'CreateRoom',
      'ReportEvents',
      'ListSessions',
      'GetSession',
      'EndSession',
      'an error',
    ])
  })

  test('in Python, by openapi-python-client, without a warning, takes the tour of the README', async (t) => {
    if (!(await hasTool(t, 'python3', ['-m', 'venv', '--help']))) return
    const folder = await makeCache('python')
    const bin = join(folder, 'venv/bin')
    await runTool('python3', ['-m', 'venv', join(folder, 'venv')])
    await runTool(join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', pythonGenerator])
    // It looks for its formatter in the path.
    const env = { PATH: `${bin}:${process.env.PATH}` }
    const said = await runTool(
      join(bin, 'openapi-python-client'),
      ['generate', '--path', document, '--output-path', join(folder, 'rollcall'), '--meta', 'none', '--overwrite'],
      { env },
    )
    assert.doesNotMatch(said, /warning|unable|unsupported/i)
    await runTool(join(bin, 'python'), ['-m', 'compileall', '-q', join(folder, 'rollcall')])
    const tour = join(import.meta.dirname, 'python/tour.py')
    assert.deepEqual(
      await takeTour(join(bin, 'python'), [tour], { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' }),
      ['create_room', 'report_events', 'list_sessions', 'get_session', 'end_session', 'an error'],
    )
  })

  test('in TypeScript, by @hey-api/openapi-ts, compiles strictly and takes the tour of the README', async () => {
    const folder = await makeCache('typescript')
    await writeFile(join(folder, 'package.json'), '{"private":true}')
    await runTool('npm', ['install', '--no-audit', '--no-fund', '--silent', ...typescriptPackages], { cwd: folder })
    const bin = join(folder, 'node_modules/.bin')
    for (const name of ['tour.ts', 'tsconfig.json']) {
      await cp(join(import.meta.dirname, 'typescript', name), join(folder, name))
    }
    const generate = ['-i', document, '-o', join(folder, 'rollcall'), '-c', '@hey-api/client-fetch']
    await runTool(join(bin, 'openapi-ts'), generate, { cwd: folder })
    await runTool(join(bin, 'tsc'), ['--project', folder])
    assert.deepEqual(await takeTour(process.execPath, [join(folder, 'out/tour.js')]), [
      'createRoom',
      'reportEvents',
      'listSessions',
      'getSession',
      'endSession',
      'an error',
    ])
  })
})
