import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const packages = join(import.meta.dirname, '../packages')

/** What is built into the `dist` of its folder. */
export type Target = {
  /** As the person who waits for it reads. */
  name: string
  folder: string
  /** What it is made of, seen from its folder: files, and folders with all that is in them. */
  sources: string[]
  /** The package that builds it, and its program. */
  builder: [packageName: string, program: string]
  /** How it is told to build into a folder. */
  args(into: string): string[]
}

const pages: Target = {
  name: 'the dashboard',
  folder: join(packages, 'web'),
  sources: [
    'src',
    'public',
    'index.html',
    'room.html',
    'vite.config.ts',
    '../client/src',
    '../protocol/src',
    '../server/package.json',
  ],
  builder: ['vite', 'bin/vite.js'],
  args: (into) => ['build', '--outDir', into, '--emptyOutDir'],
}

const server: Target = {
  name: 'the server',
  folder: join(packages, 'server'),
  sources: [
    'src',
    'package.json',
    'rolldown.config.ts',
    'async-disposable-stack.ts',
    '../protocol/src',
    '../../package-lock.json',
  ],
  builder: ['rolldown', 'bin/cli.mjs'],
  args: (into) => ['--config', 'rolldown.config.ts', '--dir', into],
}

type Tell = (line: string) => void

/** The dashboard and the room page, for the server to send. */
export const buildPages = (tell?: Tell): Promise<void> => buildWhereStale(pages, tell)

/** The server and the commands, each with its libraries in a few files: those start in a third of the time that their 1,500 modules take. */
export const buildServer = (tell?: Tell): Promise<void> => buildWhereStale(server, tell)

/**
 * Builds where it is missing, or older than what it is made of. Several may do it at once: each builds apart, and what is there
 * is always whole.
 * @param tell gets one line before a build begins
 */
export async function buildWhereStale(target: Target, tell: Tell = () => {}): Promise<void> {
  if (!(await isStale(target))) return
  const program = findProgram(target)
  if (program === undefined) return
  tell(`Building ${target.name}; this takes some seconds …`)
  const dist = join(target.folder, 'dist')
  const apart = await mkdtemp(`${dist}-`)
  try {
    await promisify(execFile)(process.execPath, [program, ...target.args(apart)], { cwd: target.folder })
    // A folder that was made for a moment is its maker's alone: the server may run as somebody else.
    await chmod(apart, 0o755)
    const old = `${apart}-old`
    // Somebody else may be quicker, and run theirs already: only what is stale is put aside.
    while (!(await moveWhereNone(apart, dist))) {
      if (!(await isStale(target))) return
      await moveAside(dist, old)
    }
    await rm(old, { recursive: true, force: true })
  } finally {
    await rm(apart, { recursive: true, force: true })
  }
}

/** False where there is something already. */
function moveWhereNone(folder: string, to: string): Promise<boolean> {
  return rename(folder, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false
      throw error
    },
  )
}

async function moveAside(folder: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true })
  await rename(folder, to).catch((error: NodeJS.ErrnoException) => {
    // Somebody else has put it aside.
    if (error.code !== 'ENOENT') throw error
  })
}

async function isStale({ folder, sources }: Target): Promise<boolean> {
  const builtAt = changedAt(join(folder, 'dist'))
  if (builtAt === undefined) return true
  for (const source of sources) {
    const path = join(folder, source)
    const names = statSync(path).isDirectory() ? await readdir(path, { recursive: true }) : ['']
    if (names.some((name) => (changedAt(join(path, name)) ?? 0) > builtAt)) return true
  }
  return false
}

/** In ms. */
function changedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs
}

/** Undefined where only what runs the server is installed. */
function findProgram({ builder: [name, program] }: Target): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), program)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

// `node build/build.ts [server|pages]`: that alone, or both. What it tells goes beside what is asked for: `rollcall token` prints a token.
if (import.meta.main) {
  const [, , only] = process.argv
  const tell: Tell = (line) => process.stderr.write(`${line}\n`)
  if (only !== 'pages') await buildServer(tell)
  if (only !== 'server') await buildPages(tell)
  if (only !== 'pages' && !existsSync(join(server.folder, 'dist'))) {
    tell(
      'The server is not built, and what builds it is not installed: npm ci && npm run build && npm prune --omit=dev',
    )
    process.exitCode = 1
  }
}
