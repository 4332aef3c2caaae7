#!/usr/bin/env node
import { stripVTControlCharacters } from 'node:util'
import { type Permission, type Role, roomIdPattern } from '@rollcall/protocol'
import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs, runCommand, runMain } from 'citty'
import { systemClock } from './clock.ts'
import { readConfig } from './config.ts'
import { durationTakes, parseDuration } from './duration.ts'
import { Refusal } from './error.ts'
import { openStore, type Store } from './open-store.ts'
import { toRules } from './rules.ts'
import type { Key } from './store/rows.ts'
import { signToken } from './token.ts'

const permissionNames: Permission[] = ['allow_join', 'ask_join', 'allow_mod']
const roleNames: Role[] = ['crawler', 'rtc']

const addKey = onStore(
  'add',
  'Make a key, and show its secret this once',
  {
    name: { type: 'string', description: 'Whose it is, for people' },
    email: { type: 'string', description: 'Where its owner is reached' },
  },
  async ({ name, email }, { writes }) => {
    const key = await writes.addKey({ name: name ?? null, email: email ?? null })
    return `${showSecret(key)}\n`
  },
)

const listKeys = onStore('list', 'List the keys, without their secrets', {}, async (_, { reads }) => {
  const keys = await reads.listKeys()
  if (keys.length === 0) return 'No key yet: make one by `rollcall keys add`, or start the server.\n'
  const rows = keys.map((key) => [key.apiKey, stateOf(key), toIso(key.createdAt), key.name ?? '', key.email ?? ''])
  return toTable([['API KEY', 'STATE', 'CREATED', 'NAME', 'EMAIL'], ...rows])
})

const rotateKey = onStore(
  'rotate',
  'Give a key a new secret, and show it this once; the old one stays good for a while',
  {
    apikey: { type: 'positional', description: 'The API key', required: true },
    overlap: { type: 'string', description: 'How long the old secret stays good: 0s, 30m, 12h, 7d', default: '24h' },
  },
  async ({ apikey, overlap }, { writes }) => {
    const previousUntil = systemClock.now() + requireDuration('overlap', overlap)
    const key = (await writes.rotateKey({ apiKey: apikey, previousUntil })) ?? refuseUnknownKey(apikey)
    return `${showSecret(key)}\nThe old secret is good until ${toIso(previousUntil)}.\n`
  },
)

const disableKey = onStore(
  'disable',
  'Disable a key: its tokens are refused from now on',
  { apikey: { type: 'positional', description: 'The API key', required: true } },
  async ({ apikey }, { writes }) => {
    const key = (await writes.disableKey({ apiKey: apikey })) ?? refuseUnknownKey(apikey)
    return `${key.apiKey} is disabled.\n`
  },
)

const token = onStore(
  'token',
  'Sign a token, and print it',
  {
    key: { type: 'string', description: 'The API key; without it, the first that is enabled' },
    room: { type: 'string', description: 'Bind the token to this room: its roomId or customRoomId' },
    participant: { type: 'string', description: 'Bind the token to this participantId' },
    permissions: { type: 'string', description: `Of ${permissionNames.join(',')}`, default: 'allow_join,allow_mod' },
    roles: {
      type: 'string',
      description: 'crawler (the API), rtc (joining), or both; without it, both, or rtc for a participant',
    },
    expires: { type: 'string', description: 'How long it is good: 30m, 12h, 7d', default: '2h' },
  },
  async ({ key: apiKey, room, participant, permissions, roles, expires }, { reads }) => {
    const key = await requireEnabledKey(reads, apiKey)
    const lifetimeMs = requireDuration('expires', expires)
    const roomId = room === undefined ? undefined : await requireRoomId(reads, key, room)
    const claims = {
      permissions: requireNames('permissions', permissions, permissionNames),
      roles: requireNames('roles', roles ?? (participant === undefined ? 'crawler,rtc' : 'rtc'), roleNames),
      ...(roomId !== undefined && { roomId }),
      ...(participant !== undefined && { participantId: participant }),
    }
    return `${await signToken(key, claims, { now: systemClock.now(), lifetimeMs })}\n`
  },
)

