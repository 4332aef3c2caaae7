import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { buildPages } from '../../../build/build.ts'

const dist = join(import.meta.dirname, '../dist')
const firstLoadMaxBytes = 250_000

before(() => buildPages())

/** The page, and all that it loads before it shows the list of sessions: what is imported at once, not what is split off. */
async function listFirstLoad(page: string): Promise<string[]> {
  const html = await readFile(join(dist, page), 'utf8')
  const found = new Set<string>()
  const follow = async (name: string) => {
    if (found.has(name)) return
    found.add(name)
    if (!name.endsWith('.js')) return
    const code = await readFile(join(dist, name), 'utf8')
    for (const [, from] of code.matchAll(/(?:^|[;}])import(?:[^"'();]*?from)?["']\.\/([^"']+)["']/g))
      await follow(`assets/${from}`)
  }
  for (const [, name = ''] of html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)) await follow(name)
  return [page, ...found]
}

test('the first load of the dashboard is at most 250 kB compressed, and brings neither charts nor the room', async () => {
  const names = await listFirstLoad('index.html')
  const sizes = await Promise.all(names.map(async (name) => gzipSync(await readFile(join(dist, name))).length))
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  assert.ok(names.filter((name) => name.endsWith('.js')).length > 1, names.join(' '))
  assert.ok(bytes > 50_000 && bytes <= firstLoadMaxBytes, `${bytes} bytes: ${names.join(' ')}`)
  for (const name of names) {
    const text = await readFile(join(dist, name), 'utf8')
    assert.ok(!/uplot|RTCPeerConnection/.test(text), name)
  }
})
