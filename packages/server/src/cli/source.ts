import { type SourceType, sourceTypes, toIso } from '@rollcall/protocol'
import { defineCommand } from 'citty'
import type { Config } from '../config.ts'
import { Refusal } from '../error.ts'
import type { Store } from '../record/open-store.ts'
import { systemClock } from '../runtime/clock.ts'
import { createGuardedFetch } from '../runtime/guarded-fetch.ts'
import { createEngines } from '../sources/engines/engines.ts'
import { checkAddresses, completeSettings, requireSettings } from '../sources/settings.ts'
import { type SourceRecord, toSource } from '../sources/view.ts'
import { onStore, requireEnabledKey, serverUrl, toTable } from './command.ts'
import { readSecrets } from './secret-input.ts'

const addSource = onStore(
  'add',
  'Add a media server, and print the lines to paste into its configuration. A secret that is given as - is read from stdin, a line each',
  {
    type: { type: 'positional', description: sourceTypes.join(', '), required: true },
    name: { type: 'string', description: 'Which one it is, for people', required: true },
    key: { type: 'string', description: 'The API key that it belongs to; without it, the first that is enabled' },
    'api-key': { type: 'string', description: 'LiveKit: the API key that it signs its webhooks with' },
    secret: {
      type: 'string',
      description: 'LiveKit, BigBlueButton: its secret; Jitsi, generic: what it is to send, made where you give none',
    },
    user: { type: 'string', description: 'Janus: the user that it sends; without it, rollcall' },
    password: { type: 'string', description: 'Janus: the password that it sends, made where you give none' },
    url: { type: 'string', description: 'LiveKit, Janus: where its API is' },
    'api-secret': { type: 'string', description: 'Janus: the api_secret of its API, where it has one' },
    'room-secret': { type: 'string', description: 'Janus: the secret of its video rooms, where they have one' },
    'callback-url': { type: 'string', description: 'BigBlueButton: the address it calls, where a proxy changes it' },
    'public-key-url': { type: 'string', description: 'VideoSDK: where its public key is' },
  },
  async ({ type: givenType, name, key: apiKey, ...given }, store, config) => {
    const { reads, writes } = store
    const { keyId } = await requireEnabledKey(reads, apiKey)
    const type = requireType(givenType)
    const required = requireSettings(type, {
      apiKey: given['api-key'],
      user: given.user,
      url: given.url,
      ...readSecrets({
        secret: given.secret,
        password: given.password,
        apiSecret: given['api-secret'],
        roomSecret: given['room-secret'],
      }),
      callbackUrl: given['callback-url'],
      publicKeyUrl: given['public-key-url'],
    })
    const { settings, newSecret } = completeSettings(type, required)
    await checkAddresses(settings, createGuardedFetch(config))
    const source = await writes.sources.add({ keyId, type, name, settings })
    const { id, setup } = describe(source, config, await serverUrl(store, config), newSecret)
    return `Source  ${id}\n\n${setup}\n`
  },
)

const listSources = onStore('list', 'List the media servers, and how they are', {}, async (_, { reads }) => {
  const sources = await listAll(reads)
  if (sources.length === 0) return 'No source yet: add one by `rollcall source add`.\n'
  const rows = sources.map(({ id, name, health }) => [
    id,
    name,
    health.lastFactAt === null ? 'never' : toIso(health.lastFactAt),
    `${health.recorded}/${health.duplicate}/${health.ignored}/${health.refused}`,
    health.lastErrorAt === null ? '' : `${toIso(health.lastErrorAt)} ${health.lastError}`,
  ])
  return toTable([['SOURCE', 'NAME', 'LAST FACT', 'RECORDED/DUPLICATE/IGNORED/REFUSED', 'LAST ERROR'], ...rows])
})

const removeSource = onStore(
  'remove',
  'Take a media server away: what it sends is not taken any more, what it sent stays',
  { source: { type: 'positional', description: 'The id of the source', required: true } },
  async ({ source: id }, { reads, writes }) => {
    const source = (await listAll(reads)).find((one) => one.id === id)
    if (source === undefined || !(await writes.sources.delete(source))) {
      throw new Refusal('SOURCE_NOT_FOUND', `there is no source ${id}: see rollcall source list`)
    }
    return `${source.name} (${id}) is taken away.\n`
  },
)

export const source = defineCommand({
  meta: { name: 'source', description: 'Add, list and remove media servers that report here' },
  subCommands: { add: addSource, list: listSources, remove: removeSource },
})

function requireType(text: string): SourceType {
  const type = sourceTypes.find((known) => known === text)
  if (type !== undefined) return type
  throw new Refusal('BAD_REQUEST', `${text} is no type of source: it takes one of ${sourceTypes.join(', ')}`)
}

function describe(source: SourceRecord, config: Config, base: string, newSecret: string | undefined) {
  const guardedFetch = createGuardedFetch(config)
  const engines = createEngines({ guardedFetch, clock: systemClock })
  return toSource(source, { engines, base, newSecret })
}

async function listAll(reads: Store['reads']) {
  const keys = await reads.keys.list()
  return (await Promise.all(keys.map(({ keyId }) => reads.sources.list(keyId)))).flat()
}
