import { type Source as ApiSource, projectIdOf, toIso, toIsoOrNull } from '@rollcall/protocol'
import type { SourceHealth } from '../store/source-health.ts'
import type { Source } from '../store/sources.ts'
import { type Engines, engineFor } from './engines/engines.ts'

/** Settings that the API never shows. */
const secretNames = ['secret', 'password', 'apiSecret', 'roomSecret']

/** A source with its health; a new one has none yet. */
export type SourceRecord = Source & { health?: SourceHealth }

export type SourceViewOptions = {
  engines: Engines
  /** What its address is built on, without a slash at the end. */
  base: string
  /** A secret that was just made: it is shown this once. */
  newSecret?: string | undefined
}

/** A source as the API shows it: never its secrets. */
export function toSource(source: SourceRecord, { engines, base, newSecret }: SourceViewOptions): ApiSource {
  const { id, type, name, settings, createdAt, updatedAt, health } = source
  const url = ingestUrlOf(id, base)
  const projectId = projectIdOf(id)
  return {
    id,
    type,
    name,
    ...(projectId !== undefined && { projectId }),
    url,
    setup: engineFor(engines, type).describeSetup(url, settings, newSecret, name),
    settings: Object.fromEntries(Object.entries(settings).filter(([name]) => !secretNames.includes(name))),
    createdAt: toIso(createdAt),
    updatedAt: toIso(updatedAt),
    health: {
      lastFactAt: toIsoOrNull(health?.lastFactAt),
      recorded: health?.recorded ?? 0,
      duplicate: health?.duplicate ?? 0,
      ignored: health?.ignored ?? 0,
      refused: health?.refused ?? 0,
      clockSkewMs: health?.skewMs ?? null,
      lastError: health?.lastError ?? null,
      lastErrorAt: toIsoOrNull(health?.lastErrorAt),
      arrivals: (health?.arrivals ?? []).map((one) => ({ ...one, lastAt: toIso(one.lastAt) })),
    },
  }
}

function ingestUrlOf(id: string, base: string): string {
  return `${base}/v2/ingest/${id}`
}
