import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** The newest that `go install` takes. */
export const livekitVersion = 'v1.13.5'

export type Found = { program: string } | { missing: string }

/**
 * LiveKit's server, built by Go where it is not yet in the cache: `$XDG_CACHE_HOME`, else `node_modules/.cache`. The first
 * time takes minutes. Says what is missing where there is no Go. Throws where Go is there and the build fails.
 */
export async function buildLivekit(): Promise<Found> {
  const cache = process.env.XDG_CACHE_HOME ?? join(import.meta.dirname, '../../../../node_modules/.cache')
  const folder = join(cache, 'rollcall', `livekit-server-${livekitVersion}`)
  const program = join(folder, process.platform === 'win32' ? 'server.exe' : 'server')
  if (await isExecutable(program)) return { program }
  const go = await findGo()
  if (go === undefined) return { missing: 'no Go to build LiveKit with (https://go.dev/dl, or on Debian: golang-go)' }
  console.log(`building LiveKit ${livekitVersion} into ${folder}: the first time takes some minutes`)
  const child = spawn(go, ['install', `github.com/livekit/livekit-server/cmd/server@${livekitVersion}`], {
    env: { ...process.env, GOBIN: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`go install of LiveKit ${livekitVersion} ended with ${code}: ${said.slice(-3000)}`)
  return { program }
}

/** In the path, or where Go's own installer puts it. */
async function findGo(): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/go/bin']
  for (const folder of folders) {
    const path = join(folder, process.platform === 'win32' ? 'go.exe' : 'go')
    if (folder !== '' && (await isExecutable(path))) return path
  }
  return undefined
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
