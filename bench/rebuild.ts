import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../packages/server/test/support/run-program.ts'
import { factsPerSession, fillSessions } from './fill.ts'
import type { Figure } from './report.ts'

/** Folding a whole log again, by the command. It fails where anything derived is otherwise than it was. */
export async function benchRebuild(facts: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  try {
    const filling = performance.now()
    await fillSessions(folder, Math.ceil(facts / factsPerSession))
    const fillSeconds = (performance.now() - filling) / 1000
    const started = performance.now()
    const { code, stdout, stderr } = await runProgram('cli.js', { ROLLCALL_DATA: folder }, ['rebuild', '--dry-run'])
      .ended
    const seconds = (performance.now() - started) / 1000
    if (code !== 0) throw new Error(`${stdout}${stderr}`)
    console.error(`  ${stdout.trim()}`)
    return [
      {
        what: `rollcall rebuild: ${facts.toLocaleString('en')} facts folded, sealed and compared, without a difference`,
        value: facts / seconds,
        beside: { what: 'recording them, without waiting for the disk', value: facts / fillSeconds },
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
