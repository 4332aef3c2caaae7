#!/usr/bin/env node
import { defineCommand, runCommand, runMain } from 'citty'
import program from '../../package.json' with { type: 'json' }
import { demo } from './demo/command.ts'
import { keys } from './keys.ts'
import { link } from './link.ts'
import { migrateData } from './migrate-data/command.ts'
import { toPrintable } from './print.ts'
import { rebuild } from './rebuild/command.ts'
import { source } from './source.ts'
import { token } from './token.ts'
import { verify } from './verify/command.ts'

const cli = defineCommand({
  meta: {
    name: 'rollcall',
    version: program.version,
    description: 'Keys, tokens, sources and the record of a Rollcall server',
  },
  subCommands: { keys, token, link, source, verify, rebuild, 'migrate-data': migrateData, demo },
})

const given = process.argv.slice(2)
const rawArgs = given.length === 0 ? ['--help'] : given
if (rawArgs.includes('--help') || rawArgs.includes('-h') || rawArgs[0] === '--version') {
  await runMain(cli, { rawArgs })
} else {
  try {
    await runCommand(cli, { rawArgs })
  } catch (error) {
    process.stderr.write(`rollcall: ${toPrintable((error as Error).message)}\n`)
    process.exitCode = 1
  }
}
