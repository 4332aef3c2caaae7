import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { chmod, cp, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const here = import.meta.dirname
const dist = join(here, 'dist')
/** What the pages are made of. */
const sources = ['src', 'public', 'index.html', 'room.html', 'vite.config.ts', '../client/src', '../protocol/src']

/**
 * Builds the pages where they are missing, or older than what they are made of. Several may do it at once: each builds apart,
 * and what is there is always whole.
 * @param tell gets one line before a build begins
 */
export async function buildWhereStale(tell: (line: string) => void = () => {}): Promise<void> {
  if (!(await isStale())) return
  const vite = findVite()
  if (vite === undefined) return
  tell('Building the dashboard; this takes some seconds …')
  const apart = await mkdtemp(join(here, 'dist-'))
  try {
    await promisify(execFile)(process.execPath, [vite, 'build', '--outDir', apart, '--emptyOutDir'], { cwd: here })
    // A folder that was made for a moment is its maker's alone: the server may run as somebody else.
    await chmod(apart, 0o755)
    const old = `${apart}-old`
    if (existsSync(dist)) await rename(dist, old)
    await rename(apart, dist).catch(() => cp(apart, dist, { recursive: true }))
    await rm(old, { recursive: true, force: true })
  } finally {
    await rm(apart, { recursive: true, force: true })
  }
}

async function isStale(): Promise<boolean> {
  const builtAt = changedAt(join(dist, 'index.html'))
  if (builtAt === undefined) return true
  for (const source of sources) {
    const path = join(here, source)
    const names = statSync(path).isDirectory() ? await readdir(path, { recursive: true }) : ['']
    if (names.some((name) => (changedAt(join(path, name)) ?? 0) > builtAt)) return true
  }
  return false
}

function changedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs
}

/** Undefined where only what runs the server is installed. */
function findVite(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

if (import.meta.main) await buildWhereStale((line) => process.stdout.write(`${line}\n`))
