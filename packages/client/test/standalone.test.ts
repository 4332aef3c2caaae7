import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const source = join(import.meta.dirname, '../src')

test('the client brings nothing but itself and the plain files of the protocol: no node:*, no validator', async () => {
  const program = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({
      resolve(specifier, context, next) {
        loaded.push(specifier)
        return next(specifier, context)
      },
    })
    await import(${JSON.stringify(pathToFileURL(join(source, 'index.ts')))})
    console.log(JSON.stringify(loaded.slice(1)))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
  const loaded: string[] = JSON.parse(stdout)
  const isOwn = (specifier: string) => /^\.\.?\//.test(specifier)
  const foreign = new Set(loaded.filter((specifier) => !isOwn(specifier)))
  const plain = ['close-codes', 'ids', 'person'].map((file) => `@rollcall/protocol/${file}`)
  assert.deepEqual([...foreign].sort(), plain)
})
