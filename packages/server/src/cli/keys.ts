import { nameMaxLength, toCleanText, toIso } from '@rollcall/protocol'
import { defineCommand } from 'citty'
import { Refusal } from '../error.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Key } from '../store/keys.ts'
import { onStore, refuseUnknownKey, requireDuration, toTable } from './command.ts'

/** Most characters of a wrong name that are repeated. */
const shownMax = 60

const addKey = onStore(
  'add',
  'Make a key, and show its secret this once',
  {
    name: { type: 'string', description: 'Whose it is, for people', required: true },
    email: { type: 'string', description: 'Where its owner is reached' },
  },
  async ({ name, email }, { writes }) => {
    const key = await writes.keys.add({ name: requireName(name), email: email ?? null })
    return `${showSecret(key)}\n`
  },
  { makesRecord: true },
)

const listKeys = onStore('list', 'List the keys, without their secrets', {}, async (_, { reads }) => {
  const keys = await reads.keys.list()
  if (keys.length === 0)
    return 'No key yet: make one by `rollcall keys add --name <whose it is>`, or start the server.\n'
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
    const key = (await writes.keys.rotate({ apiKey: apikey, previousUntil })) ?? refuseUnknownKey(apikey)
    return `${showSecret(key)}\nThe old secret is good until ${toIso(previousUntil)}.\n`
  },
)

const disableKey = onStore(
  'disable',
  'Disable a key: its tokens are refused from now on',
  { apikey: { type: 'positional', description: 'The API key', required: true } },
  async ({ apikey }, { writes }) => {
    const key = (await writes.keys.disable({ apiKey: apikey })) ?? refuseUnknownKey(apikey)
    return `${key.apiKey} is disabled.\n`
  },
)

const renameKey = onStore(
  'rename',
  'Give a key another name',
  {
    apikey: { type: 'positional', description: 'The API key', required: true },
    name: { type: 'string', description: 'Whose it is, for people', required: true },
  },
  async ({ apikey, name: given }, { writes }) => {
    const name = requireName(given)
    const key = (await writes.keys.rename({ apiKey: apikey, name })) ?? refuseUnknownKey(apikey)
    return `${key.apiKey} is ${name} now.\n`
  },
)

const removeKey = onStore(
  'remove',
  'Remove a disabled key, and everything that is recorded under it, for good',
  { apikey: { type: 'positional', description: 'The API key', required: true } },
  async ({ apikey }, { reads, writes }) => {
    const key = (await reads.keys.find(apikey)) ?? refuseUnknownKey(apikey)
    if (key.disabledAt === null) {
      const first = `disable it first, by \`rollcall keys disable ${apikey}\``
      throw new Refusal('CONFLICT', `the key ${apikey} is in use, and all that is recorded goes with it: ${first}`)
    }
    await writes.keys.remove({ apiKey: apikey })
    return `${apikey} is removed, with all that was recorded under it.\n`
  },
)

export const keys = defineCommand({
  meta: { name: 'keys', description: 'Add, list, rename, rotate, disable and remove API keys' },
  subCommands: {
    add: addKey,
    list: listKeys,
    rename: renameKey,
    rotate: rotateKey,
    disable: disableKey,
    remove: removeKey,
  },
})

function requireName(given: string): string {
  const name = toCleanText(given).trim()
  if (name !== '' && name.length <= nameMaxLength) return name
  throw new Refusal(
    'BAD_REQUEST',
    `--name=${given.slice(0, shownMax)} is not understood: it takes 1 to ${nameMaxLength} characters`,
  )
}

function showSecret({ apiKey, secret }: Key): string {
  return `API key  ${apiKey}\nSecret   ${secret}\nKeep the secret: it is not shown again.`
}

function stateOf({ disabledAt, previousUntil }: Key): string {
  if (disabledAt !== null) return `disabled ${toIso(disabledAt)}`
  const rotating = previousUntil !== null && previousUntil > systemClock.now()
  return rotating ? `enabled, old secret until ${toIso(previousUntil)}` : 'enabled'
}
