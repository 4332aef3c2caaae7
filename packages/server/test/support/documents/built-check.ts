import { join } from 'node:path'
import { buildWhereStale } from '../../../../../build/build.ts'

const folder = import.meta.dirname

if (process.env.ROLLCALL_TEST_BUILT === undefined) {
  await buildWhereStale({
    name: 'the check of answers',
    folder,
    sources: ['schema-check.ts', '../../../../../package-lock.json'],
    builder: ['rolldown', 'bin/cli.mjs'],
    args: (into) => ['schema-check.ts', '--platform', 'node', '--dir', into],
  })
}

// The check with its library in one file: to load the 235 modules of that takes a file of tests three times as long as to start Node.

export const { readSchemas } = (await import(
  `file://${join(folder, 'dist/schema-check.js')}`
)) as typeof import('./schema-check.ts')
