import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { requireProgram } from '../../../client/test/system-program.ts'
import { findFreePort, isListening } from './ports.ts'

/**
 * A real PgBouncer before a database, until the test is over; gives the address of the database by way of it. Undefined where it
 * is not to be had (root on Debian installs it): the test is skipped and says so, or fails where CI is set.
 */
export async function startPgBouncer(
  t: TestContext,
  databaseUrl: string,
  mode: 'session' | 'transaction',
): Promise<string | undefined> {
  const program = await requireProgram(t, { names: ['pgbouncer'], packages: ['pgbouncer'] })
  if (program === undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-pgbouncer-'))
  // It does not run as root.
  await chmod(folder, 0o755)
  const { hostname, port: servicePort, username, password } = new URL(databaseUrl)
  const port = await findFreePort()
  await writeFile(join(folder, 'users.txt'), `"${username}" "${password}"\n`)
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(
    file,
    `[databases]
* = host=${hostname} port=${servicePort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = md5
auth_file = ${folder}/users.txt
pool_mode = ${mode}
default_pool_size = 40
max_client_conn = 200
`,
  )
  const bouncer = spawn(program, ['-q', ...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []), file])
  const said: string[] = []
  bouncer.stderr.on('data', (chunk) => said.push(String(chunk)))
  t.after(async () => {
    bouncer.kill('SIGKILL')
    if (bouncer.exitCode === null && bouncer.signalCode === null) await once(bouncer, 'exit')
    await rm(folder, { recursive: true })
  })
  while (!(await isListening(port))) {
    if (bouncer.exitCode !== null) throw new Error(`PgBouncer did not start: ${said.join('')}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const pooled = new URL(databaseUrl)
  pooled.port = String(port)
  return pooled.href
}
