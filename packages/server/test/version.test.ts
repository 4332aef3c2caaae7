import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import program from '../package.json' with { type: 'json' }

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

type Package = { version: string; dependencies?: Versions; devDependencies?: Versions }
type Versions = { [name: string]: string }

test('every package has the version of the server, and asks for no other of its neighbours', () => {
  for (const path of ['package.json', ...globSync('packages/*/package.json', { cwd: root })]) {
    const { version, dependencies, devDependencies } = JSON.parse(read(path)) as Package
    assert.equal(version, program.version, path)
    for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (name.startsWith('@rollcall/')) assert.equal(range.replace('^', ''), program.version, `${path}: ${name}`)
    }
  }
})

test('the lock file has the version of the server for every package of the workspace', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: { [path: string]: Package } }
  const own = Object.entries(packages).filter(([path]) => path === '' || path.startsWith('packages/'))
  assert.equal(own.length, 5)
  for (const [path, { version }] of own) assert.equal(version, program.version, path)
})

test('the newest section of the changelog is the version of the server', () => {
  const [, newest] = /^## (\S+) — /m.exec(read('CHANGELOG.md')) ?? []
  assert.equal(newest, program.version)
})
