import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { constants, DatabaseSync } from 'node:sqlite'
import { describe, mock, test } from 'node:test'
import { toRules } from '../../src/config.ts'
import { StartRefusal } from '../../src/error.ts'
import { openStore } from '../../src/record/open-store.ts'
import type { StoreOptions } from '../../src/record/opening/opened.ts'
import { createTransact } from '../../src/record/transaction.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import { compile } from '../../src/store/database/database.ts'
import { createSecretBox } from '../../src/store/database/secrets.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { rooms } from '../../src/store/rooms.ts'
import { builtThread } from '../support/built-server.ts'
import { dataParent } from '../support/data-parent.ts'
import { toRecords } from '../support/listed-records.ts'
import { storeContract } from './contract.ts'
import { listContract } from './list-contract.ts'

const rules = toRules({ graceMs: 20_000 })
const clock = { now: () => Date.now() }

function newFolder(): string {
  return mkdtempSync(join(dataParent, 'rollcall-store-'))
}

/** A file, and how often SQLite asks whether somebody may read while it does something: it does so when it plans a query. */
function openCounted(path: string) {
  const { exec } = DatabaseSync.prototype
  let connection: DatabaseSync | undefined
  const spy = mock.method(DatabaseSync.prototype, 'exec', function (this: DatabaseSync, sql: string) {
    connection = this
    exec.call(this, sql)
  })
  const db = openSqlite(path)
  spy.mock.restore()
  let plans = 0
  connection?.setAuthorizer((action) => {
    if (action === constants.SQLITE_SELECT) plans += 1
    return constants.SQLITE_OK
  })
  const countPlans = async (work: () => Promise<unknown>) => {
    const before = plans
    await work()
    return plans - before
  }
  return { db, countPlans }
}

