import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A program that npm does not bring, and where Debian has it. */
export type SystemProgram = {
  /** Any of these will do. */
  names: string[]
  /** Debian's packages of it. */
  packages: string[]
  /** True where the program that was found can do what the test needs. */
  isUsable?: (path: string) => Promise<boolean>
}

/**
 * The path of a program of the system; root on Debian installs it. Where it is not to be had, the test is skipped and says
 * so, and undefined is given; where CI is set, that is a failure.
 */
export async function requireProgram(t: TestContext, program: SystemProgram): Promise<string | undefined> {
  const path = await findOrInstall(program)
  if (path === undefined) t.skip(lackOf(program))
  return path
}

/** The same for whatever is prepared before a test: undefined where those have to be skipped, as `lackOf` says. */
export async function findOrInstall(program: SystemProgram): Promise<string | undefined> {
  const path = (await findProgram(program)) ?? (await installProgram(program))
  if (path === undefined && process.env.CI) throw new Error(`this test ${lackOf(program)}`)
  return path
}

/** What is missing, and the command that brings it. */
export function lackOf({ names, packages }: SystemProgram): string {
  return `needs ${names.join(' or ')} (on Debian: apt-get install ${packages.join(' ')})`
}

async function findProgram({ names, isUsable = async () => true }: SystemProgram): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name)
      if ((await isExecutable(path)) && (await isUsable(path))) return path
    }
  }
  return undefined
}

async function installProgram(program: SystemProgram): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !(await isExecutable('/usr/bin/apt-get'))) return undefined
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // Others may install at the same moment: the lock is waited for.
  const apt = (...args: string[]) => run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], { env })
  await apt('update')
  await apt('install', '--yes', '--no-install-recommends', ...program.packages)
  return findProgram(program)
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
