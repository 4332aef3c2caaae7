import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from 'citty'
import { addressOf, type Config, readConfig, toRules } from '../config.ts'
import { Refusal } from '../error.ts'
import { openStore, type Store } from '../record/open-store.ts'
import { systemClock } from '../runtime/clock.ts'
import { requireRecord } from '../store/database/data-folder.ts'
import { isOver, type Key } from '../store/keys/key.ts'
import { durationTakes, parseDuration } from './duration.ts'
import { print, toPrintableLine } from './print.ts'

// What the commands share.

/**
 * A command that works on the data folder of the settings, also beside a running server, and prints what it returns. One that
 * does not make a record refuses where there is none: a folder that was mistyped is not to become one.
 */
export function onStore<const Args extends ArgsDef>(
  name: string,
  description: string,
  args: Args,
  run: (args: ParsedArgs<Args>, store: Store, config: Config) => Promise<string>,
  { makesRecord = false, isVariadic = false } = {},
): CommandDef<Args> {
  return withConfig(
    name,
    description,
    args,
    async (given, config) => {
      const { databaseUrl, dataFolder, masterKey } = config
      if (databaseUrl === undefined && !makesRecord) requireRecord(dataFolder)
      const rules = toRules(config)
      const store = await openStore({
        ...{ databaseUrl, dataFolder, masterKey, rules, clock: systemClock, exclusive: false },
        onShownOtherwise: (text) => process.stderr.write(`${text}\n`),
      })
      try {
        print(await run(given, store, config))
      } finally {
        await store.close()
      }
    },
    isVariadic,
  )
}

/** A command that takes these arguments and no others, and the settings. `isVariadic`: its last positional may come again. */
export function withConfig<const Args extends ArgsDef>(
  name: string,
  description: string,
  args: Args,
  run: (args: ParsedArgs<Args>, config: Config) => Promise<void>,
  isVariadic = false,
): CommandDef<Args> {
  return defineCommand<Args>({
    meta: { name, description },
    args,
    async run({ args: given }) {
      refuseUnknownArgs(given, args, isVariadic)
      await run(given, readConfig(process.env))
    },
  })
}

function refuseUnknownArgs(given: { _: string[] }, known: ArgsDef, isVariadic: boolean): void {
  // An option of two words is given under both spellings, --api-key and apiKey.
  const toKebab = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const unknown = Object.keys(given).find((name) => name !== '_' && !(name in known) && !(toKebab(name) in known))
  if (unknown !== undefined) {
    throw new Refusal('BAD_REQUEST', `--${unknown} is not an option of this command: see rollcall --help`)
  }
  const positionals = Object.values(known).filter(({ type }) => type === 'positional').length
  const extra = isVariadic ? undefined : given._[positionals]
  if (extra !== undefined) throw new Refusal('BAD_REQUEST', `${extra} is one argument too many: see rollcall --help`)
}

/** Milliseconds of an option such as 30m. */
export function requireDuration(name: string, text: string): number {
  const durationMs = parseDuration(text)
  if (durationMs !== undefined) return durationMs
  throw new Refusal('BAD_REQUEST', `--${name}=${text} is not understood: it takes ${durationTakes}`)
}

/** Where clients reach the server: one that runs knows best, since the settings here may not be its own. */
export async function serverUrl({ addresses }: Pick<Store, 'addresses'>, config: Config): Promise<string> {
  return config.publicUrl ?? (await addresses())[0] ?? addressOf(config)
}

/** The key that is named, or the first that is enabled. */
export async function requireEnabledKey(reads: Store['reads'], apiKey: string | undefined): Promise<Key> {
  if (apiKey === undefined) {
    const enabled = (await reads.keys.list()).find((key) => key.disabledAt === null)
    if (enabled !== undefined) return enabled
    throw new Refusal('NOT_FOUND', 'there is no enabled key: make one by `rollcall keys add --name <whose it is>`')
  }
  const key = (await reads.keys.find(apiKey)) ?? refuseUnknownKey(apiKey)
  if (!isOver(key, systemClock.now())) return key
  throw new Refusal(
    'CONFLICT',
    `the key ${apiKey} ${key.disabledAt === null ? 'has expired' : 'is disabled'}: tokens of it would be refused`,
  )
}

export function refuseUnknownKey(apiKey: string): never {
  throw new Refusal('NOT_FOUND', `there is no key ${apiKey}: see rollcall keys list`)
}

/** Columns side by side, a row a line. */
export function toTable(given: string[][]): string {
  const rows = given.map((row) => row.map(toPrintableLine))
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(width(i)))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
