import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { buildPages, buildServer } from './build.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const packages = join(root, 'packages')

type Manifest = { [field: string]: unknown }
type Exports = { [path: string]: string }

/**
 * Makes the packages as npm takes them, each a file: built, with what they need and no more.
 * @returns the paths of the files
 */
export async function packAll(into: string): Promise<{ protocol: string; client: string; server: string }> {
  const staged = await mkdtemp(join(tmpdir(), 'rollcall-package-'))
  try {
    await mkdir(into, { recursive: true })
    const [protocol, client] = await stageLibraries(staged)
    const server = await stageServer(join(staged, 'server'))
    return {
      protocol: await pack(protocol, into),
      client: await pack(client, into),
      server: await pack(server, into),
    }
  } finally {
    await rm(staged, { recursive: true, force: true })
  }
}

/** The protocol and the client: a file of JavaScript and one of types beside it for each of theirs. */
async function stageLibraries(staged: string): Promise<[protocol: string, client: string]> {
  const names = ['protocol', 'client'] as const
  const built = join(staged, 'built')
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      ...{ noEmit: false, declaration: true, rewriteRelativeImportExtensions: true },
      ...{ types: [], rootDir: packages, outDir: built },
    },
    files: [],
    include: names.map((name) => join(packages, name, 'src')),
  }
  await writeFile(join(staged, 'tsconfig.json'), JSON.stringify(config))
  await run(join(root, 'node_modules/.bin/tsc'), ['-p', join(staged, 'tsconfig.json')])
  const [protocol, client] = names.map((name) => join(staged, name)) as [string, string]
  for (const name of names) {
    await cp(join(built, name, 'src'), join(staged, name, 'dist'), { recursive: true })
    const manifest = await readManifest(join(packages, name))
    await stage(join(staged, name), join(packages, name), {
      ...manifest,
      exports: Object.fromEntries(
        Object.entries(manifest.exports as Exports).map(([path, source]) => [
          path,
          toBuilt(source.replace('./src/', './dist/')),
        ]),
      ),
      files: ['dist'],
      // What is built needs no Node that reads types, but one with WebSocket.
      engines: { node: '>=22' },
    })
  }
  return [protocol, client]
}

/** The conditions of one entry of `exports`. */
function toBuilt(source: string): Exports {
  return { types: source.replace(/\.ts$/, '.d.ts'), default: source.replace(/\.ts$/, '.js') }
}

/** The server, the commands and the pages: in the folders that they find each other by, with their libraries in them. */
async function stageServer(staged: string): Promise<string> {
  await buildServer()
  await buildPages()
  for (const name of ['server', 'web']) {
    await cp(join(packages, name, 'dist'), join(staged, name, 'dist'), { recursive: true })
  }
  const { name, version, description, license, type, engines, dependencies } = await readManifest(
    join(packages, 'server'),
  )
  await writeFile(join(staged, 'server/package.json'), JSON.stringify({ type }))
  // All others are in its files.
  const apart = '@scalar/fastify-api-reference'
  await stage(staged, root, {
    ...{ name, version, description, license, type, engines },
    bin: { rollcall: 'server/dist/cli.js' },
    files: ['server', 'web'],
    dependencies: { [apart]: (dependencies as Exports)[apart] },
  })
  return staged
}

async function stage(staged: string, readmeFolder: string, manifest: Manifest): Promise<void> {
  await writeFile(join(staged, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  await copyFile(join(root, 'LICENSE'), join(staged, 'LICENSE'))
  await copyFile(join(readmeFolder, 'README.md'), join(staged, 'README.md'))
}

async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
}

async function pack(folder: string, into: string): Promise<string> {
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', into], { cwd: folder })
  return join(into, stdout.trim())
}

// `node build/package.ts [FOLDER]`: into `dist` without one.
if (import.meta.main) {
  const files = await packAll(resolve(process.argv[2] ?? join(root, 'dist')))
  process.stdout.write(`${Object.values(files).join('\n')}\n`)
}
