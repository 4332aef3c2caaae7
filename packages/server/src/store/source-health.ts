import { type Over, query } from './noun.ts'

/** What came of what a source sent; times are epoch milliseconds, by our clock. */
export type SourceHealth = {
  lastFactAt: number | null
  recorded: number
  duplicate: number
  ignored: number
  refused: number
  /** How far its clock is behind ours, by its last delivery. */
  skewMs: number | null
  lastError: string | null
  lastErrorAt: number | null
  arrivals: Arrival[]
}

/** One kind of what came, and what became of it. It names nobody: whoever is erased is not in it. */
export type Arrival = {
  /** The type of a fact; null where it was not read so far. */
  what: string | null
  outcome: 'recorded' | 'duplicate' | 'ignored' | 'refused' | 'failed'
  reason: string | null
  times: number
  lastAt: number
}

/** Most kinds that are kept of one source: those that came last. */
const arrivalsMax = 20

/** Adds one to those that are known. */
export function addArrival(arrivals: Arrival[], { what, outcome, reason, times, lastAt }: Arrival): void {
  const known = arrivals.find((one) => one.outcome === outcome && one.what === what && one.reason === reason)
  if (known !== undefined) {
    known.times += times
    known.lastAt = Math.max(known.lastAt, lastAt)
    return
  }
  arrivals.push({ what, outcome, reason, times, lastAt })
  if (arrivals.length <= arrivalsMax) return
  const oldest = arrivals.reduce((one, other) => (other.lastAt < one.lastAt ? other : one))
  arrivals.splice(arrivals.indexOf(oldest), 1)
}

/** News of a source's health: numbers are added, and what is not null stands in place of what was known. */
export type SourceNote = { id: string } & SourceHealth

export const healthColumns = [
  'sources.last_fact_at as lastFactAt',
  'sources.recorded',
  'sources.duplicate',
  'sources.ignored',
  'sources.refused',
  'sources.skew_ms as skewMs',
  'sources.last_error as lastError',
  'sources.last_error_at as lastErrorAt',
  'sources.arrivals',
] as const

export type HealthRow = Omit<SourceHealth, 'arrivals'> & { arrivals: string | null }

/** The latest first. */
export function toArrivals(text: string | null): Arrival[] {
  return text === null ? [] : (JSON.parse(text) as Arrival[]).sort((a, b) => b.lastAt - a.lastAt)
}

type Place = { keyId: number; id: string }
const arrivalsOf = query<Place, { arrivals: string | null }>((k, p) =>
  k.selectFrom('sources').select('arrivals').where('key_id', '=', p.keyId).where('id', '=', p.id),
)
const setArrivals = query<Place & { arrivals: string }>((k, p) =>
  k.updateTable('sources').set({ arrivals: p.arrivals }).where('key_id', '=', p.keyId).where('id', '=', p.id),
)

export async function writeNote({ db }: Pick<Over, 'db'>, keyId: number, note: SourceNote): Promise<void> {
  const { id } = note
  // First of all: it holds the row, so that what another server adds to the arrivals is not lost.
  await db.kysely
    .updateTable('sources')
    .set((eb) => ({
      recorded: eb('recorded', '+', note.recorded),
      duplicate: eb('duplicate', '+', note.duplicate),
      ignored: eb('ignored', '+', note.ignored),
      refused: eb('refused', '+', note.refused),
      ...(note.lastFactAt !== null && { last_fact_at: note.lastFactAt }),
      ...(note.skewMs !== null && { skew_ms: note.skewMs }),
      ...(note.lastError !== null && { last_error: note.lastError, last_error_at: note.lastErrorAt }),
    }))
    .where('key_id', '=', keyId)
    .where('id', '=', id)
    .execute()
  if (note.arrivals.length === 0) return
  const [row] = await db.all(arrivalsOf(db), { keyId, id })
  if (row === undefined) return
  const arrivals = toArrivals(row.arrivals)
  for (const one of note.arrivals) addArrival(arrivals, one)
  await db.run(setArrivals(db), { keyId, id, arrivals: JSON.stringify(arrivals) })
}
