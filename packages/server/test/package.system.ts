import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { packAll } from '../../../build/package.ts'
import program from '../package.json' with { type: 'json' }
import { isAtLeast } from '../src/runtime/node-version.ts'

const run = promisify(execFile)
const modules = join(import.meta.dirname, '../../../node_modules')

type Failed = { code?: number; stdout: string; stderr: string }

let folder: string
let installed: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
  const files = await packAll(join(folder, 'packed'))
  installed = join(folder, 'installed')
  await mkdir(installed)
  // What the packages depend on is taken from the checkout, so that no network is asked.
  const overrides = Object.fromEntries(
    ['typebox', '@scalar/fastify-api-reference'].map((name) => [name, `file:${join(modules, name)}`]),
  )
  await writeFile(join(installed, 'package.json'), JSON.stringify({ type: 'module', overrides }))
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...Object.values(files)], { cwd: installed })
})
after(() => rm(folder, { recursive: true, force: true }))

/** A Node of another version, from npm, kept for the next time; undefined where the network is away. */
async function findNode(version: string): Promise<string | undefined> {
  const cache = join(modules, '.cache', `node-${version}`)
  const name = `node-${process.platform}-${process.arch}`
  const path = join(cache, 'node_modules', name, 'bin/node')
  if (existsSync(path)) return path
  await mkdir(cache, { recursive: true })
  await writeFile(join(cache, 'package.json'), '{}')
  const args = ['install', '--no-audit', '--no-fund', `${name}@${version}`]
  return await run('npm', args, { cwd: cache, timeout: 120_000 }).then(
    () => path,
    (error) => {
      if (process.env.CI) throw error
      return undefined
    },
  )
}

/** Starts the installed server by a Node, asks it with the installed client, and stops it. */
async function useInstalled(node: string): Promise<{ version: string; readings: string; stderr: string }> {
  const rollcall = join(installed, 'node_modules/.bin/rollcall')
  const data = await mkdtemp(join(folder, 'data-'))
  const env = {
    ...{ PATH: process.env.PATH, HOME: folder, PORT: '0', ROLLCALL_DATA: data },
    ...{ ROLLCALL_API_KEY: 'key', ROLLCALL_SECRET: 'a secret of this test' },
  }
  const { stdout: version } = await run(node, [rollcall, '--version'], { cwd: installed, env })
  const server = spawn(node, [rollcall, 'start', '--print-token'], { cwd: installed, env })
  let stderr = ''
  server.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  try {
    let printed = ''
    for await (const chunk of server.stdout) {
      printed += chunk
      if (/^curl .*\n/m.test(printed)) break
    }
    const [, url = ''] = /running at (\S+)/.exec(printed) ?? []
    assert.match(printed, /another: npx rollcall link\)/, stderr)
    await writeFile(join(installed, 'read.js'), reader(url))
    const { stdout: readings } = await run(node, ['read.js'], { cwd: installed, env })
    return { version: version.trim(), readings: readings.trim(), stderr }
  } finally {
    server.kill()
    await once(server, 'close')
  }
}

/** A program of whoever installed the client. */
const reader = (url: string) => `
  import { Rollcall } from '@rollcall/client'
  const rollcall = new Rollcall({ url: '${url}', apiKey: 'key', secret: 'a secret of this test' })
  const reporter = rollcall.report({ source: 'sfu' })
  const at = Date.now() - 60_000
  await reporter.add({ id: 'a', type: 'participant-joined', roomId: 'r', participantId: 'ann', at })
  await reporter.add({ id: 'b', type: 'participant-left', roomId: 'r', participantId: 'ann', at: at + 5000 })
  await reporter.close()
  const { data } = await rollcall.sessions.list().page(1)
  const pages = await Promise.all(['/', '/docs', '/docs/scalar.js'].map((path) => fetch('${url}' + path)))
  console.log(data.map(({ participants }) => participants[0].participantId).join(), ...pages.map(({ status }) => status))`

describe('the packages of npm, installed in an empty folder,', { timeout: 300_000 }, () => {
  test('start by npx, record, and are read by the client, on the Node that runs this', async () => {
    const { version, readings, stderr } = await useInstalled(process.execPath)
    assert.deepEqual([version, readings], [program.version, 'ann 200 200 200'], stderr)
  })

  test('do so on the oldest Node that they name', async (t) => {
    const node = await findNode(program.engines.node.replace('>=', ''))
    if (node === undefined) return t.skip('npm is not reached')
    const { version, readings, stderr } = await useInstalled(node)
    assert.deepEqual([version, readings], [program.version, 'ann 200 200 200'], stderr)
  })

  test('say so in one line on a Node that is too old', async (t) => {
    const node = await findNode('20.20.2')
    if (node === undefined) return t.skip('npm is not reached')
    const cli = join(installed, 'node_modules/.bin/rollcall')
    const built = join(import.meta.dirname, '../dist/main.js')
    for (const args of [[cli, 'start'], [cli, '--version'], [built]]) {
      const { code, stdout, stderr }: Failed = await run(node, args).catch((error) => error)
      assert.deepEqual([code, stdout], [1, ''])
      assert.equal(stderr, 'rollcall: Node 20.20.2 is too old: it takes 22.16 or newer\n')
    }
  })

  test('have types that a strict program of its own is checked against', async () => {
    await writeFile(join(installed, 'reader.ts'), typed)
    const tsc = join(modules, '.bin/tsc')
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,dom']
    const { stdout } = await run(tsc, ['--ignoreConfig', ...options, 'reader.ts'], { cwd: installed }).catch(
      (error) => error,
    )
    const lines = stdout.trim().split('\n')
    assert.equal(lines.length, 1, stdout)
    assert.match(lines[0], /^reader\.ts\(4,.*TS2322/)
  })
})

/** Right but for its fourth line. */
const typed = `import { Rollcall, type Session } from '@rollcall/client'
const rollcall = new Rollcall({ url: 'http://127.0.0.1', apiKey: 'a', secret: 'b' })
const session: Session = await rollcall.sessions.get('621497578bea0d0404c35c4c')
export const wrong: number = session.participants[0]?.name ?? ''
export const right: string | null = session.end
`

test('a version of Node is compared number by number', () => {
  for (const version of ['22.16.0', '22.17.1', '23.0.0', '24.21.0', '100.0.0']) assert.ok(isAtLeast(version, '22.16'))
  for (const version of ['22.15.9', '22.9.0', '20.20.2', '9.9.9']) assert.ok(!isAtLeast(version, '22.16'))
})
