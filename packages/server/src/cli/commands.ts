import { type ArgsDef, type CommandDef, defineCommand, renderUsage, runCommand, runMain } from 'citty'
import program from '../../package.json' with { type: 'json' }
import { backup } from './backup/command.ts'
import { compact } from './compact/command.ts'
import { demo } from './demo/command.ts'
import { distribute } from './distribute/command.ts'
import { doctor } from './doctor/command.ts'
import { erase } from './erase.ts'
import { exportRecord } from './export/command.ts'
import { importFiles } from './import/command.ts'
import { invites } from './invites.ts'
import { keys } from './keys.ts'
import { link } from './link.ts'
import { migrateData } from './migrate-data/command.ts'
import { print, toPrintable } from './print.ts'
import { rebuild } from './rebuild/command.ts'
import { restore } from './restore/command.ts'
import { retention } from './retention.ts'
import { source } from './source.ts'
import { start } from './start/command.ts'
import { token } from './token.ts'
import { users } from './users.ts'
import { verify } from './verify/command.ts'

const cli = defineCommand({
  meta: {
    name: 'rollcall',
    version: program.version,
    description: 'Keys, tokens, sources and the record of a Rollcall server',
  },
  subCommands: {
    start,
    keys,
    users,
    token,
    link,
    invites,
    source,
    import: importFiles,
    export: exportRecord,
    erase,
    retention,
    backup,
    restore,
    doctor,
    verify,
    rebuild,
    compact,
    'migrate-data': migrateData,
    distribute,
    demo,
  },
})

const rawArgs = readHelp(process.argv.slice(2))
if (rawArgs.includes('--help') || rawArgs.includes('-h') || rawArgs[0] === '--version') {
  await runMain(cli, { rawArgs, showUsage })
} else {
  try {
    await runCommand(cli, { rawArgs })
  } catch (error) {
    process.stderr.write(`rollcall: ${toPrintable((error as Error).message)}\n`)
    process.exitCode = 1
  }
}

/** Nothing, and `help keys add`, are what `--help` and `keys add --help` are; `version` is `--version`. */
function readHelp(given: string[]): string[] {
  const [first, ...rest] = given
  if (first === undefined || first === 'help') return [...rest, '--help']
  return first === 'version' ? ['--version'] : given
}

/** As citty shows it, which colours its output into a pipe too. */
async function showUsage<Args extends ArgsDef>(cmd: CommandDef<Args>, parent?: CommandDef<Args>): Promise<void> {
  const usage = `${await renderUsage(cmd, parent)}\n`
  if (process.stdout.isTTY) process.stdout.write(usage)
  else print(usage.replaceAll(/ +$/gm, ''))
}
