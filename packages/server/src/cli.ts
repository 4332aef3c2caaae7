#!/usr/bin/env node
import { stripVTControlCharacters } from 'node:util'
import { defineCommand, runCommand, runMain } from 'citty'
import { demo } from './cli/demo.ts'
import { keys } from './cli/keys.ts'
import { link } from './cli/link.ts'
import { migrateData } from './cli/migrate-data.ts'
import { rebuild } from './cli/rebuild.ts'
import { source } from './cli/source.ts'
import { token } from './cli/token.ts'
import { verify } from './cli/verify.ts'

const cli = defineCommand({
  meta: { name: 'rollcall', description: 'Keys, tokens, sources and the record of a Rollcall server' },
  subCommands: { keys, token, link, source, verify, rebuild, 'migrate-data': migrateData, demo },
})

const rawArgs = process.argv.slice(2)
if (rawArgs.length === 0 || rawArgs.includes('--help') || rawArgs.includes('-h')) {
  await runMain(cli, { rawArgs: rawArgs.length === 0 ? ['--help'] : rawArgs })
} else {
  try {
    await runCommand(cli, { rawArgs })
  } catch (error) {
    process.stderr.write(`rollcall: ${stripVTControlCharacters((error as Error).message)}\n`)
    process.exitCode = 1
  }
}
