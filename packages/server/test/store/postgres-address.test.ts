import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { readAddress, showAddress } from '../../src/store/database/postgres/address.ts'
import { connectAlone, connectionsTo } from '../../src/store/database/postgres/connections.ts'
import { type Postgres, startOwnPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/run-program.ts'

describe('the address of a PostgreSQL service', () => {
  test('names hosts, ports, a login and a database as libpq has it', () => {
    const address = readAddress(
      'postgres://me:p%40ss%2Fword@one,two:5433,[::1]:5434/record%20s?sslmode=disable&connect_timeout=2&application_name=x',
    )
    assert.deepEqual(address.places, [
      { host: 'one', port: 5432, tls: undefined },
      { host: 'two', port: 5433, tls: undefined },
      { host: '::1', port: 5434, tls: undefined },
    ])
    const { user, password, database, wantsWritable, connectTimeoutMs } = address
    assert.deepEqual(
      { user, password, database, wantsWritable, connectTimeoutMs },
      { user: 'me', password: 'p@ss/word', database: 'record s', wantsWritable: true, connectTimeoutMs: 2000 },
    )
    const onSocket = readAddress('postgresql:///rollcall?host=/var/run/postgresql&user=me')
    assert.deepEqual(onSocket.places, [{ host: '/var/run/postgresql', port: 5432, tls: undefined }])
  })

  test('is made safe as its sslmode says, in the order of libpq, and with prefer where it says nothing', () => {
    const waysOf = (query: string) =>
      readAddress(`postgres://host/db${query}`).places.map(({ tls }) =>
        tls === undefined
          ? 'plain'
          : `${tls.rejectUnauthorized}${tls.checkServerIdentity === undefined ? ' by name' : ''}`,
      )
    const root = `&sslrootcert=${import.meta.filename}`
    assert.deepEqual(waysOf(''), ['false', 'plain'])
    assert.deepEqual(waysOf('?sslmode=disable'), ['plain'])
    assert.deepEqual(waysOf('?sslmode=allow'), ['plain', 'false'])
    assert.deepEqual(waysOf('?sslmode=prefer'), ['false', 'plain'])
    assert.deepEqual(waysOf('?sslmode=require'), ['false'])
    assert.deepEqual(waysOf('?ssl=true'), ['false'])
    assert.deepEqual(waysOf(`?sslmode=require${root}`), ['true'])
    assert.deepEqual(waysOf(`?sslmode=verify-ca${root}`), ['true'])
    assert.deepEqual(waysOf(`?sslmode=verify-full${root}`), ['true by name'])
    assert.deepEqual(waysOf('?sslmode=verify-full'), ['true by name'])
    assert.deepEqual(waysOf('?sslmode=verify-full&sslrootcert=system'), ['true by name'])
  })

  test('that is not understood is refused in words that repeat nothing of it', () => {
    for (const [rest, why] of [
      ['@host/db?sslmode=no-verify', /sslmode takes disable, allow, prefer, require, verify-ca, verify-full$/],
      ['@host/db?sslmode=verify-ca', /sslmode=verify-ca takes an sslrootcert/],
      ['@host/db?sslmode=require&sslrootcert=system', /sslrootcert=system takes sslmode=verify-full/],
      ['@host/db?sslmode=verify-full&sslrootcert=/hushhush', /the file of its sslrootcert cannot be read \(ENOENT\)/],
      ['@host/db?sslcert=/hushhush', /sslcert and sslkey go together/],
      ['@host/db?hushhush=1', /a parameter that is none of host, port/],
      ['@host/db?target_session_attrs=standby', /target_session_attrs takes any, read-write, primary/],
      ['@host/db?connect_timeout=hushhush', /connect_timeout is seconds/],
      ['hushhush?@host/db', /an @ stands after its \?/],
      ['#hushhush@host/db', /it takes an address such as/],
      ['%zz@host/db', /a % that is not followed by two hex digits/],
      ['@host:hushhush/db', /a host that is none/],
      ['@host:99999/db', /a port is a number/],
    ] as const) {
      assert.throws(
        () => readAddress(`postgres://somebody:topsecret${rest}`),
        (error: Error) =>
          error.name === 'StartRefusal' &&
          why.test(error.message) &&
          !/somebody|topsecret|hushhush/.test(error.message.replace('user:password@host', '')),
        rest,
      )
    }
  })

  test('is shown as its hosts and its database', () => {
    const shown = showAddress(readAddress('postgres://me:secret@one,[::1]:5433/db?sslmode=prefer&options=-c%20a=b'))
    assert.equal(shown, 'postgres://one,[::1]:5433/db')
  })
})

describe('a PostgreSQL that speaks TLS', { timeout: 120_000 }, () => {
  let postgres: Postgres
  let databaseUrl = ''
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-tls-'))
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

  /** A certificate of ours for a name; for a server, that name is also its address. */
  function certify(name: string, about: { cn: string; names?: string }): void {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-subj',
      `/CN=${about.cn}`,
      '-out',
      `${name}.csr`,
    )
    writeFileSync(file(`${name}.ext`), about.names === undefined ? '' : `subjectAltName=${about.names}\n`)
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'root.crt',
      '-CAkey',
      'root.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.crt`,
    )
  }

  before(async () => {
    for (const root of ['root', 'other']) {
      openssl(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${root}.key`,
        '-subj',
        `/CN=${root}`,
        '-days',
        '2',
        '-out',
        `${root}.crt`,
      )
    }
    certify('server', { cn: 'localhost', names: 'DNS:localhost' })
    certify('client', { cn: 'rollcall' })
    postgres = await startOwnPostgres()
    databaseUrl = await postgres.newDatabase()
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    const { rows } = await client.query('show data_directory')
    const data = String(rows[0]?.data_directory)
    const { uid, gid } = statSync(data)
    for (const name of ['server.crt', 'server.key', 'root.crt']) {
      writeFileSync(join(data, name), readFileSync(file(name)))
      chmodSync(join(data, name), 0o600)
      if (process.getuid?.() === 0) chownSync(join(data, name), uid, gid)
    }
    // Of two databases one takes TLS alone, and one a certificate in place of a password.
    const hba = join(data, 'pg_hba.conf')
    writeFileSync(
      hba,
      `hostssl by_certificate all 0.0.0.0/0 cert\nhostnossl only_tls all 0.0.0.0/0 reject\n${readFileSync(hba, 'utf8')}`,
    )
    for (const statement of [
      'create database only_tls',
      'create database by_certificate',
      'alter system set ssl = on',
      "alter system set ssl_ca_file = 'root.crt'",
      'select pg_reload_conf()',
    ]) {
      await client.query(statement)
    }
    await client.end()
  })
  after(async () => {
    await postgres.stop()
    rmSync(folder, { recursive: true })
  })

  /** Whether a connection that is made so is safe. Rejects where there is none. */
  async function isSafe(database: string, query: string, host = 'localhost'): Promise<boolean> {
    const address = new URL(databaseUrl)
    const url = `postgres://rollcall:rollcall@${host}:${address.port}/${database}?${query}`
    const client = await connectAlone(connectionsTo(url))
    const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
    await client.end()
    return rows[0]?.ssl === true
  }

  test('is connected to as each sslmode says', async () => {
    const root = `sslrootcert=${file('root.crt')}`
    const other = `sslrootcert=${file('other.crt')}`
    assert.equal(await isSafe('postgres', ''), true)
    assert.equal(await isSafe('postgres', 'sslmode=disable'), false)
    assert.equal(await isSafe('postgres', 'sslmode=allow'), false)
    assert.equal(await isSafe('only_tls', 'sslmode=allow'), true)
    assert.equal(await isSafe('postgres', 'sslmode=prefer'), true)
    assert.equal(await isSafe('postgres', 'sslmode=require'), true)
    assert.equal(await isSafe('postgres', `sslmode=verify-ca&${root}`, '127.0.0.1'), true)
    assert.equal(await isSafe('postgres', `sslmode=verify-full&${root}`), true)
    await assert.rejects(isSafe('only_tls', 'sslmode=disable'), /pg_hba\.conf/)
    await assert.rejects(isSafe('postgres', `sslmode=verify-full&${root}`, '127.0.0.1'), /altnames/)
    await assert.rejects(isSafe('postgres', 'sslmode=verify-full'), /certificate/)
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      await assert.rejects(isSafe('postgres', `sslmode=${mode}&${other}`), /certificate/)
    }
  })

  test('takes a certificate of ours in place of a password', async () => {
    const certificate = `sslcert=${file('client.crt')}&sslkey=${file('client.key')}`
    assert.equal(
      await isSafe('by_certificate', `sslmode=verify-full&sslrootcert=${file('root.crt')}&${certificate}`),
      true,
    )
    await assert.rejects(isSafe('by_certificate', 'sslmode=require'), /localhost:\d+/)
  })

  test('that refuses: a server and a command say so with host and database alone', async () => {
    const { port } = new URL(databaseUrl)
    for (const [login, database, options, why] of [
      ['somebody:topsecret', 'postgres', '', /does not take this user with this password/],
      ['rollcall:topsecret', 'postgres', '', /does not take this user with this password/],
      ['rollcall:rollcall', 'nothing_here', '', /database "nothing_here" does not exist/],
      ['rollcall:rollcall', 'postgres', '?sslmode=hushhush', /sslmode takes disable, /],
    ] as const) {
      const env = {
        PORT: '0',
        DATABASE_URL: `postgres://${login}@localhost:${port}/${database}${options}`,
        ROLLCALL_MASTER_KEY: '8'.repeat(64),
        LOG_LEVEL: 'trace',
      }
      for (const run of [() => runProgram('main.js', env), () => runProgram('cli.js', env, ['keys', 'list'])]) {
        const { code, stdout, stderr } = await run().ended
        assert.equal(code, 1)
        assert.match(stderr, why)
        assert.doesNotMatch(stdout + stderr, /somebody|topsecret|rollcall:rollcall|hushhush/)
      }
    }
  })
})
