import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { readConfig } from '../src/config.ts'

const run = promisify(execFile)
const deploy = join(import.meta.dirname, '../../../deploy')
const read = (name: string) => readFile(join(deploy, name), 'utf8')

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
})
after(() => rm(folder, { recursive: true }))

const has = (program: string) =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  )

describe('what deploys it', () => {
  test('starts the file that the package has, and sets what the server reads', async () => {
    const program = '/node_modules/@rollcall/server/server/dist/main.js'
    for (const name of ['Containerfile', 'rollcall.service']) assert.ok((await read(name)).includes(program), name)
    const names = ['Containerfile', 'rollcall.service', 'compose.yaml']
    const texts = await Promise.all(names.map(read))
    const settings = new Set(texts.flatMap((text) => text.match(/\b(ROLLCALL_[A-Z_]+|DATABASE_URL(_FILE)?)\b/g) ?? []))
    const documented = await readFile(join(deploy, '../docs/settings.md'), 'utf8')
    for (const setting of settings) assert.ok(documented.includes(setting.replace(/_FILE$/, '')), setting)
    assert.equal(readConfig({ ROLLCALL_PUBLIC_URL: '', ROLLCALL_TRUST_PROXY: 'off' }).publicUrl, undefined)
  })

  test('under systemd is a unit that it takes, and that is exposed as little as its documentation says', async (t) => {
    if (!(await has('systemd-analyze'))) return t.skip('systemd-analyze is not installed')
    const unit = join(folder, 'rollcall.service')
    await writeFile(unit, (await read('rollcall.service')).replace('/usr/bin/node', process.execPath))
    const verified = await run('systemd-analyze', ['verify', unit])
    assert.equal(verified.stderr, '')
    const args = ['security', '--offline=yes', '--no-pager', '--threshold=13', unit]
    await run('systemd-analyze', args)
  })
})