describe('the store on SQLite', () => {
  const create = async () => {
    const dataFolder = newFolder()
    return {
      open: (clock: Clock, factsWaitingMax?: number) =>
        openStore({ dataFolder, rules, clock, factsWaitingMax, threadUrl: builtThread }),
      remove: async () => rmSync(dataFolder, { recursive: true }),
    }
  }
  storeContract(create)
  listContract(create)

  const withFolder = (title: string, run: (dataFolder: string, options: StoreOptions) => Promise<void>) =>
    test(title, async () => {
      const dataFolder = newFolder()
      try {
        await run(dataFolder, { dataFolder, rules, clock, threadUrl: builtThread })
      } finally {
        rmSync(dataFolder, { recursive: true })
      }
    })

  withFolder(
    'a second server on the same data is refused, and may start when the first is gone',
    async (folder, options) => {
      const first = await openStore(options)
      await assert.rejects(openStore(options), (error: Error) => {
        assert.ok(error instanceof StartRefusal)
        assert.match(error.message, /in use by another Rollcall server/)
        assert.ok(error.message.includes(folder))
        return true
      })
      await first.close()
      await (await openStore(options)).close()
    },
  )

  withFolder('a query is planned once, with whatever limits it is asked', async (folder, options) => {
    await (await openStore(options)).close()
    const { db, countPlans } = openCounted(join(folder, 'rollcall.db'))
    const some = () => db.kysely.selectFrom('rooms').select('id').where('key_id', '=', 1).orderBy('created_at')
    const compiled = compile<{ limit: number }, { id: string }>(({ limit }) => some().limit(limit))
    const ask = async (limit: number) => {
      await db.all(compiled, { limit })
      await some().limit(limit).execute()
    }
    await ask(1)
    assert.equal(await countPlans(() => ask(1)), 0)
    assert.equal(await countPlans(() => ask(20)), 0)
    assert.notEqual(await countPlans(() => some().execute()), 0)
    await db.close()
  })

  withFolder('a room whose making was undone is made anew: nothing of it is remembered', async (folder, options) => {
    const store = await openStore(options)
    const { keyId } = await store.writes.keys.add({ name: null, email: null })
    const db = openSqlite(join(folder, 'rollcall.db'))
    const transact = createTransact(db, { box: createSecretBox(randomBytes(32)), rules, now: clock.now })
    const hall = { keyId, givenIds: ['hall'] }
    const undone = transact(async (over) => {
      await rooms.writes.ensure(over, hall)
      throw new Error('undone')
    })
    await assert.rejects(undone, /undone/)
    const made = await transact((over) => rooms.writes.ensure(over, hall))
    await db.close()
    for (let i = 0; i < 2; i++) assert.deepEqual(await store.reads.rooms.findIds(keyId, ['hall']), made)
    await store.close()
  })

  withFolder('a command works beside a running server, and each sees what the other wrote', async (_, options) => {
    const server = await openStore(options)
    const command = await openStore({ ...options, exclusive: false })
    const key = await command.writes.keys.add({ name: null, email: null })
    assert.equal((await server.reads.keys.find(key.apiKey))?.secret, key.secret)
    await server.writes.keys.disable({ apiKey: key.apiKey })
    assert.notEqual((await command.reads.keys.find(key.apiKey))?.disabledAt, null)
    await command.close()
    await server.close()
  })

  withFolder(
    'secrets never lie in the files in clear, and the master key is readable by its owner alone',
    async (folder, options) => {
      const store = await openStore(options)
      const key = await store.writes.keys.add({ name: null, email: null })
      const rotated = await store.writes.keys.rotate({ apiKey: key.apiKey, previousUntil: Date.now() + 1000 })
      for (const file of readdirSync(folder)) {
        const bytes = readFileSync(join(folder, file))
        for (const secret of [key.secret, rotated?.secret ?? '']) {
          assert.ok(!bytes.includes(secret) && !bytes.includes(Buffer.from(secret, 'hex')), `${file} holds a secret`)
        }
      }
      assert.equal(statSync(join(folder, 'master.key')).mode & 0o777, 0o600)
      await store.close()
    },
  )

  withFolder('another master key stops the start with a line that says so', async (_, options) => {
    const store = await openStore(options)
    await store.writes.keys.add({ name: null, email: null })
    await store.close()
    await assert.rejects(openStore({ ...options, masterKey: randomBytes(32) }), /sealed under another master key/)
    await (await openStore(options)).close()
  })

  withFolder(
    'a file that is no database, or a folder that cannot be, stops the start with a line that names it',
    async (folder, options) => {
      writeFileSync(join(folder, 'rollcall.db'), 'not a database at all, and longer than a header'.repeat(100))
      await assert.rejects(
        openStore(options),
        (error: Error) => error instanceof StartRefusal && error.message.includes(folder),
      )
      const inside = join(folder, 'rollcall.db', 'inside')
      await assert.rejects(
        openStore({ ...options, dataFolder: inside }),
        (error: Error) => error instanceof StartRefusal && error.message.includes(inside),
      )
    },
  )

  withFolder('whatever was acknowledged before a kill -9 is there afterwards', async (_, options) => {
    const writer = spawn(process.execPath, [join(import.meta.dirname, 'endless-writer.ts'), options.dataFolder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const acknowledged = await readUntilKilled(writer, 300)
    const store = await openStore(options)
    const [key] = await store.reads.keys.list()
    assert.ok(key)
    const page = await store.reads.sessions.list(key.keyId, {}, { page: 1, perPage: 1 }, Number.MAX_SAFE_INTEGER)
    const sessions = toRecords(page.sessions)
    const kept = new Set(sessions[0]?.participants.map((one) => one.participantId))
    assert.deepEqual(
      acknowledged.filter((id) => !kept.has(id)),
      [],
    )
    await store.close()
  })
})

/** Reads what the child acknowledged, and kills it once `enough` lines have come. */
async function readUntilKilled(child: ChildProcess, enough: number): Promise<string[]> {
  const lines: string[] = []
  assert.ok(child.stdout)
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (lines.length === enough) child.kill('SIGKILL')
  }
  return lines
}
