import { runProgram } from '../packages/server/test/support/run-program.ts'
import { get } from './drive.ts'
import { median } from './report.ts'

const starts = 5

/**
 * The server as `npm start` runs it, started again and again.
 * @param env what else is set: which database
 * @returns from the start of the process to its first answer, in milliseconds, and its resident memory then, in bytes; the middle of both
 */
export async function benchStart(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readyMs: number; memoryBytes: number }> {
  const readyMs: number[] = []
  const memoryBytes: number[] = []
  // The first one compiles what the next ones start from.
  for (let start = 0; start <= starts; start++) {
    const startedAt = performance.now()
    const settings = { PORT: '0', ROLLCALL_DATA: folder, LOG_LEVEL: 'silent' }
    const { child, says, ended } = runProgram('main.js', { ...(env as { [name: string]: string }), ...settings })
    try {
      const url = /running at (\S+)/.exec(await says('stdout', /running at \S+\n/))?.[1]
      await get(`${url}/livez`, {})
      const tookMs = performance.now() - startedAt
      const metrics = (await get(`${url}/metrics`, {})).toString()
      if (start === 0) continue
      readyMs.push(tookMs)
      memoryBytes.push(Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]))
    } finally {
      child.kill('SIGTERM')
      await ended
    }
  }
  return { readyMs: median(readyMs), memoryBytes: median(memoryBytes) }
}
