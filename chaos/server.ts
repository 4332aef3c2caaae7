import { type Program, runProgram } from '../packages/server/test/support/run-program.ts'
import type { Random } from './random.ts'

export type Running = { url: string; wsUrl: string }

/** A server that is killed and started again, on the same data. */
export type Server = {
  start(): Promise<void>
  /** Ends it at once, whatever it is doing. */
  kill(): Promise<void>
  /** Ends it in good order. */
  stop(): Promise<void>
  /** It, as soon as it runs. */
  whenUp(): Promise<Running>
  /** All that its runs logged that ended. */
  logs: string[]
}

/** Servers on the same data, for whoever it is all the same which of them answers. */
export type Servers = {
  each: Server[]
  /** Any of those that run, as soon as one does. */
  whenUp(): Promise<Running>
}

/** A data folder's lock falls a moment after the server that held it. */
const lockTries = 50
const lockRetryMs = 100

export function createServers(count: number, env: { [name: string]: string }, random: Random): Servers {
  const each = Array.from({ length: count }, () => createServer(env))
  return {
    each,
    whenUp: () => Promise.race(random.shuffle(each).map((one) => one.whenUp())),
  }
}

function createServer(env: { [name: string]: string }): Server {
  let program: Program | undefined
  let up = Promise.withResolvers<Running>()
  const logs: string[] = []

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    up = Promise.withResolvers()
    program?.child.kill(signal)
    const ended = await program?.ended
    if (ended !== undefined) logs.push(ended.stderr)
    program = undefined
  }

  return {
    async start() {
      for (let tries = 0; ; tries++) {
        const started = runProgram('main.js', { PORT: '0', LOG_LEVEL: 'warn', ...env })
        program = started
        try {
          const said = await started.says('stdout', /running at \S+\n/)
          const url = /running at (\S+)/.exec(said)?.[1] ?? ''
          return up.resolve({ url, wsUrl: `${url.replace(/^http/, 'ws')}/v2/rtc` })
        } catch (error) {
          if (tries === lockTries || !String(error).includes('in use by another')) throw error
          await new Promise((resolve) => setTimeout(resolve, lockRetryMs))
        }
      }
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    whenUp: () => up.promise,
    logs,
  }
}
