import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NewSource, Source, SourceChanges, SourceList } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { quote } from '../runtime/explain.ts'
import type { GuardedFetch } from '../runtime/guarded-fetch.ts'
import type { Engines } from '../sources/engines/engines.ts'
import type { SourceHealth } from '../sources/health.ts'
import { checkAddresses, completeSettings, readSettings, requireSettings, toPrevious } from '../sources/settings.ts'
import { type SourceRecord, type SourceViewOptions, toSource } from '../sources/view.ts'
import { type ApiAuth, callerOf } from './auth/auth.ts'
import type { Caller } from './auth/caller.ts'
import { scopes } from './auth/scopes.ts'
import { baseUrlOf } from './http/base-url.ts'
import { refusals } from './http/refusals.ts'

const SourcePath = Type.Object({ id: Type.String({ description: 'the id of a source', about: 'The source.' }) })

const schemas = {
  create: {
    operationId: 'createSource',
    tags: ['Sources'],
    summary: 'Add a media server',
    description:
      'The answer has the lines to paste into its configuration. A secret that was made for it is in them this once. Rollcall’s own: VideoSDK has no such call.',
    body: NewSource,
    response: { 200: Source },
  },
  list: {
    operationId: 'listSources',
    scopes: scopes(),
    tags: ['Sources'],
    summary: 'List media servers',
    description: 'With what came of what they sent.',
    response: { 200: SourceList },
  },
  one: {
    operationId: 'getSource',
    scopes: scopes(),
    tags: ['Sources'],
    summary: 'Get a media server',
    description: 'With what came of what it sent.',
    params: SourcePath,
    response: { 200: Source, ...refusals('SOURCE_NOT_FOUND') },
  },
  update: {
    operationId: 'updateSource',
    tags: ['Sources'],
    summary: 'Change a media server',
    description:
      'Its name, and its settings: what is not named stays. Its type and address never change. What is signed with the credentials before is taken for another day.',
    params: SourcePath,
    body: SourceChanges,
    response: { 200: Source, ...refusals('SOURCE_NOT_FOUND') },
  },
  remove: {
    operationId: 'deleteSource',
    tags: ['Sources'],
    summary: 'Take a media server away',
    description: 'What it sends is not taken any more. What it sent stays.',
    params: SourcePath,
    response: { 200: Source, ...refusals('SOURCE_NOT_FOUND') },
  },
}

/** Media servers that report here: made, shown with their health, changed and taken away. */
export function sourceRoutes(
  { config, clock, reads, writes }: Pick<Context, 'config' | 'clock' | 'reads' | 'writes'>,
  {
    auth,
    engines,
    guardedFetch,
    sourceHealth,
  }: { auth: ApiAuth; engines: Engines; guardedFetch: GuardedFetch; sourceHealth: SourceHealth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/v2/sources', { onRequest: auth.crawler, schema: schemas.create }, async (request) => {
      const { type, name, ...given } = request.body
      const { settings, newSecret } = completeSettings(type, requireSettings(type, given))
      await checkAddresses(settings, guardedFetch)
      const { keyId } = callerOf(request).key
      return toSource(await writes.sources.add({ keyId, type, name, settings }), viewFor(request, newSecret))
    })

    app.get('/v2/sources', { onRequest: auth.crawler, schema: schemas.list }, async (request) => {
      const view = viewFor(request)
      return { data: (await listSources(callerOf(request))).map((source) => toSource(source, view)) }
    })

    app.get('/v2/sources/:id', { onRequest: auth.crawler, schema: schemas.one }, async (request) =>
      toSource(await requireSource(callerOf(request), request.params.id), viewFor(request)),
    )

    app.patch('/v2/sources/:id', { onRequest: auth.crawler, schema: schemas.update }, async (request) => {
      const source = await requireSource(callerOf(request), request.params.id)
      const { id, type, keyId } = source
      const { name, ...given } = request.body
      const settings = readSettings(type, given)
      await checkAddresses(settings, guardedFetch)
      const previous = toPrevious(source, settings, clock.now())
      await writes.sources.update({
        keyId,
        id,
        settings,
        ...(name !== undefined && { name }),
        ...(previous !== undefined && { previous }),
      })
      return toSource(await requireSource(callerOf(request), id), viewFor(request))
    })

    app.delete('/v2/sources/:id', { onRequest: auth.crawler, schema: schemas.remove }, async (request) => {
      const source = await requireSource(callerOf(request), request.params.id)
      if (!(await writes.sources.delete(source))) refuseUnknown(source.id)
      return toSource(source, viewFor(request))
    })
  }

  function viewFor(request: FastifyRequest, newSecret?: string): SourceViewOptions {
    return { engines, base: baseUrlOf(request, config), newSecret }
  }

  async function listSources({ key }: Caller): Promise<SourceRecord[]> {
    await sourceHealth.flush()
    return reads.sources.list(key.keyId)
  }

  async function requireSource(caller: Caller, id: string): Promise<SourceRecord> {
    return (await listSources(caller)).find((source) => source.id === id) ?? refuseUnknown(id)
  }
}

function refuseUnknown(id: string): never {
  throw new Refusal('SOURCE_NOT_FOUND', `Source ${quote(id)} not found`)
}
