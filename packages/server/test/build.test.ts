import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildWhereStale, type Target } from '../../../build/build.ts'

let folder: string
let target: Target
let built = 0
const tell = () => {
  built++
}
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
  await mkdir(join(folder, 'src/inner'), { recursive: true })
  await write('one')
  target = {
    name: 'a test',
    folder,
    sources: ['src'],
    builder: ['rolldown', 'bin/cli.mjs'],
    args: (into) => ['src/main.ts', '--dir', into],
  }
})
after(() => rm(folder, { recursive: true }))

async function write(word: string): Promise<void> {
  await writeFile(join(folder, 'src/main.ts'), "import { word } from './inner/word.ts'\nconsole.log(word)\n")
  await writeFile(join(folder, 'src/inner/word.ts'), `export const word: string = '${word}'\n`)
}

const builtText = () => readFile(join(folder, 'dist/main.js'), 'utf8')

describe('a build', () => {
  test('is made where there is none, by several at once: what is there is whole for each of them', async () => {
    const texts = await Promise.all(
      Array.from({ length: 4 }, async () => {
        await buildWhereStale(target, tell)
        return await builtText()
      }),
    )
    for (const text of texts) assert.match(text, /'one'|"one"/)
  })

  test('is made again where something that it is made of is newer, and not else', async () => {
    await write('two')
    const later = new Date(Date.now() + 1000)
    await utimes(join(folder, 'src/inner/word.ts'), later, later)
    built = 0
    await buildWhereStale(target, tell)
    assert.equal(built, 1)
    assert.match(await builtText(), /'two'|"two"/)
    await utimes(join(folder, 'src/inner/word.ts'), 0, 0)
    await buildWhereStale(target, tell)
    assert.equal(built, 1)
  })

  test('that fails says why, and what was there is left', async () => {
    await writeFile(join(folder, 'src/main.ts'), "import './gone.ts'\n")
    const later = new Date(Date.now() + 5000)
    await utimes(join(folder, 'src/main.ts'), later, later)
    await assert.rejects(buildWhereStale(target, tell), /gone\.ts/)
    assert.match(await builtText(), /'two'|"two"/)
  })
})
