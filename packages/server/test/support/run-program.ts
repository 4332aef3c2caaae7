import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { buildServer } from '../../../../build/build.ts'
import workspace from '../../../../package.json' with { type: 'json' }
import type { AppParts } from '../../src/app/app.ts'

if (process.env.ROLLCALL_TEST_BUILT === undefined) await buildServer()

export type Ended = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }

export type Program = {
  child: ChildProcessWithoutNullStreams
  /** Resolves with all of stdout, or stderr, once it holds this; rejects where the program ends without it. */
  says(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<string>
  ended: Promise<Ended>
}

/** Runs the server, or a command, as `npm start` and `npm run rollcall` do, with these settings and no others of this process. */
export function runProgram(file: 'main.js' | 'cli.js', env: { [name: string]: string }, args: string[] = []): Program {
  return run([...(file === 'main.js' ? startFlags : []), join(import.meta.dirname, '../../dist', file), ...args], env)
}

/** Runs the server as somebody who types `npm start` does: its stdout is a terminal. For Linux, which has `script`. */
export function runOnTerminal(env: { [name: string]: string }): Program {
  const typed = [process.execPath, ...startFlags, join(import.meta.dirname, '../../dist/main.js')].join(' ')
  return run(['-qefc', typed, '/dev/null'], env, 'script')
}

/** What `npm start` has for Node itself, and for the system's allocator. */
const [, flags = ''] = /exec node (.*) packages\//.exec(workspace.scripts.start) ?? []
const startFlags = flags.split(' ')
const [, arenas = ''] = /MALLOC_ARENA_MAX=(\d+)/.exec(workspace.scripts.start) ?? []

/** The parts of a server that can be handed to another process. */
export type ServerLimits = Omit<AppParts, 'clock' | 'log' | 'onFailure' | 'threadUrl'>

/** Runs the server as `npm start` does, with limits of a test's own. Resolves when it runs. */
export async function runServer(
  env: { [name: string]: string },
  limits: ServerLimits,
): Promise<{ program: Program; url: string }> {
  const program = run([join(import.meta.dirname, 'serve.ts'), JSON.stringify(limits)], { PORT: '0', ...env })
  const [, url = ''] = /running at (\S+)\n/.exec(await program.says('stdout', /running at \S+\n/)) ?? []
  return { program, url }
}

function run(args: string[], env: { [name: string]: string }, command = process.execPath): Program {
  const compiled = join(import.meta.dirname, '../../../../node_modules/.cache/compiled')
  const child = spawn(command, args, {
    env: {
      PATH: process.env.PATH ?? '',
      NODE_COMPILE_CACHE: compiled,
      MALLOC_ARENA_MAX: arenas,
      NO_COLOR: '1',
      ROLLCALL_TEST_BUILT: 'yes',
      ...env,
    },
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      said[name] += chunk
    })
  }
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal, ...said }))
  return {
    child,
    ended,
    async says(name, pattern) {
      const gone = ended.then(() => true)
      while (!pattern.test(said[name])) {
        const over = await Promise.race([gone, once(child[name], 'data').then(() => false)])
        if (over && !pattern.test(said[name])) {
          throw new Error(`it ended without ${pattern} in its ${name}: ${said.stdout}${said.stderr}`)
        }
      }
      return said[name]
    },
  }
}
