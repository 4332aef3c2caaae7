import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { TestServer } from '../support/start-server.ts'

const run = promisify(execFile)

/** Where what is built of the clients is kept from one run to the next. */
export const cacheFolder = join(import.meta.dirname, '../../../../node_modules/.cache/clients')

/** What a program said; fails with all of it where it ended with an error. */
export async function runTool(
  file: string,
  args: string[],
  { cwd, env = {} }: { cwd?: string; env?: { [name: string]: string } } = {},
): Promise<string> {
  const options = { ...(cwd !== undefined && { cwd }), env: { ...process.env, ...env }, maxBuffer: 64_000_000 }
  try {
    return (await run(file, args, options)).stdout
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    assert.fail(`${file} ${args.join(' ')}: ${stdout}${stderr}${stderr === '' ? message : ''}`)
  }
}

/** Whether the machine has a tool; where it has not, the test is skipped and says so. */
export async function hasTool(t: TestContext, file: string, args: string[]): Promise<boolean> {
  const has = await run(file, args).then(
    () => true,
    () => false,
  )
  if (!has) t.skip(`needs ${file}, which this machine has not`)
  return has
}

/** A folder of the cache, made where it is missing. */
export async function makeCache(name: string): Promise<string> {
  const folder = join(cacheFolder, name)
  await mkdir(folder, { recursive: true })
  return folder
}

/** The settings by which a client of the tests finds the server. */
export async function settingsFor(server: TestServer): Promise<{ [name: string]: string }> {
  return { ROLLCALL_URL: server.url, ROLLCALL_TOKEN: await server.sign() }
}

/** The calls that a client said were right. */
export function callsIn(stdout: string): string[] {
  return [...stdout.matchAll(/^ok (.+)$/gm)].map(([, call = '']) => call)
}
