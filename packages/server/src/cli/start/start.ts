import { flushCompileCache } from 'node:module'
import { parseArgs } from 'node:util'
import program from '../../../package.json' with { type: 'json' }
import { createLink } from '../../api/auth/sign-in-link.ts'
import { signToken } from '../../api/auth/token.ts'
import { type App, startApp } from '../../app/app.ts'
import { readConfig } from '../../config.ts'
import { StartRefusal } from '../../error.ts'
import { createLog } from '../../runtime/log.ts'

/** Whatever holds up the stop, the process ends after this, in milliseconds. */
const stopMaxMs = 9000
/** How long the printed token is good, in milliseconds. */
const printedTokenMs = 24 * 3600 * 1000

/** How a person calls this program where it is: installed as a package, or in a checkout. */
const isInstalled = /[\\/]node_modules[\\/]/.test(import.meta.dirname)
const callStart = isInstalled ? 'npx rollcall start' : 'npm start'
const toOptions = isInstalled ? '' : ' --'
const callRollcall = isInstalled ? 'npx rollcall' : 'npm run -s rollcall --'

const usage = `Starts the Rollcall server. Its settings are in the environment: docs/settings.md has them all.

${[
  [callStart, 'start it; Ctrl-C stops it'],
  [`${callStart}${toOptions} --demo`, 'the same, with an invented month under a key of its own'],
  [`${callStart}${toOptions} --print-token`, 'print a token and a sign-in link, also where stdout is no terminal'],
  [`${callStart}${toOptions} --version`, 'say which version it is'],
  [callRollcall.replace(' -s', '').replace(' --', ''), 'keys, tokens, sources and the record'],
]
  .map(([call = '', what]) => `  ${call.padEnd(callStart.length + 18)} ${what}\n`)
  .join('')}`

/** Starts the server as the arguments say, or says in one line why not. */
export async function startFromShell(args: string[]): Promise<void> {
  try {
    const { demo, version, help, 'print-token': printToken } = readOptions(args)
    if (version) process.stdout.write(`${program.version}\n`)
    else if (help) process.stdout.write(usage)
    else await run({ demo, printsToken: printToken || process.stdout.isTTY })
  } catch (error) {
    if (!(error instanceof StartRefusal)) throw error
    process.stderr.write(`rollcall: ${error.message}\n`)
    process.exitCode = 1
  }
}

async function run({ demo, printsToken }: { demo: boolean; printsToken: boolean }): Promise<void> {
  const config = readConfig(process.env)
  const log = createLog(config.logLevel)
  const onFailure = () => log.flush(() => process.exit(1))
  const app = await startApp(config, { log, onFailure })
  const key = demo ? await (await import('../demo/demo.ts')).fillDemo(app.context) : app.firstKey
  process.stdout.write(await describe(app, key, printsToken))
  process.once('SIGTERM', () => stop(app))
  process.once('SIGINT', () => stop(app))
  // Whatever ends this process, the next one starts from what was compiled for it.
  flushCompileCache()
}

/** Stops within ten seconds; a second signal ends the process at once. */
async function stop(app: App): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(130))
  setTimeout(() => process.exit(1), stopMaxMs).unref()
  await app.stop()
  process.exit(0)
}

/** Throws a `StartRefusal` that names what is not understood. */
function readOptions(args: string[]) {
  const flag = { type: 'boolean', default: false } as const
  const options = { demo: flag, 'print-token': flag, version: flag, help: { ...flag, short: 'h' } } as const
  try {
    return parseArgs({ args, options }).values
  } catch {
    throw new StartRefusal(
      `${args.join(' ')} is not understood: it takes --demo, --print-token, or nothing; settings are in the environment`,
    )
  }
}

/**
 * What a start says to the person who typed it. What it prints elsewhere than to a terminal is kept: there is nothing in it that
 * signs anybody in.
 */
async function describe({ url, context }: App, key: App['firstKey'], printsToken: boolean): Promise<string> {
  const running = `\nRollcall is running at ${url}\n`
  if (key === undefined) {
    return `${running}Every key is disabled: make one with  ${callRollcall} keys add --name <whose it is>\n\n`
  }
  const now = context.clock.now()
  // The commands take the first key that is enabled, unless they are told another.
  const usual = (await context.reads.keys.list()).find(({ disabledAt }) => disabledAt === null)
  const ofKey = usual?.apiKey === key.apiKey ? '' : ` --key ${key.apiKey}`
  const [link, token] = [`${callRollcall} link${ofKey}`, `${callRollcall} token${ofKey}`]
  const named = `${running}API key  ${key.apiKey}\n`
  if (!printsToken) return `${named}Sign in to the dashboard: ${link}   A token for the API: ${token}\n\n`
  const signed = await signToken(key, { roles: ['crawler'] }, { now, lifetimeMs: printedTokenMs })
  return `${named}
The dashboard (this link signs in once, within ten minutes; another: ${link}):
${await createLink(key, context.config.publicUrl ?? url, context)}

Who was in which room (this token is good for a day; more of them: ${token}):
curl -H 'Authorization: ${signed}' '${url}/v2/sessions'

`
}
