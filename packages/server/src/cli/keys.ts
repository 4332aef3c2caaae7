import { type KeyScope, nameMaxLength, toCleanText, toIso } from '@rollcall/protocol'
import { defineCommand } from 'citty'
import { Refusal } from '../error.ts'
import type { Store } from '../record/open-store.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Key } from '../store/keys/key.ts'
import { onStore, refuseUnknownKey, requireDuration, toTable } from './command.ts'

/** Most characters of a wrong name that are repeated. */
const shownMax = 60

const scopeNames = ['all', 'read', 'ingest', 'rooms'] as const satisfies KeyScope[]

const addKey = onStore(
  'add',
  'Make a key, and show its secret this once: of a new owner, or with --of one more of the same',
  {
    name: { type: 'string', description: 'Whose it is, for people', required: true },
    email: { type: 'string', description: 'Where its owner is reached' },
    of: { type: 'string', description: 'The owner’s first API key: the new one sees the same record' },
    scopes: { type: 'string', description: `What it may do, with --of: ${scopeNames.join(', ')}`, default: 'all' },
    expires: { type: 'string', description: 'After how long it ends, with --of: 12h, 7d, 365d' },
  },
  async ({ name, email, of, scopes, expires }, { reads, writes }) => {
    if (of === undefined) {
      const key = await writes.keys.add({ name: requireName(name), email: email ?? null })
      await noteCommand(writes, key, 'keys add')
      return `${showSecret(key)}\n`
    }
    const { keyId } = (await reads.keys.find(of)) ?? refuseUnknownKey(of)
    const expiresAt = expires === undefined ? null : systemClock.now() + requireDuration('expires', expires)
    const added = await writes.scopedKeys.add({ keyId, name: requireName(name), scopes: readScopes(scopes), expiresAt })
    await noteCommand(writes, added, 'keys add')
    return `${showSecret(added)}\n`
  },
  { makesRecord: true },
)

const listKeys = onStore('list', 'List the keys, without their secrets', {}, async (_, { reads }) => {
  const keys = await reads.keys.list()
  if (keys.length === 0)
    return 'No key yet: make one by `rollcall keys add --name <whose it is>`, or start the server.\n'
  const rows = []
  for (const { keyId } of keys) {
    const uses = await reads.keys.uses(keyId)
    for (const key of await reads.keys.listOf(keyId)) rows.push(toRow(key, uses))
  }
  return toTable([['API KEY', 'STATE', 'CREATED', 'LAST USED', 'SCOPES', 'NAME', 'EMAIL'], ...rows])
})

const rotateKey = onStore(
  'rotate',
  'Give a key a new secret, and show it this once; the old one stays good for a while',
  {
    apikey: { type: 'positional', description: 'The API key', required: true },
    overlap: { type: 'string', description: 'How long the old secret stays good: 0s, 30m, 12h, 7d', default: '24h' },
  },
  async ({ apikey, overlap }, { reads, writes }) => {
    const previousUntil = systemClock.now() + requireDuration('overlap', overlap)
    const known = (await reads.keys.find(apikey)) ?? refuseUnknownKey(apikey)
    const { rotate } = known.scopes === undefined ? writes.keys : writes.scopedKeys
    const key = (await rotate({ ...known, previousUntil })) ?? refuseUnknownKey(apikey)
    await noteCommand(writes, key, 'keys rotate')
    return `${showSecret(key)}\nThe old secret is good until ${toIso(previousUntil)}.\n`
  },
)

const disableKey = onStore(
  'disable',
  'Disable a key: its tokens are refused from now on',
  { apikey: { type: 'positional', description: 'The API key', required: true } },
  async ({ apikey }, { reads, writes }) => {
    const key = (await reads.keys.find(apikey)) ?? refuseUnknownKey(apikey)
    if (key.scopes === undefined) await writes.keys.disable(key)
    else await writes.scopedKeys.update({ keyId: key.keyId, apiKey: apikey, disabled: true })
    await noteCommand(writes, key, 'keys disable')
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
  async ({ apikey, name: given }, { reads, writes }) => {
    const name = requireName(given)
    const key = (await reads.keys.find(apikey)) ?? refuseUnknownKey(apikey)
    if (key.scopes === undefined) await writes.keys.rename({ apiKey: apikey, name })
    else await writes.scopedKeys.update({ keyId: key.keyId, apiKey: apikey, name })
    await noteCommand(writes, key, 'keys rename')
    return `${key.apiKey} is ${name} now.\n`
  },
)

const removeKey = onStore(
  'remove',
  'Remove a disabled key: with the first of an owner all that is recorded goes, for good',
  { apikey: { type: 'positional', description: 'The API key', required: true } },
  async ({ apikey }, { reads, writes }) => {
    const key = (await reads.keys.find(apikey)) ?? refuseUnknownKey(apikey)
    if (key.disabledAt === null) {
      const first = `disable it first, by \`rollcall keys disable ${apikey}\``
      throw new Refusal('CONFLICT', `the key ${apikey} is in use, and all that is recorded goes with it: ${first}`)
    }
    if (key.scopes !== undefined) {
      await writes.scopedKeys.remove(key)
      await noteCommand(writes, key, 'keys remove')
      return `${apikey} is removed.\n`
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

function readScopes(text: string): KeyScope[] {
  const named = text.split(',').map((name) => name.trim())
  const known = scopeNames.filter((scope) => named.includes(scope))
  if (known.length > 0 && known.length === new Set(named).size) return known
  throw new Refusal(
    'BAD_REQUEST',
    `--scopes=${text.slice(0, shownMax)} is not understood: it takes one or several, between commas, of ${scopeNames.join(', ')}`,
  )
}

/** In the owner's audit log: whoever has the machine did it. */
async function noteCommand(writes: Store['writes'], { keyId, apiKey }: Key, action: string): Promise<void> {
  await writes.audit.add({
    ...{ keyId, action, apiKey: null, asParticipant: null, about: { apiKey }, participantId: null },
  })
}

function toRow(key: Key, uses: Map<string, number>): string[] {
  const usedAt = uses.get(key.apiKey)
  return [
    key.apiKey,
    stateOf(key),
    toIso(key.createdAt),
    usedAt === undefined ? 'never' : toIso(usedAt),
    key.scopes?.join() ?? 'first',
    key.name ?? '',
    key.email ?? '',
  ]
}

function stateOf({ disabledAt, previousUntil, expiresAt = null }: Key): string {
  if (disabledAt !== null) return `disabled ${toIso(disabledAt)}`
  if (expiresAt !== null && expiresAt <= systemClock.now()) return `expired ${toIso(expiresAt)}`
  const rotating = previousUntil !== null && previousUntil > systemClock.now()
  return rotating ? `enabled, old secret until ${toIso(previousUntil)}` : 'enabled'
}
