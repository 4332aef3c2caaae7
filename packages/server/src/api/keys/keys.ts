import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  KeyChanges,
  KeyRotation,
  NewKey,
  OwnerKey,
  OwnerKeyList,
  OwnerKeyWithSecret,
  ownerKeysMax,
  secretOverlapSeconds,
  toCleanText,
  toIso,
  toIsoOrNull,
} from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import { parseTime } from '../../runtime/parse-time.ts'
import type { Key } from '../../store/keys/key.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { scopes } from '../auth/scopes.ts'
import { refusals } from '../http/refusals.ts'

const KeyPath = Type.Object({ apiKey: Type.String({ description: 'one exact API key', about: 'The key.' }) })

const tags = ['Keys']
const schemas = {
  list: {
    operationId: 'listKeys',
    scopes: scopes(),
    tags,
    summary: 'List API keys',
    description:
      'Of the owner: the first, and those that were added, without their secrets. All see the same record; what each may do is its `scopes`.',
    response: { 200: OwnerKeyList },
  },
  create: {
    operationId: 'createKey',
    tags,
    summary: 'Add an API key',
    description:
      'For an application or a person: it may do what its `scopes` say, until it expires or is disabled. The answer has its secret, this once. Rollcall’s own: VideoSDK has no such call.',
    body: NewKey,
    response: { 200: OwnerKeyWithSecret, ...refusals('CONFLICT') },
  },
  update: {
    operationId: 'updateKey',
    tags,
    summary: 'Change an API key',
    description: 'What is not named stays. The first key takes another name alone.',
    params: KeyPath,
    body: KeyChanges,
    response: { 200: OwnerKey, ...refusals('KEY_NOT_FOUND', 'CONFLICT') },
  },
  rotate: {
    operationId: 'rotateKeySecret',
    tags,
    summary: 'Give an API key a new secret',
    description: 'The answer has it, this once. The old one stays good beside it for a while.',
    params: KeyPath,
    body: KeyRotation,
    response: { 200: OwnerKeyWithSecret, ...refusals('KEY_NOT_FOUND') },
  },
  remove: {
    operationId: 'deleteKey',
    tags,
    summary: 'Delete an API key',
    description: 'Its tokens are refused from now on. What was recorded with it stays, and so does the first key.',
    params: KeyPath,
    response: { 200: OwnerKey, ...refusals('KEY_NOT_FOUND', 'CONFLICT') },
  },
}

/** `/v2/keys`: the keys of one owner. */
export function keyRoutes(
  { reads, writes, clock }: Pick<Context, 'reads' | 'writes' | 'clock'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/v2/keys', { onRequest: auth.crawler, schema: schemas.list }, async (request) => {
      const { keyId } = callerOf(request).key
      const uses = await reads.keys.uses(keyId)
      return { data: (await reads.keys.listOf(keyId)).map((key) => toOwnerKey(key, uses)) }
    })

    app.post('/v2/keys', { onRequest: auth.crawler, schema: schemas.create }, async (request) => {
      const { keyId } = callerOf(request).key
      const { name, scopes: mayDo, expiresAt } = request.body
      if ((await reads.keys.listOf(keyId)).length >= ownerKeysMax) {
        throw new Refusal('CONFLICT', `There are ${ownerKeysMax} keys, which is the most: delete one first`)
      }
      const added = await writes.scopedKeys.add({
        keyId,
        name: readName(name),
        scopes: [...new Set(mayDo)],
        expiresAt: readExpiry(expiresAt) ?? null,
      })
      return { ...toOwnerKey(added), secret: added.secret }
    })

    app.patch('/v2/keys/:apiKey', { onRequest: auth.crawler, schema: schemas.update }, async (request) => {
      const key = await requireKey(callerOf(request).key.keyId, request.params.apiKey)
      const { name, expiresAt, disabled } = request.body
      if (key.scopes === undefined && (expiresAt !== undefined || disabled !== undefined)) {
        throw new Refusal('CONFLICT', `${key.apiKey} is the first key, which stays: \`rollcall keys disable\` ends it`)
      }
      return show(await change(key, { name, expiresAt: readExpiry(expiresAt), disabled }))
    })

    app.post('/v2/keys/:apiKey/rotate-secret', { onRequest: auth.crawler, schema: schemas.rotate }, async (request) => {
      const key = await requireKey(callerOf(request).key.keyId, request.params.apiKey)
      const { overlapSeconds = secretOverlapSeconds } = request.body
      const toRotate = { keyId: key.keyId, apiKey: key.apiKey, previousUntil: clock.now() + overlapSeconds * 1000 }
      const { rotate } = key.scopes === undefined ? writes.keys : writes.scopedKeys
      const rotated = (await rotate(toRotate)) ?? refuseUnknownKey(key.apiKey)
      return { ...(await show(rotated)), secret: rotated.secret }
    })

    app.delete('/v2/keys/:apiKey', { onRequest: auth.crawler, schema: schemas.remove }, async (request) => {
      const key = await requireKey(callerOf(request).key.keyId, request.params.apiKey)
      if (key.scopes === undefined) {
        throw new Refusal('CONFLICT', `${key.apiKey} is the first key, to which all belongs: \`rollcall keys remove\``)
      }
      const shown = await show(key)
      if (!(await writes.scopedKeys.remove(key))) refuseUnknownKey(key.apiKey)
      return shown
    })
  }

  async function requireKey(keyId: number, apiKey: string): Promise<Key> {
    const key = await reads.keys.find(apiKey)
    return key?.keyId === keyId ? key : refuseUnknownKey(apiKey)
  }

  async function change(
    { keyId, apiKey, scopes }: Key,
    changes: { name?: string | undefined; expiresAt?: number | null | undefined; disabled?: boolean | undefined },
  ): Promise<Key> {
    const name = changes.name === undefined ? undefined : readName(changes.name)
    if (scopes !== undefined) {
      return (await writes.scopedKeys.update({ keyId, apiKey, ...changes, name })) ?? refuseUnknownKey(apiKey)
    }
    if (name !== undefined) await writes.keys.rename({ apiKey, name })
    return requireKey(keyId, apiKey)
  }

  async function show(key: Key): Promise<OwnerKey> {
    return toOwnerKey(key, await reads.keys.uses(key.keyId))
  }

  /** Undefined: nothing is said of it; null: never. */
  function readExpiry(text: string | undefined): number | null | undefined {
    if (text === undefined) return undefined
    if (text === 'never') return null
    const at = parseTime('expiresAt', text)
    if (at > clock.now()) return at
    throw new Refusal('BAD_REQUEST', `expiresAt=${quote(text)} is not understood: it takes a time to come, or never`)
  }
}

function readName(given: string): string {
  const name = toCleanText(given).trim()
  if (name !== '') return name
  throw new Refusal('BAD_REQUEST', `name=${quote(given)} is not understood: it takes a text with a letter in it`)
}

function toOwnerKey(key: Key, uses: Map<string, number> = new Map()): OwnerKey {
  const { apiKey, name, scopes, createdAt, expiresAt, disabledAt, previousUntil } = key
  return {
    apiKey,
    name,
    isFirst: scopes === undefined,
    scopes: scopes ?? ['all'],
    createdAt: toIso(createdAt),
    lastUsedAt: toIsoOrNull(uses.get(apiKey)),
    expiresAt: toIsoOrNull(expiresAt),
    disabledAt: toIsoOrNull(disabledAt),
    oldSecretUntil: toIsoOrNull(previousUntil),
  }
}

function refuseUnknownKey(apiKey: string): never {
  throw new Refusal('KEY_NOT_FOUND', `Key ${quote(apiKey)} not found`)
}