const cli = defineCommand({
  meta: { name: 'rollcall', description: 'Keys and tokens of a Rollcall server, running or not' },
  subCommands: {
    keys: defineCommand({
      meta: { name: 'keys', description: 'Add, list, rotate and disable API keys' },
      subCommands: { add: addKey, list: listKeys, rotate: rotateKey, disable: disableKey },
    }),
    token,
  },
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

/** A command that works on the data folder of the settings, also beside a running server, and prints what it returns. */
function onStore<const Args extends ArgsDef>(
  name: string,
  description: string,
  args: Args,
  run: (args: ParsedArgs<Args>, store: Store) => Promise<string>,
): CommandDef<Args> {
  return defineCommand<Args>({
    meta: { name, description },
    args,
    async run({ args: given }) {
      refuseUnknownArgs(given, args)
      const config = readConfig(process.env)
      const { dataFolder, masterKey } = config
      const rules = toRules(config)
      const store = await openStore({ dataFolder, masterKey, rules, clock: systemClock, exclusive: false })
      try {
        process.stdout.write(await run(given, store))
      } finally {
        await store.close()
      }
    },
  })
}

function refuseUnknownArgs(given: { _: string[] }, known: ArgsDef): void {
  const unknown = Object.keys(given).find((name) => name !== '_' && !(name in known))
  if (unknown !== undefined) {
    throw new Refusal('BAD_REQUEST', `--${unknown} is not an option of this command: see rollcall --help`)
  }
  const positionals = Object.values(known).filter(({ type }) => type === 'positional').length
  const extra = given._[positionals]
  if (extra !== undefined) throw new Refusal('BAD_REQUEST', `${extra} is one argument too many: see rollcall --help`)
}

function requireDuration(name: string, text: string): number {
  const durationMs = parseDuration(text)
  if (durationMs !== undefined) return durationMs
  throw new Refusal('BAD_REQUEST', `--${name}=${text} is not understood: it takes ${durationTakes}`)
}

function requireNames<Name extends string>(option: string, text: string, known: Name[]): Name[] {
  return text
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '')
    .map((part) => {
      const name = known.find((one) => one === part)
      if (name !== undefined) return name
      throw new Refusal('BAD_REQUEST', `--${option}=${text} is not understood: it takes some of ${known.join(',')}`)
    })
}

async function requireEnabledKey(reads: Store['reads'], apiKey: string | undefined): Promise<Key> {
  if (apiKey === undefined) {
    const enabled = (await reads.listKeys()).find((key) => key.disabledAt === null)
    if (enabled !== undefined) return enabled
    throw new Refusal('NOT_FOUND', 'there is no enabled key: make one by `rollcall keys add`')
  }
  const key = (await reads.findKey(apiKey)) ?? refuseUnknownKey(apiKey)
  if (key.disabledAt === null) return key
  throw new Refusal('CONFLICT', `the key ${apiKey} is disabled: tokens of it would be refused`)
}

/** A token names its room by roomId; a room that is not made yet can be named in that form alone. */
async function requireRoomId(reads: Store['reads'], { keyId }: Key, anyId: string): Promise<string> {
  const room = await reads.findRoom(keyId, anyId)
  if (room !== undefined) return room.roomId
  if (roomIdPattern.test(anyId)) return anyId
  throw new Refusal('ROOM_NOT_FOUND', `--room=${anyId} is no room of this key: it takes a roomId or a customRoomId`)
}

function refuseUnknownKey(apiKey: string): never {
  throw new Refusal('NOT_FOUND', `there is no key ${apiKey}: see rollcall keys list`)
}

function showSecret({ apiKey, secret }: Key): string {
  return `API key  ${apiKey}\nSecret   ${secret}\nKeep the secret: it is not shown again.`
}

function stateOf({ disabledAt, previousUntil }: Key): string {
  if (disabledAt !== null) return `disabled ${toIso(disabledAt)}`
  const rotating = previousUntil !== null && previousUntil > systemClock.now()
  return rotating ? `enabled, old secret until ${toIso(previousUntil)}` : 'enabled'
}

function toTable(rows: string[][]): string {
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

function toIso(at: number): string {
  return new Date(at).toISOString()
}
