import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type Program, runProgram } from './support/run-program.ts'

const run = promisify(execFile)
const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8')

/** The block of this language after a heading. */
function readBlock(heading: string, language: string): string {
  const section = readme.slice(readme.indexOf(`\n## ${heading}\n`))
  const [, block = ''] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(section) ?? []
  assert.notEqual(block, '', `README.md has no ${language} under ${heading}`)
  return block
}

describe('README’s first five minutes, as they are pasted,', { timeout: 300_000 }, () => {
  let folder: string
  let server: Program
  let env: { URL: string; TOKEN: string }
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
    server = runProgram('main.js', { PORT: '0', ROLLCALL_DATA: join(folder, 'data') }, ['--print-token'])
    const printed = await server.says('stdout', /^curl .*\n/m)
    const [, URL = ''] = /running at (\S+)/.exec(printed) ?? []
    const [, TOKEN = ''] = /Authorization: (\S+)'/.exec(printed) ?? []
    env = { URL, TOKEN }
  })
  after(async () => {
    server.child.kill('SIGTERM')
    await server.ended
    await rm(folder, { recursive: true, force: true })
  })

  test('record a session with curl, and read it; the server warns of nothing', async () => {
    const script = readBlock('Five minutes with curl', 'sh').replaceAll(/^export .*$/gm, '')
    const { stdout, stderr } = await run('sh', ['-e', '-c', script], { env: { PATH: process.env.PATH, ...env } })
    assert.equal(stderr, '')
    assert.match(stdout, /"timelog":\[\{"start":"2026-01-05T09:00:00.000Z","end":"2026-01-05T09:01:00.000Z"\}\]/)
    // The clocks of whoever reports are judged when somebody asks for the sources.
    await fetch(`${env.URL}/v2/sources`, { headers: { authorization: env.TOKEN } })
    await server.says('stderr', /"path":"\/v2\/sources"/)
    const logged = (await server.says('stderr', /./)).trim().split('\n')
    const warnings = logged.map((line) => JSON.parse(line)).filter(({ level }) => level > 30)
    assert.deepEqual(warnings, [])
  })

  test('read the sessions from a program, which needs only what was printed', async () => {
    const program = readBlock('Use it from a program', 'ts').replace('http://127.0.0.1:4000', env.URL)
    // Beside the tests: there the client is found.
    const path = join(import.meta.dirname, `readme-${process.pid}.ts`)
    await writeFile(path, program)
    try {
      const { stdout } = await run(process.execPath, [path], { env: { PATH: process.env.PATH, ...env } })
      assert.match(stdout, /^[\w-]+ 2026-01-05T09:00:00.000Z 1\n$/)
    } finally {
      await rm(path)
    }
  })
})
