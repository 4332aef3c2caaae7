import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { SessionPage } from '@rollcall/protocol'
import { startServer, type TestServer } from '../../packages/server/test/support/start-server.ts'

const run = promisify(execFile)
const program = join(import.meta.dirname, 'two-people.ts')

let server: TestServer
let printed: SessionPage
before(async () => {
  server = await startServer({ ROLLCALL_GRACE_SECONDS: '1' })
  const env = { PATH: process.env.PATH, ROLLCALL_URL: server.url, ROLLCALL_TOKEN: await server.sign() }
  // An example that waits for ever has to fail here, not to hold up the run.
  const { stdout } = await run(process.execPath, [program], { env, timeout: 300_000 })
  printed = JSON.parse(stdout)
})
after(() => server.stop())

describe('the example of two people', () => {
  test('prints what is documented: the same keys in the same order, nesting, and forms of values', async () => {
    const documented = JSON.parse(await readFile(join(import.meta.dirname, 'documented.json'), 'utf8'))
    assertAlike(printed, documented, 'page')
  })

  test('has one session, with two people; who dropped and returned has two times inside, the other one', () => {
    assert.deepEqual(printed.pageInfo, { currentPage: 1, perPage: 20, lastPage: 1, total: 1 })
    const [session] = printed.data
    assert.deepEqual(
      session?.participants.map(({ name, timelog }) => [name, timelog.map(({ reason }) => reason)]),
      [
        ['Jacques', ['left']],
        ['Rahul', ['disconnected', 'left']],
      ],
    )
    assert.equal(session?.end, session?.participants[0]?.timelog[0]?.end)
  })

  test('says what is missing where no token is given', async () => {
    await assert.rejects(run(process.execPath, [program], { env: { PATH: process.env.PATH } }), {
      code: 1,
      stdout: '',
      stderr: 'ROLLCALL_TOKEN is missing: sign one with  npm run -s rollcall -- token\n',
    })
  })
})

/** The forms that texts have in the documented answer, the special before the general. */
const forms: [name: string, form: RegExp][] = [
  ['a time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/],
  ['an id', /^[0-9a-f]{24}$/],
  ['a participant id', /^[a-z0-9]{8}$/],
  ['a room id', /^[a-z0-9]{3,4}-[a-z0-9]{4}-[a-z0-9]{4}$/],
  ['the link of a room', /^https?:\/\/[^/]+\/v2\/rooms\/[a-z0-9]{3,4}-[a-z0-9]{4}-[a-z0-9]{4}$/],
  ['the link of a session', /^https?:\/\/[^/]+\/v2\/sessions\/[0-9a-f]{24}$/],
  ['a word', /^[A-Za-z]+$/],
]
const formOf = (text: string) => forms.find(([, form]) => form.test(text))?.[0] ?? 'a text'

/** The documented keys come first and in their order, and everything in them has the documented form; more keys may follow. */
function assertAlike(actual: unknown, documented: unknown, path: string): void {
  if (Array.isArray(documented)) {
    assert.ok(Array.isArray(actual) && actual.length > 0, `${path} has something in it`)
    for (const [i, one] of actual.entries()) assertAlike(one, documented[0], `${path}[${i}]`)
  } else if (typeof documented === 'object' && documented !== null) {
    assert.ok(typeof actual === 'object' && actual !== null, `${path} is an object`)
    const keys = Object.keys(documented)
    assert.deepEqual(Object.keys(actual).slice(0, keys.length), keys, `the keys of ${path}`)
    for (const [key, value] of Object.entries(documented)) {
      assertAlike((actual as { [key: string]: unknown })[key], value, `${path}.${key}`)
    }
  } else {
    assert.equal(typeof actual, typeof documented, path)
    if (typeof documented === 'number') assert.ok(Number.isInteger(actual), `${path} is a whole number`)
    else assert.equal(formOf(String(actual)), formOf(String(documented)), `the form of ${path}=${actual}`)
  }
}
